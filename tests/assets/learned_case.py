"""A small learned model over the builds of a lake, and lakes of simulated builds to try it on."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from assets.learning.steps import Bench
from golive_core import schema
from golive_core.lake import Lake
from models import learned, simulate
from models.evaluate import Floats
from models.learned import LearnedModel, matrix

END = datetime(2026, 4, 1, tzinfo=UTC)
SQL = """
select
    *,
    lag(failed::double, 1, 0.5) over line as last_failed,
    lag(failed::double, 2, 0.5) over line as failed_before,
    coalesce(
        avg(failed::double) over (line rows between 10 preceding and 1 preceding), 0.5
    ) as rate,
    hour(queued_at) as hour
from (
    select
        project_id, build_id, pipeline_id, day, queued_at as at, finished_at as known_at, queued_at,
        branch, status in ('failed', 'error') as failed
    from core.builds
    where attempt = 1 and finished_at is not null
)
window line as (partition by pipeline_id, branch order by queued_at)
"""
FEATURES = {
    "last_failed": "the build before failed",
    "failed_before": "the one before it failed",
    "rate": "share of the last ten that failed",
    "hour": "hour of the day",
}


def fit(rows: pl.DataFrame, threads: int) -> object:
    """Fit a logistic regression; the cores are those of its caller's cap."""
    from models import learners

    del threads
    truth = rows["failed"].cast(pl.Float64).to_numpy()
    return learners.logistic(1.0).fit(matrix(rows, FEATURES), truth)


def predict(fitted: object, rows: pl.DataFrame) -> Floats:
    """Return P(failed)."""
    from models import learners

    return learners.chance(fitted, matrix(rows, FEATURES))


def past_rate(past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
    """Return the share of past builds that failed, the same for all."""
    share = (past["failed"].sum() + 1) / (past.height + 2)
    return np.full(rows.height, share)


CASE = LearnedModel(
    name="build_case", title="whether a build fails", table="core.builds", key=("build_id",),
    features=FEATURES, label="failed", fit=fit, predict=predict, heuristic=past_rate,
    heuristic_name="past failure rate", files=(__file__, str(learned.__file__)), sql=SQL,
    fewest_rows=100, fewest_events=10,
)  # fmt: skip


def simulated(lake: Lake, *, builds: int = 400, days: int = 40, project: str = "demo") -> None:
    """Write a simulated project whose builds fail in spells."""
    shape = dataclasses.replace(simulate.Shape(), project_id=project, project_name=project)
    made = simulate.simulate(seed=5, builds=builds, tests=40, days=days, end=END, shape=shape)
    for name in ("core.projects", "core.builds"):
        is_fact = schema.find(name).is_fact
        (lake.insert if is_fact else lake.merge)(name, made.tables[name])


def bench_of(lake: Lake, home: Path, model: LearnedModel = CASE) -> Bench:
    """Return where a model lives in a test's home."""
    return Bench(lake, home, model, threads=1)
