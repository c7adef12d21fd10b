"""Every source that asks a server page by page, 20 ms away, into committed lake tables.

    python benchmarks/api_sources.py [--small] [--rounds N] [--only NAME]

The servers are the worlds of the contract suite, found as that finds them, each with a long main
list and in a process of its own. Beside each source, alternated in the same run:

one by one     an entity a request over one connection, as usual clients ask (a sample)
the raw walk   the requests of the source with bare httpx, each as soon as what it waited for in the
               source has come, with as many in flight; answers are read and thrown away
all at once    the same requests without waiting for one another: what no order could beat

Rows are entities of the main list. Ratios are medians over the rounds. The second run, with nothing
new, is counted in requests.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ingest"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ingest" / "contract"))

from contract_case import Case
from contract_stage import FILES, module
from loopback import serving

from assets import load
from golive_core.http import Answer, Http, Request
from golive_core.lake import Lake
from ingest import registry
from ingest.source import Context, Instance

LATENCY_S = 0.02
ENTITIES = 10_000
SAMPLE = 50
GOAL_ONE, GOAL_RAW, GOAL_SECOND = 100, 1.5, 0.05


def cases() -> dict[str, Case]:
    """Return the cases of real sources whose main list has pages."""
    found = {name: module(path).CASE for name, path in FILES.items()}
    known = set(registry.sources())
    return {name: one for name, one in found.items() if one.page and one.source.type in known}


# ---------------------------------------------------------------- the server


def serve(name: str, entities: int) -> None:
    """Serve the world of a case until the process is killed; the address goes to stdout."""
    case = cases()[name]
    world = case.world()
    assert case.page
    case.page(world, entities)
    world.latency_s = LATENCY_S
    with serving(world):
        print(world.url, flush=True)
        sys.stdin.read()


@contextmanager
def server(name: str, entities: int) -> Iterator[str]:
    """Start the world of a case in a process of its own and yield its address."""
    command = [sys.executable, __file__, "--serve", name, "--entities", str(entities)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


# ---------------------------------------------------------------- the source


@dataclass(frozen=True, slots=True)
class Sent:
    """A request of the source, and the last one whose answer it had by then (-1 for none)."""

    request: Request
    headers: dict[str, str]
    after: int
    base: str


class Noted(Future[Answer]):
    """The future of a request that tells when its answer was taken."""

    def __init__(self, real: Future[Answer], number: int, taken: list[int]) -> None:
        super().__init__()
        self._real, self._number, self._taken = real, number, taken

    def result(self, timeout: float | None = None) -> Answer:
        """Wait for the answer."""
        answer = self._real.result(timeout)
        self._taken[0] = max(self._taken[0], self._number)
        return answer

    def cancel(self) -> bool:
        """Give the request up."""
        return self._real.cancel()


@contextmanager
def noting() -> Iterator[list[Sent]]:
    """Note what is asked meanwhile."""
    real, sent, taken = Http.begin, list[Sent](), [-1]

    def begin(self: Http, request: Request) -> Future[Answer]:
        sent.append(Sent(request, dict(self._client.headers), taken[0], self.endpoint.url))
        return Noted(real(self, request), len(sent) - 1, taken)

    Http.begin = begin
    try:
        yield sent
    finally:
        Http.begin = real


@dataclass(frozen=True, slots=True)
class Run:
    """One first run and the second behind it."""

    took_s: float
    sent: list[Sent]
    first: int
    second: int


def instance_of(case: Case, url: str) -> Instance:
    """Return the instance of a case, with pages as long as the source has them by default."""
    options = {name: one for name, one in case.options(url).items() if name != "page"}
    return Instance("it", case.source.type, "shop", options)


def ingest(case: Case, url: str) -> Run:
    """Fill a new lake, then ask again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ".golive"
        lake, context = Lake(home / "lake"), Context(home, Path(folder))
        instance = instance_of(case, url)
        source = registry.build(instance, context)
        began = time.perf_counter()
        with noting() as sent:
            first = load.ingest(lake, source, instance, context=context)
        took = time.perf_counter() - began
        second = load.ingest(lake, source, instance, context=context)
        for done in (first, second):
            if done.error:
                raise done.error
        assert first.conform.rows_new > 0
        return Run(took, list(sent), first.pull.requests, second.pull.requests)


# ---------------------------------------------------------------- the peers


def one_by_one(case: Case, sent: list[Sent]) -> float:
    """Ask for SAMPLE entities, one a request over one connection; return how many a second."""
    asked = (one for one in sent if case.main in shown(one.request))
    small = ((one, {name: single(case, told) for name, told in one.request.params.items()})
             for one in asked)  # fmt: skip
    pairs = (pair for pair in small if pair[1] != pair[0].request.params)
    first, wanted = next(pairs, (None, {}))
    if first is None:
        return math.nan  # its lists come whole: there is no smaller page to ask for
    with httpx.Client(base_url=first.base, headers=first.headers) as client:
        began = time.perf_counter()
        for _ in range(SAMPLE):
            client.get(first.request.path, params=wanted).raise_for_status().read()
        return SAMPLE / (time.perf_counter() - began)


def single(case: Case, value: str) -> str:
    """Return a parameter with the size of a page made 1."""
    size = instance_of(case, "http://x").options.get("page")
    sizes = "|".join(str(one) for one in {case.page_size, size, 5_000} if one)
    return re.sub(rf"\b({sizes})\b", "1", value)


def shown(request: Request) -> str:
    """Return path and query as the worlds name requests."""
    return f"{request.path}?" + "&".join(f"{k}={v}" for k, v in request.params.items())


async def walk(sent: list[Sent], in_flight: int, *, waits: bool) -> None:
    """Send the requests of a source; with `waits` each after the one it waited for."""
    done = [asyncio.Event() for _ in sent]
    places = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight)
    async with httpx.AsyncClient(base_url=sent[0].base, limits=limits, timeout=60) as client:

        async def ask(number: int, one: Sent) -> None:
            if waits and one.after >= 0:
                await done[one.after].wait()
            async with places:
                request = one.request
                answer = await client.request(
                    request.method, request.path, params=dict(request.params) or None,
                    content=request.content, headers={**one.headers, **request.headers},
                    follow_redirects=True,
                )  # fmt: skip
                assert answer.content is not None
            done[number].set()

        await asyncio.gather(*(ask(number, one) for number, one in enumerate(sent)))


def raw_s(case: Case, sent: list[Sent], *, waits: bool) -> float:
    """Return the seconds that the requests take with bare httpx."""
    in_flight = case.source.Options.model_fields["in_flight"].default
    began = time.perf_counter()
    asyncio.run(walk(sent, in_flight, waits=waits))
    return time.perf_counter() - began


# ---------------------------------------------------------------- the table


def measured(case: Case, url: str, entities: int) -> dict[str, float]:
    """Return the figures of one round."""
    run = ingest(case, url)
    raw, bound = (raw_s(case, run.sent, waits=waits) for waits in (True, False))
    alone = one_by_one(case, run.sent)
    return {
        "per_s": entities / run.took_s, "alone": alone, "raw": entities / raw,
        "bound": entities / bound, "requests": run.first, "to_one": entities / run.took_s / alone,
        "to_raw": run.took_s / raw, "to_bound": run.took_s / bound,
        "second": run.second / run.first,
    }  # fmt: skip


def main() -> None:
    """Run the comparison and print it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="2,000 entities, one round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="", help="one source alone")
    options.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options.add_argument("--entities", type=int, default=ENTITIES, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve(given.serve, given.entities)
        return
    entities, rounds = (2_000, 1) if given.small else (given.entities, given.rounds)
    print(f"{entities:,} entities, {LATENCY_S * 1000:.0f} ms, n={rounds}, load {os.getloadavg()}")
    titles = ("rows/s", "one by one", "raw walk", "at once", "requests", "x one", "/ raw",
              "/ at once", "2nd/1st")  # fmt: skip
    print(f"{'':16}" + "".join(f"{title:>11}" for title in titles), flush=True)
    for name, case in cases().items():
        if "in_flight" not in case.source.Options.model_fields:
            print(f"{name:16} is not asked by our client")
        elif given.only in ("", name):
            with server(name, entities) as url:
                found = [measured(case, url, entities) for _ in range(rounds)]
            print(line(name, {key: statistics.median(one[key] for one in found)
                              for key in found[0]}), flush=True)  # fmt: skip
    print(f"goals: x one >= {GOAL_ONE}, / raw <= {GOAL_RAW}, 2nd/1st <= {GOAL_SECOND}")


def line(name: str, one: dict[str, Any]) -> str:
    """Return a line of the table."""
    counts = ("per_s", "alone", "raw", "bound", "requests")
    ratios = ("to_one", "to_raw", "to_bound", "second")
    cells = [f"{one[key]:11,.0f}" for key in counts] + [f"{one[key]:11.2f}" for key in ratios]
    return f"{name:16}" + "".join(cells)


if __name__ == "__main__":
    main()
