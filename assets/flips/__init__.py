"""The tests whose result flips most often, exactly, without looking at most of the results.

A flip is a change between passed and failed from one attempt of a test to its next; attempts that
were skipped are not there. Finding flips needs the attempts in order; counting failures does not,
and marts.test_daily has them counted by day. That is enough to leave most tests out:

*Bound.* Let a test have p passes and f failures, n = p + f attempts. A flip is a pair of
neighbours of which exactly one failed. Each attempt is in two pairs at most, so the f failures are
in at most 2f pairs, and flips <= 2f. In the same way flips <= 2p, and there are n - 1 pairs in all:

    flips <= bound = min(2f, 2p, n - 1).

*Stopping rule.* Take the tests by descending bound. Let m be the k-th most flips of the tests
counted so far. Once the next bound is below m, every test not counted yet has flips <= its bound
<= the next bound < m: none of them is among the first k, whatever its results are. A test with as
many flips as m could still lead by its number, so an equal bound goes on. The answer is the same as
that of counting all tests; how many are counted depends on the data and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from assets.cursors import State
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.lake import read as reading

FOLDER = Path(__file__).parent
MART, FACTS = "marts.test_daily", "core.test_results"
HEAD, GROWTH = 2, 4
"""Tests counted first, in multiples of those that are asked for, and how steps grow: each is one
pass over the results, so few large ones cost less than many exact ones."""
SCHEMA = {"test_id": pl.Int64(), "runs": pl.Int64(), "flips": pl.Int64()}


@dataclass(frozen=True, slots=True)
class Ranked:
    """The leading tests (test_id, runs, flips), and how many were counted of how many."""

    rows: pl.DataFrame
    counted: int
    tests: int


def ranking(lake: Lake, project: str, count: int = 50, *,
            first: date = date.min, last: date = date.max) -> Ranked:  # fmt: skip
    """Return the `count` tests of a project with most flips from `first` to `last`, both included.

    Most flips first, then by test_id; tests without a flip are left out. The mart may be behind:
    days that changed since its refresh are counted from the results.
    """
    covered = State.read(lake, "marts").mark("test_daily", "mart").sequence  # before the views
    tables = [name for name in (MART, FACTS) if lake.exists(name)]
    with lake.connect(tables=tables) as connection:
        news = lake.changed_days(FACTS, since=covered if MART in tables else 0)
        window = (project, first, last)
        parts = ["known"] * (MART in tables) + ["news"] * bool(news)
        counts = [_asked(connection, part, *window, sorted(news)) for part in parts]

        def flips(tests: Sequence[int]) -> pl.DataFrame:
            return _asked(connection, "counted", *window, list(tests))

        return walk(bounds(counts), flips, count)


def bounds(counts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return test_id and bound, highest first, of tests that may have flipped.

    Each frame has test_id, passes and failures.
    """
    if not counts:
        return pl.DataFrame(schema={"test_id": pl.Int64(), "bound": pl.Int64()})
    total = pl.concat(counts).group_by("test_id").agg(pl.sum("passes", "failures"))
    passes, failures = pl.col("passes"), pl.col("failures")
    bound = pl.min_horizontal(2 * failures, 2 * passes, passes + failures - 1)
    found = total.select("test_id", bound=bound).filter(pl.col("bound") > 0)
    return found.sort("bound", "test_id", descending=[True, False])


def walk(
    bounded: pl.DataFrame,
    flips: Callable[[Sequence[int]], pl.DataFrame],
    count: int,
    *,
    head: int = HEAD,
) -> Ranked:
    """Return the `count` tests with most flips: `flips` counts them, highest bound first.

    `bounded` is what `bounds` returns; the first step counts `head` times `count` tests. The
    stopping rule and its proof stand at the top.
    """
    if count < 1:
        raise UsageError("a ranking has at least one place", where="count")
    best, at, size = pl.DataFrame(schema=SCHEMA), 0, head * count
    while at < bounded.height and not _is_final(best, bounded["bound"][at], count):
        least = best["flips"][-1] if best.height == count else 0
        tests = bounded.slice(at, size).filter(pl.col("bound") >= least)["test_id"]
        fresh = flips(tests.to_list()).select(list(SCHEMA)).filter(pl.col("flips") > 0)
        best = pl.concat([best, fresh]).sort("flips", "test_id", descending=[True, False])
        best, at, size = best.head(count), at + tests.len(), GROWTH * size
    return Ranked(best, at, bounded.height)


def _is_final(best: pl.DataFrame, bound: int, count: int) -> bool:
    return best.height == count and bound < best["flips"][-1]


def _asked(connection: duckdb.DuckDBPyConnection, name: str, *parameters: object) -> pl.DataFrame:
    sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return reading.to_frame(reading.run(connection, sql, parameters))
