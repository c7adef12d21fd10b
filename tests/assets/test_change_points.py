"""Changes of durations in the lake: with their commit, written once, and cheap without news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assets import refresh
from assets.predictions import change_points
from golive_core import schema
from golive_core.lake import Lake

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHANGED = 20
TIMES = {"known_at": pl.Datetime("us", "UTC")}


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
    lake.overwrite("marts.test_daily", pl.DataFrame(daily, schema_overrides=TIMES))
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


def later(told: Lake, test: int, days: range, seconds: float) -> None:
    """Let another test run on some more days, a result a day."""
    times = [START + timedelta(days=day) for day in days]
    results = [{
        "project_id": "shop", "build_id": f"later-{at:%j}", "test_id": test, "attempt": 1,
        "day": at.date(), "status": "passed", "duration_s": seconds, "started_at": at,
        "commit_sha": f"d{at:%j}", "branch": "main", "environment": "",
    } for at in times]  # fmt: skip
    told.insert("core.test_results", schema.conform(schema.TEST_RESULTS, pl.DataFrame(results)))
    daily = [{
        "project_id": "shop", "test_id": test, "day": at.date(), "known_at": at, "runs": 1,
        "duration_median_s": seconds,
    } for at in times]  # fmt: skip
    told.append("marts.test_daily", pl.DataFrame(daily, schema_overrides=TIMES))


def test_only_series_with_news_are_looked_at_and_what_was_found_of_the_others_stands(
    told: Lake,
) -> None:
    change_points.update(told)
    before = told.query("select * from predictions.change_points")
    later(told, 2, range(40, 42), 1.0)
    assert change_points.update(told).tests == 2  # 1 too: day 39, when it ran, is over
    later(told, 3, range(41, 42), 1.0)
    assert change_points.update(told).tests == 0  # that day was looked at when it began
    later(told, 2, range(42, 43), 1.0)
    assert change_points.update(told).tests == 2  # 3 too: its day is over
    assert told.query("select * from predictions.change_points").equals(before)


def test_builds_and_stages_name_the_commit_since_which_they_are_slower(lake: Lake) -> None:
    rng = np.random.default_rng(6)
    builds, stages = [], []
    for number in range(120):
        at = START + timedelta(hours=8 * number)
        took = 600 * (1.6 if number >= 70 else 1.0) * float(np.exp(0.05 * rng.standard_normal()))
        builds.append({
            "build_id": f"ci#{number}", "pipeline_id": "ci", "project_id": "shop",
            "source": "tiny", "day": at.date(), "number": number, "attempt": 1,
            "commit_sha": f"c{number:039d}", "branch": "main", "trigger": "push",
            "status": "failed" if number % 9 == 0 else "passed", "is_unstable": False,
            "queued_at": at, "started_at": at, "finished_at": at + timedelta(seconds=took),
            "duration_s": took if number % 9 else 5.0, "queue_s": 0.0, "is_simulated": False,
        })  # fmt: skip
        for ordinal, (name, seconds) in enumerate({"compile": 60.0, "tests": took - 60}.items()):
            stages.append({
                "build_id": f"ci#{number}", "ordinal": ordinal, "attempt": 1, "day": at.date(),
                "project_id": "shop", "name": name, "status": "passed", "started_at": at,
                "duration_s": seconds,
            })  # fmt: skip
    lake.merge("core.builds", schema.conform(schema.BUILDS, pl.DataFrame(builds)))
    lake.merge("core.stages", schema.conform(schema.STAGES, pl.DataFrame(stages)))
    marts = {mart.table: mart for mart in refresh.marts()}
    refresh.refresh(lake, marts["marts.main_branches"])
    assert change_points.update(lake).tests == 3
    rows = lake.query(
        """select subject_kind, subject_id, since_sha, pipeline_id, ratio
        from predictions.change_points order by all"""
    ).rows()
    assert [row[:3] for row in rows] == [
        ("build", "ci", f"c{70:039d}"), ("stage", "ci / tests", f"c{70:039d}"),
    ]  # fmt: skip
    assert rows[0][4] == pytest.approx(1.6, rel=0.05)


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
