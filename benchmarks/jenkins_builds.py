"""10,000 builds of a Jenkins 20 ms away, into committed lake tables.

    python benchmarks/jenkins_builds.py [--small] [--rounds N]

Beside it, alternated in the same run: the usual client, which asks for one build a request over one
connection (a sample of builds), and the limit, which asks for the same pages as GoLive and throws
them away. The server runs in a process of its own on the loopback and answers from memory after
20 ms: a real Jenkins reads its builds from disk, so the figures bound the client, not a Jenkins.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from assets import load
from golive_core.http import Endpoint, Http, Request
from golive_core.lake import Lake
from ingest import registry
from ingest.jenkins.walk import PAGE
from ingest.parse.jenkins_builds import TREE
from ingest.source import Context, Instance

SERVER = Path(__file__).parents[1] / "tests" / "ingest" / "jenkins" / "jenkins_server.py"
JOB = "job/shop/job/build"
LATENCY_S = 0.02
GOAL = 8_000
"""Builds a second into committed tables."""


@contextmanager
def server(builds: int) -> Iterator[str]:
    """Start the loopback Jenkins and yield its address."""
    command = [sys.executable, str(SERVER), "--builds", str(builds), "--latency", str(LATENCY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work: Callable[[], int]) -> tuple[float, float]:
    """Return builds a second and builds a CPU second of `work`, which returns its builds."""
    began, cpu = time.perf_counter(), cpu_s()
    builds = work()
    return builds / (time.perf_counter() - began), builds / max(cpu_s() - cpu, 1e-9)


def one_a_request(url: str, sample: int) -> int:
    """Ask for each build on its own, as the usual clients do, over one connection."""
    with httpx.Client(base_url=url) as client:
        for number in range(1, sample + 1):
            answer = client.get(f"{JOB}/{number}/api/json", params={"tree": TREE})
            assert answer.json()["number"] == number
    return sample


def pages_alone(url: str, builds: int) -> int:
    """Fetch the pages, four in flight, and do nothing with them."""
    requests = (
        Request(f"{JOB}/api/json", {"tree": f"allBuilds[{TREE}]{{{first},{first + PAGE}}}"})
        for first in range(0, builds, PAGE)
    )
    with Http(Endpoint(url, where="raw")) as http:
        assert sum(len(answer.body) for answer in http.fetch_all(requests))
    return builds


class GoLive:
    """A lake in a folder of its own, filled from the server."""

    def __init__(self, url: str, folder: Path) -> None:
        self.lake = Lake(folder / ".golive" / "lake")
        self.instance = Instance("ci", "jenkins", "shop", {"url": url, "logs": "none"})
        self.context = Context(folder / ".golive", folder)

    def ingest(self) -> load.IngestResult:
        """Pull and conform, in this process and, for large slices, in its workers."""
        source = registry.build(self.instance, self.context)
        done = load.ingest(self.lake, source, self.instance, context=self.context)
        if done.error:
            raise done.error
        return done


def files(folder: Path) -> int:
    """Return how many files there are."""
    return sum(1 for path in folder.rglob("*") if path.is_file())


def first_and_second(url: str, builds: int) -> dict[str, float]:
    """Fill a new lake, then ask again with nothing new; return what both cost."""
    with tempfile.TemporaryDirectory() as folder:
        golive = GoLive(url, Path(folder))
        began, cpu = time.perf_counter(), cpu_s()
        first = golive.ingest()
        took, used = time.perf_counter() - began, cpu_s() - cpu
        rows = golive.lake.query("select count(*) n, count(distinct build_id) d from core.builds")
        assert rows.row(0) == (builds, builds), rows
        before, version = files(Path(folder)), golive.lake.version()
        began = time.perf_counter()
        second = golive.ingest()
        return {
            "per_s": builds / took, "per_cpu_s": builds / used, "requests": first.pull.requests,
            "second_s": time.perf_counter() - began, "first_s": took,
            "second_requests": second.pull.requests, "second_rows": second.conform.rows_new,
            "second_files": files(Path(folder)) - before,
            "second_versions": golive.lake.version() - version,
        }  # fmt: skip


def main() -> None:
    """Run the comparison and print it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="2,000 builds, one round")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    builds, rounds, sample = (2_000, 1, 50) if given.small else (10_000, given.rounds, 100)
    alone: list[tuple[float, float]] = []
    pages: list[tuple[float, float]] = []
    ours: list[dict[str, float]] = []
    with server(builds) as url:
        for _ in range(rounds):
            alone.append(timed(lambda: one_a_request(url, sample)))
            pages.append(timed(lambda: pages_alone(url, builds)))
            ours.append(first_and_second(url, builds))
    report(builds, sample, alone, pages, ours)


def middle(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def report(
    builds: int, sample: int, alone: list[tuple[float, float]], pages: list[tuple[float, float]],
    ours: list[dict[str, float]],
) -> None:  # fmt: skip
    """Print the table and the ratios; medians over the rounds."""
    us = {name: middle([one[name] for one in ours]) for name in ours[0]}
    rows = [
        (f"one request a build ({sample} sampled)", *map(middle, zip(*alone, strict=True)), builds),
        ("the pages alone, thrown away", *map(middle, zip(*pages, strict=True)), builds / PAGE),
        ("GoLive, committed to the lake", us["per_s"], us["per_cpu_s"], us["requests"]),
    ]
    print(f"{builds:,} builds, {LATENCY_S * 1000:.0f} ms, n={len(ours)}, load {os.getloadavg()}")
    print(f"{'':40}{'builds/s':>12}{'per CPU s':>12}{'requests':>10}")
    for name, per_s, per_cpu_s, requests in rows:
        print(f"{name:40}{per_s:12,.0f}{per_cpu_s:12,.0f}{requests:10,.0f}")
    print(
        f"second run: {us['second_requests']:.0f} request, {us['second_rows']:.0f} rows, "
        f"{us['second_files']:.0f} files, {us['second_versions']:.0f} lake versions, "
        f"{us['second_s'] * 1000:.0f} ms"
    )
    print(f"ratio to one request a build: {us['per_s'] / rows[0][1]:.0f} x (goal >= 50)")
    print(f"ratio to the pages alone: {us['per_s'] / rows[1][1]:.2f}")
    print(f"ratio to the goal of {GOAL:,} builds/s: {us['per_s'] / GOAL:.2f}")
    print(f"ratio of requests to builds / 100 + 2: {us['requests'] / (builds / 100 + 2):.2f}")
    print(f"ratio of second to first run: {us['second_s'] / us['first_s']:.3f} (goal <= 0.05)")


if __name__ == "__main__":
    main()
