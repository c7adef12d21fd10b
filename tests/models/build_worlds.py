"""Histories of builds for tests: by hand, and from the simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl

from models import build_rows, simulate
from models.build_features import OUTCOME, features
from models.simulation.shape import Shape

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = datetime(2026, 6, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    """Return the instant so many hours after the start."""
    return START + timedelta(hours=hours)


def build(number: int, hours: float, **cells: object) -> dict[str, object]:
    """Return a build of main that passed within half an hour, unless said otherwise."""
    said = {
        "project_id": "shop", "build_id": f"ci#{number}", "pipeline_id": "ci", "branch": "main",
        "is_main": True, "commit_sha": f"c{number}", "as_of": at(hours), "attempt": 1,
        "trigger": "push", "author": "Ada", "authors": ["Ada"], "commits": 1, "is_merge": False,
        "is_fix": False, "paths": ["a.py"], "insertions": 3, "deletions": 1, "failed": False,
        "known_at": at(hours + 0.5), "stage_share": None,
    }  # fmt: skip
    return said | cells


def told(*builds: dict[str, object]) -> pl.DataFrame:
    """Return the features of builds, all of them known, in order of time."""
    past = pl.DataFrame(list(builds), infer_schema_length=None)
    return features(past.drop(list(OUTCOME)), past)


def last(*builds: dict[str, object]) -> dict[str, object]:
    """Return the features of the newest build."""
    return told(*builds).row(-1, named=True)


@cache
def simulated(seed: int = 11, builds: int = 220) -> pl.DataFrame:
    """Return builds of a calm simulated project with what they change and how they ended."""
    shape = Shape(flaky_share=0.01, noise=0.00002, regressions=6.0)
    made = simulate.simulate(seed=seed, builds=builds, tests=60, days=40, end=END, shape=shape)
    return build_rows.of_tables(made.tables)


@cache
def labelled(seed: int = 11, builds: int = 220) -> pl.DataFrame:
    """Return the features of `simulated` builds that came to a verdict, with it."""
    past = simulated(seed, builds)
    found = features(past.drop(list(OUTCOME)), past)
    ends = past.select("build_id", "failed", "known_at")
    return found.join(ends, on="build_id", maintain_order="left").drop_nulls("failed")
