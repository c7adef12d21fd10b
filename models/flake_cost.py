"""What a flaky test is expected to cost in a week: minutes of reruns and waiting, and dollars.

A flake that no retry saved fails its build, which is run again: its machine is busy once more, and
whoever started it by hand or by a push waits so long. If several tests failed in the build, each
bears its part. Expected are `rate x attempts a week x mean minutes lost at a failure`; the mean of
a test that failed seldom leans on that of its project. Reruns and waiting are told apart, as in
Leinen et al. (ICST 2024), whose people cost far more than their machines.
"""

from __future__ import annotations

import polars as pl

from models.features import KEY

LEAN = 3.0
"""Failures that the project's mean is worth."""
BY_HAND = ("manual", "push", "pull_request", "merge_request")
"""Triggers for whose result somebody waits."""
DAYS_OF_RUNS = 28
COLUMNS = ("cost_minutes_week", "cost_wait_minutes_week", "cost_usd_week")


def weekly_runs(daily: pl.DataFrame) -> pl.DataFrame:
    """Return KEY and runs_week, attempts a week in the newest DAYS_OF_RUNS days of the project."""
    newest = pl.col("day").max().over("project_id")
    recent = daily.filter(pl.col("day") > newest - pl.duration(days=DAYS_OF_RUNS))
    first = pl.col("day").min().over("project_id")
    span = ((newest - first).dt.total_days() + 1).clip(7)
    return (
        recent.with_columns(weeks=span / 7)
        .group_by(KEY)
        .agg(runs_week=pl.sum("runs") / pl.first("weeks"))
    )


def expected(
    tests: pl.DataFrame, failures: pl.DataFrame, builds: pl.DataFrame,
    usd_per_machine_minute: float, usd_per_person_hour: float,
) -> pl.DataFrame:  # fmt: skip
    """Return `tests` with COLUMNS.

    `tests`: KEY, rate, runs_week. `failures`: KEY, build_id, has_passed, outages left out.
    `builds`: build_id, duration_s, queue_s, trigger (nulls allowed: unknown times cost nothing).
    """
    lost = _lost(failures, builds)
    own = lost.group_by(KEY).agg(pl.sum("minutes", "waited"), failed=pl.len())
    usual = lost.group_by("project_id").agg(
        usual=pl.mean("minutes"), usual_waited=pl.mean("waited")
    )
    known = tests.join(own, on=KEY, how="left", maintain_order="left").join(
        usual, on="project_id", how="left", maintain_order="left"
    )
    flakes = pl.col("rate") * pl.col("runs_week").fill_null(0.0)
    return known.with_columns(
        cost_minutes_week=flakes * _leaning("minutes", "usual"),
        cost_wait_minutes_week=flakes * _leaning("waited", "usual_waited"),
    ).with_columns(
        cost_usd_week=pl.col("cost_minutes_week") * usd_per_machine_minute
        + pl.col("cost_wait_minutes_week") / 60 * usd_per_person_hour
    ).drop("minutes", "waited", "failed", "usual", "usual_waited")  # fmt: skip


def _lost(failures: pl.DataFrame, builds: pl.DataFrame) -> pl.DataFrame:
    """Return for each test and build that it failed in the minutes it lost, and those waited."""
    whole = (pl.col("duration_s").fill_null(0.0) + pl.col("queue_s").fill_null(0.0)) / 60
    shared = pl.when("has_passed").then(0.0).otherwise(whole / pl.col("blamed"))
    return (
        failures.with_columns(blamed=(~pl.col("has_passed")).sum().over("project_id", "build_id"))
        .join(builds, on="build_id", how="left")
        .with_columns(minutes=shared)
        .with_columns(
            waited=pl.when(pl.col("trigger").is_in(BY_HAND)).then("minutes").otherwise(0.0)
        )
    )


def _leaning(own: str, usual: str) -> pl.Expr:
    mean, count = pl.col(usual).fill_null(0.0), pl.col("failed").fill_null(0)
    return (pl.col(own).fill_null(0.0) + LEAN * mean) / (count + LEAN)
