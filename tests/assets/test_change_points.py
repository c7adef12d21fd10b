"""Changes of durations in the lake: with their commit, written once, and cheap without news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assets.predictions import change_points
from golive_core import schema
from golive_core.lake import Lake

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHANGED = 20


@pytest.fixture
def told(lake: Lake) -> Lake:
    """Return a lake with a test that is slower from the third result of day CHANGED on."""
    rng = np.random.default_rng(5)
    results, daily = [], []
    for day in range(40):
        seconds = []
        for number in range(5):
            at = START + timedelta(days=day, hours=number)
            is_slow = (day, number) >= (CHANGED, 2)
            took = float((3.0 if is_slow else 2.0) * np.exp(0.05 * rng.standard_normal()))
            seconds.append(took)
            results.append({
                "project_id": "shop", "build_id": f"b{day}-{number}", "test_id": 1, "attempt": 1,
                "day": at.date(), "status": "passed", "duration_s": took, "started_at": at,
                "commit_sha": f"c{5 * day + number:039d}", "branch": "main", "environment": "",
            })  # fmt: skip
        at = START + timedelta(days=day)
        daily.append({
            "project_id": "shop", "test_id": 1, "day": at.date(), "known_at": at, "runs": 5,
            "duration_median_s": float(np.median(seconds)),
        })  # fmt: skip
    frame = pl.DataFrame(results, infer_schema_length=None)
    lake.insert("core.test_results", schema.conform(schema.TEST_RESULTS, frame))
    times = {"known_at": pl.Datetime("us", "UTC")}
    lake.overwrite("marts.test_daily", pl.DataFrame(daily, schema_overrides=times))
    return lake


def test_a_change_names_the_commit_at_which_it_began(told: Lake) -> None:
    done = change_points.update(told)
    assert done.tests == 1
    (row,) = told.query("select * from predictions.change_points").to_dicts()
    assert row["since_sha"] == f"c{5 * CHANGED + 2:039d}"
    assert row["last_good_sha"] == f"c{5 * CHANGED + 1:039d}"
    assert row["ratio"] == pytest.approx(1.5, rel=0.05)
    assert row["reasons"][0].startswith("slower since commit c000")
    run = told.query("select name, kind from ops.model_runs").rows()
    assert run == [("change_points", "score")]


def test_without_news_nothing_is_read_or_written(told: Lake) -> None:
    change_points.update(told)
    version = told.version()
    assert change_points.update(told).tests == 0
    assert told.version() == version


def test_the_past_knows_nothing_of_what_came_later(told: Lake) -> None:
    change_points.update(told, as_of=START + timedelta(days=CHANGED))
    assert told.query("select count(*) from predictions.change_points").item() == 0


def test_a_lake_without_results_has_no_changes(lake: Lake) -> None:
    assert change_points.update(lake).written is None
