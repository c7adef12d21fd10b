"""Durations in the lake: what is told of builds and tests, once each, from the past alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from assets import refresh
from assets.predictions import duration
from golive_core import schema
from golive_core.lake import Lake

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
KINDS = "select subject_kind, count(*) as n from predictions.duration group by all order by all"
EACH = "select * from predictions.build_duration where build_id = ?"


def built(number: int, *, status: str = "passed", took: float | None = 600.0) -> pl.DataFrame:
    at = START + timedelta(hours=number)
    row = {
        "build_id": f"ci#{number}", "pipeline_id": "ci", "project_id": "shop", "source": "tiny",
        "day": at.date(), "number": number, "attempt": 1, "branch": "main", "trigger": "push",
        "status": status, "is_unstable": False, "queued_at": at,
        "started_at": at + timedelta(minutes=1), "queue_s": 60.0, "is_simulated": False,
        "finished_at": at + timedelta(seconds=60 + took) if took else None, "duration_s": took,
    }  # fmt: skip
    return schema.conform(schema.BUILDS, pl.DataFrame([row], infer_schema_length=None))


def ran(number: int, took: float = 2.0) -> pl.DataFrame:
    at = START + timedelta(hours=number)
    row = {
        "project_id": "shop", "build_id": f"ci#{number}", "test_id": 7, "attempt": 1,
        "day": at.date(), "status": "passed", "duration_s": took, "started_at": at,
        "branch": "main", "environment": "",
    }  # fmt: skip
    return schema.conform(schema.TEST_RESULTS, pl.DataFrame([row], infer_schema_length=None))


@pytest.fixture
def told(lake: Lake) -> Lake:
    """Return a lake with 30 builds of ten minutes, one that runs, and a test of two seconds."""
    builds = [built(number) for number in range(30)]
    running = built(30, status="running", took=None)
    lake.merge("core.builds", pl.concat([*builds, running]))
    lake.insert("core.test_results", pl.concat([ran(number) for number in range(30)]))
    marts = {mart.table: mart for mart in refresh.marts()}
    refresh.refresh(lake, marts["marts.main_branches"])
    duration.update(lake)
    return lake


def test_a_running_build_has_an_expected_end_and_the_next_ones_a_duration(told: Lake) -> None:
    assert told.query(KINDS).rows() == [("main", 1), ("test", 1)]
    assert told.query("select count(*) from predictions.build_duration").item() == 30
    (row,) = told.query(EACH, ["ci#30"]).to_dicts()
    assert row["runs"] == 30
    assert row["median_s"] == pytest.approx(600, rel=0.02)
    assert row["low_90_s"] <= row["low_50_s"] <= row["median_s"] <= row["high_50_s"]
    begun = START + timedelta(hours=30, minutes=1)
    assert abs((row["expected_end_at"] - begun).total_seconds() - row["median_s"]) < 1
    assert row["as_of"] == START + timedelta(hours=30)
    assert "of the last" in row["reasons"][0]


def test_without_news_nothing_is_written_and_what_was_told_of_a_build_stands(told: Lake) -> None:
    version = told.version()
    assert duration.update(told).tests == 0
    assert told.version() == version
    before = told.query(EACH, ["ci#12"])
    told.merge("core.builds", pl.concat([built(30, took=4000.0), built(31, took=4000.0)]))
    done = duration.update(told)
    assert done.written is not None
    assert (done.written.new, done.written.changed) == (0, 1)  # the next one
    assert told.query("select count(*) from predictions.build_duration").item() == 31
    assert told.query(EACH, ["ci#12"]).equals(before)
    ends = told.query("select count(expected_end_at) as n from predictions.build_duration").item()
    assert ends == 0


def test_a_new_level_is_written_and_a_trifle_is_not(told: Lake) -> None:
    told.insert("core.test_results", ran(31, 2.01))
    assert duration.update(told).written is None
    told.insert("core.test_results", pl.concat([ran(number, 9.0) for number in range(32, 45)]))
    duration.update(told)
    took = told.query(
        "select median_s from predictions.duration where subject_kind = 'test'"
    ).item()
    assert took == pytest.approx(9.0, rel=0.05)


def test_the_past_knows_nothing_of_what_came_later(told: Lake) -> None:
    told.merge("core.builds", pl.concat([built(number, took=9.0) for number in range(40, 60)]))
    duration.update(told, as_of=START + timedelta(hours=35))
    (row,) = told.query(
        "select median_s, as_of from predictions.duration where subject_kind = 'main'"
    ).rows()
    assert row[0] == pytest.approx(600, rel=0.02)


def test_a_lake_without_builds_tells_nothing(lake: Lake) -> None:
    assert duration.update(lake).written is None
