"""What was known of each test at an instant, from rows of marts.test_daily.

Pure: frames in, frames out. A row counts only if everything that it knows (`known_at`) had
happened by `as_of`, so that nothing of the future can leak into a score of the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core.errors import UsageError

DAILY = {
    "project_id": pl.String(), "test_id": pl.Int64(), "day": pl.Date(),
    "known_at": pl.Datetime("us", "UTC"), "runs": pl.Int64(), "failed": pl.Int64(),
    "errored": pl.Int64(), "outage_failures": pl.Int64(), "trials": pl.Int64(),
    "flakes": pl.Int64(), "lasting_failures": pl.Int64(), "retry_passes": pl.Int64(),
    "mixed_commits": pl.Int64(), "flips": pl.Int64(), "last_passed_at": pl.Datetime("us", "UTC"),
    "failing_since_at": pl.Datetime("us", "UTC"), "failing_since_sha": pl.String(),
    "failing_attempts": pl.Int64(), "first_status": pl.String(),
}  # fmt: skip
"""Columns of marts.test_daily that the models read."""
KEY = ["project_id", "test_id"]
COUNTS = (
    "runs", "outage_failures", "trials", "flakes", "lasting_failures", "retry_passes",
    "mixed_commits", "flips",
)  # fmt: skip


def known(daily: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return the rows that could be known at `as_of`; raises UsageError if it is naive."""
    if as_of.tzinfo is None:
        raise UsageError("as_of needs a time zone", hint="Use UTC")
    return daily.filter(pl.col("known_at") <= as_of)


NEAR_DAYS = 3
"""Days around failures that lasted within which a flip says nothing by itself."""


def doubted(past: pl.DataFrame) -> pl.DataFrame:
    """Return `known` rows in which flips next to failures that lasted count as lasting too.

    A break is seen by other branches as well, where it may fail one build between two passes. Days
    with a retry that passed, or a commit that passed and failed, keep their flakes.
    """
    both = past.group_by(KEY).agg(pl.sum("flakes", "lasting_failures"))
    mixed = both.filter((pl.col("flakes") > 0) & (pl.col("lasting_failures") > 0)).select(KEY)
    rows = past.join(mixed, on=KEY, how="semi").sort(*KEY, "day")
    lasted = pl.when(pl.col("lasting_failures") > 0).then("day")
    near = pl.duration(days=NEAR_DAYS)
    is_near = (
        (pl.col("day") - lasted.forward_fill().over(KEY) <= near)
        | (lasted.backward_fill().over(KEY) - pl.col("day") <= near)
    ).fill_null(value=False)
    is_bare = (pl.col("flips") > 0) & (pl.col("mixed_commits") + pl.col("retry_passes") == 0)
    moved = pl.when(is_near & is_bare).then("flakes").otherwise(0)
    changed = rows.with_columns(moved=moved).with_columns(
        trials=pl.col("trials") - pl.col("moved"),
        flakes=pl.col("flakes") - pl.col("moved"),
        lasting_failures=pl.col("lasting_failures") + pl.col("moved"),
    )
    return pl.concat([past.join(mixed, on=KEY, how="anti"), changed.select(past.columns)])


def evidence(daily: pl.DataFrame, *, as_of: datetime) -> pl.DataFrame:
    """Return one row per test with what its history up to `as_of` says, sorted by key.

    Columns: the key, the sums of COUNTS, last_flaked_on (day), and the present unbroken run of
    failures on the default branch: broken_since_at, broken_since_sha (null if the last run passed),
    broken_attempts.
    """
    past = known(daily, as_of)
    sums = past.group_by(KEY).agg(
        pl.sum(*COUNTS), last_flaked_on=pl.col("day").filter(pl.col("flakes") > 0).max()
    )
    streaks = streak(past)
    return (
        sums.join(streaks, on=KEY, how="left")
        .with_columns(pl.col("broken_attempts").fill_null(0))
        .sort(KEY)
    )


def streak(past: pl.DataFrame) -> pl.DataFrame:
    """Return the present run of failures of the tests that have one.

    A day's run counts if it began after the test's last pass on any day; `failing_since_*` of the
    earliest such day is where it began.
    """
    last_pass = pl.col("last_passed_at").max().over(KEY)
    is_after = last_pass.is_null() | (pl.col("failing_since_at") > last_pass)
    return (
        past.filter(pl.col("failing_since_at").is_not_null() & is_after)
        .group_by(KEY)
        .agg(
            broken_since_at=pl.col("failing_since_at").min(),
            broken_since_sha=pl.col("failing_since_sha").sort_by("failing_since_at").first(),
            broken_attempts=pl.col("failing_attempts").sum(),
        )
    )


AGES = (7.0, 14.0, 21.0, 28.0, 42.0, 56.0, 70.0, 91.0, 121.0)
"""Days before a project's newest one at which the bins of `aged` end, newest bin first."""


@dataclass(frozen=True, slots=True)
class Aged:
    """Evidence of n tests by age: `flakes` and `trials` of shape `(n, len(AGES))`, floats.

    `lasting` has a row for each day with failures that lasted: test (row), bin, `failures` of the
    day and `spell`, those of the unbroken run of such days. `days` counts all days of all tests.
    """

    key: pl.DataFrame
    flakes: NDArray[np.float64]
    trials: NDArray[np.float64]
    lasting: pl.DataFrame
    days: int


def aged(past: pl.DataFrame) -> Aged:
    """Return the evidence of `known` rows by age, tests sorted by key."""
    key = past.select(KEY).unique().sort(KEY)
    numbered = key.with_row_index("test").with_columns(pl.col("test").cast(pl.Int64))
    age = (pl.col("day").max().over("project_id") - pl.col("day")).dt.total_days()
    rows = past.select(
        *KEY, "day", "flakes", "trials", "lasting_failures",
        bin=pl.sum_horizontal(age >= end for end in AGES[:-1]).cast(pl.Int64),
    )  # fmt: skip
    sums = rows.group_by(*KEY, "bin").agg(pl.sum("flakes", "trials")).join(numbered, on=KEY)
    flakes, trials = (_grid(sums, name, key.height) for name in ("flakes", "trials"))
    return Aged(key, flakes, trials, _lasting(rows).join(numbered, on=KEY), past.height)


def _lasting(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with failures that lasted: KEY, bin, failures, and those of their spell."""
    lasting = pl.col("lasting_failures")
    those = rows.join(rows.filter(lasting > 0).select(KEY).unique(), on=KEY, how="semi")
    spells = those.sort(*KEY, "day").with_columns(run=(lasting == 0).cum_sum().over(KEY))
    return spells.filter(lasting > 0).select(
        *KEY, "bin", failures=lasting, spell=lasting.sum().over(*KEY, "run")
    )


def _grid(sums: pl.DataFrame, name: str, tests: int) -> NDArray[np.float64]:
    grid = np.zeros((tests, len(AGES)))
    grid[sums["test"].to_numpy(), sums["bin"].to_numpy()] = sums[name].to_numpy()
    return grid
