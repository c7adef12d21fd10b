"""Readers and writers of one lake in separate processes, and writers that are killed.

    python benchmarks/lake_concurrency.py [--seconds 60] [--small]
    python benchmarks/lake_concurrency.py --kill 20

Each writer commits builds and their test results in one transaction; a reader that ever sees a
build without all its results, or a count that went back, has caught the lake in a lie. One writer
compacts and vacuums as it goes. Peer: the same readers and writers on one plain DuckDB file, whose
lock turns most of them away. `--kill N` kills a writer with SIGKILL at N random moments and lets
the next one start over: no row may be lost or doubled.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb
import polars as pl

from golive_core.lake import Lake

READERS, WRITERS, RESULTS = 8, 2, 50
FIRST = date(2024, 1, 1)
COUNTS = """
select (select count(*) from core.builds), (select count(*) from core.test_results),
       (select count(distinct build_id) from core.test_results)
"""
SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Tally:
    """What one process did."""

    role: str
    done: int = 0
    lies: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    seconds: list[float] = field(default_factory=list[float])


def build(writer: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one build and its results; the same numbers give the same rows."""
    day = FIRST + timedelta(days=number // 40)
    build_id = f"ci{writer}#{number}"
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    head = {"build_id": [build_id], "pipeline_id": [f"ci{writer}"], "project_id": ["shop"],
            "day": [day], "number": [number], "status": ["passed"]}  # fmt: skip
    rows = pl.select(pl.int_range(RESULTS).alias("test_id")).with_columns(
        project_id=pl.lit("shop"), build_id=pl.lit(build_id), attempt=pl.lit(1), day=pl.lit(day),
        status=pl.lit("passed"), duration_s=pl.lit(0.5), started_at=pl.lit(at),
        environment=pl.lit(""),
    )  # fmt: skip
    return pl.DataFrame(head), rows


def commit(lake: Lake, writer: int, number: int) -> None:
    """Write one build with its results."""
    builds, results = build(writer, number)
    with lake.transaction(f"build {number}") as txn:
        txn.merge("core.builds", builds)
        txn.insert("core.test_results", results)


def tend(lake: Lake) -> None:
    """Do what the maintenance job does."""
    lake.compact("core.builds")
    lake.compact("core.test_results")
    lake.vacuum(keep=timedelta(seconds=5))


def attempt(tally: Tally, work: Callable[[], None]) -> None:
    """Do and time one step; an error is counted by its name."""
    start = time.perf_counter()
    try:
        work()
        tally.done += 1
        tally.seconds.append(time.perf_counter() - start)
    except Exception as error:  # noqa: BLE001 - counting them is what this process is for
        tally.errors[f"{type(error).__name__}: {str(error)[:120]}"] += 1


@dataclass(frozen=True, slots=True)
class Signals:
    """What the processes of one run share."""

    barrier: Barrier
    stop: Event
    answer: Queue[Tally]


def repeat(role: str, signals: Signals, work: Callable[[Tally, int], None]) -> None:
    """Do the work with 0, 1, 2 ... until told to stop, then answer."""
    tally = Tally(role)
    signals.barrier.wait()
    number = 0
    while not signals.stop.is_set():
        attempt(tally, partial(work, tally, number))
        number += 1
    signals.answer.put(tally)


def lake_writer(root: Path, writer: int, signals: Signals) -> None:
    """Commit builds until told to stop; writer 0 also tends the lake."""
    lake = Lake(root)

    def work(_: Tally, number: int) -> None:
        commit(lake, writer, number)
        if writer == 0 and number % 50 == 49:
            tend(lake)

    repeat("writer", signals, work)


def lake_reader(root: Path, _: int, signals: Signals) -> None:
    """Ask for builds and results until told to stop; they must fit, and never get fewer."""
    lake = Lake(root)
    seen = [0]

    def ask(tally: Tally, _: int) -> None:
        builds, results, distinct = lake.query(COUNTS).row(0)
        honest = results == RESULTS * builds and distinct == builds and builds >= seen[0]
        tally.lies += not honest
        seen[0] = builds

    repeat("reader", signals, ask)


def file_writer(path: Path, writer: int, signals: Signals) -> None:
    """Do the same on a DuckDB file, opened for each commit."""

    def work(_: Tally, number: int) -> None:
        with duckdb.connect(str(path)) as connection:
            tables = zip(("builds", "test_results"), build(writer, number), strict=True)
            for name, frame in tables:
                connection.register("fresh", frame)
                connection.execute(f"create table if not exists {name} as from fresh limit 0")
                connection.execute(f"insert into {name} from fresh")

    repeat("writer", signals, work)


def file_reader(path: Path, _: int, signals: Signals) -> None:
    """Read the DuckDB file, opened read-only for each question."""

    def ask(_: Tally, __: int) -> None:
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute(COUNTS.replace("core.", "")).fetchall()

    repeat("reader", signals, ask)


Role = Callable[[Path, int, Signals], None]


def together(place: Path, seconds: float, writer: Role, reader: Role) -> list[Tally]:
    """Run all writers and readers for so long, once they are up; return what each did."""
    signals = Signals(SPAWN.Barrier(WRITERS + READERS + 1), SPAWN.Event(), SPAWN.Queue())
    jobs = [*((writer, n) for n in range(WRITERS)), *((reader, n) for n in range(READERS))]
    workers = [SPAWN.Process(target=role, args=(place, n, signals)) for role, n in jobs]
    for worker in workers:
        worker.start()
    signals.barrier.wait(300)
    time.sleep(seconds)
    signals.stop.set()
    tallies = [signals.answer.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    return tallies


def show(name: str, tallies: list[Tally]) -> int:
    """Print what happened; return the number of errors and lies."""
    for role in ("writer", "reader"):
        group = [tally for tally in tallies if tally.role == role]
        took = sorted(second for tally in group for second in tally.seconds) or [0.0]
        errors = sum((tally.errors for tally in group), Counter[str]())
        print(f"{name:<12}{len(group)} {role}s{sum(tally.done for tally in group):>8} done"
              f"{sum(errors.values()):>7} errors{sum(tally.lies for tally in group):>4} lies"
              f"   median {statistics.median(took) * 1e3:.0f} ms"
              f"   p95 {took[int(len(took) * 0.95)] * 1e3:.0f} ms")  # fmt: skip
        for text, count in errors.most_common(3):
            print(f"    {count} x {text}")
    return sum(sum(tally.errors.values()) + tally.lies for tally in tallies)


def side_by_side(folder: Path, seconds: float) -> int:
    """Run the lake and then the peer; return the lake's errors."""
    bad = show("lake", together(folder / "lake", seconds, lake_writer, lake_reader))
    peer = together(folder / "peer.duckdb", min(seconds, 10), file_writer, file_reader)
    theirs = show("DuckDB file", peer)
    attempts = sum(tally.done + sum(tally.errors.values()) for tally in peer)
    lake = Lake(folder / "lake")
    builds, results, _ = lake.query(COUNTS).row(0)
    print(f"at the end {builds} builds, {results} results, version {lake.version()} of the lake")
    print(f"ratio of failed steps, lake / DuckDB file  {bad} / {theirs} of {attempts}")
    return bad


def ingest(root: Path, first: int, last: int, ready: Event) -> None:
    """Write the builds from `first` to before `last`, whether they are known or not."""
    lake = Lake(root)
    for number in range(first, last):
        commit(lake, 0, number)
        ready.set()


def killed(folder: Path, kills: int) -> int:
    """Kill a writer at random moments, resume, and count; return what was lost or doubled."""
    lake, chance = Lake(folder / "lake"), random.Random(0)
    halves = 0
    for turn in range(kills):
        kill_one(lake, chance.uniform(0, 1))
        builds, results, distinct = lake.query(COUNTS).row(0)
        promised = (lake.root / "_manifests" / "intent.json").exists()
        halves += promised
        print(f"kill {turn + 1:>2}: {builds:>4} builds {results:>6} results"
              f"{', a commit was half done' if promised else ''}")  # fmt: skip
        if results != builds * RESULTS or distinct != builds:
            print("    the two tables do not fit")
            return 1
    last = lake.rows("core.builds") + 5
    ingest(lake.root, 0, last, SPAWN.Event())
    builds, results, distinct = lake.query(COUNTS).row(0)
    lost, doubled = last - distinct, results - distinct * RESULTS + builds - distinct
    print(f"{kills} kills, {halves} of them in mid-commit; resumed: {builds} builds,"
          f" {results} results, {lost} lost, {doubled} doubled")  # fmt: skip
    print(f"ratio lost or doubled / expected rows  {lost + doubled} / {last * (RESULTS + 1)}")
    return lost + doubled


def kill_one(lake: Lake, seconds: float) -> None:
    """Start a writer a little before where the last one stopped; kill it after its first commit."""
    ready = SPAWN.Event()
    first = max(0, lake.rows("core.builds") - 2)
    worker = SPAWN.Process(target=ingest, args=(lake.root, first, 1_000_000, ready))
    worker.start()
    ready.wait(120)
    time.sleep(seconds)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--small", action="store_true", help="10 seconds, 5 kills")
    parser.add_argument("--kill", type=int, default=0, help="kill a writer so many times instead")
    asked = parser.parse_args()
    print(f"n=1, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        if asked.kill:
            bad = killed(Path(name), asked.kill)
        else:
            bad = side_by_side(Path(name), 10 if asked.small else asked.seconds)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
