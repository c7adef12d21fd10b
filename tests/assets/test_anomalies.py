"""Anomalies in the lake: days are judged when they change, and the same day twice is the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assets.predictions import anomalies
from golive_core.lake import Lake

START = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = "select * from predictions.anomalies order by subject, began_at"


def hourly(first: int, last: int, factor: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(first)
    at = [START + timedelta(hours=hour) for hour in range(24 * first, 24 * last)]
    return pl.DataFrame({
        "project_id": "shop", "instance": "prom", "series": 'errors{service="cart"}',
        "day": [one.date() for one in at], "hour_at": at, "metric": "errors", "points": 2,
        "mean_value": factor * 0.01 * np.exp(0.1 * rng.standard_normal(len(at))), "lowest": 0.0,
        "highest": 1.0,
    }, schema_overrides={"hour_at": pl.Datetime("us", "UTC")})  # fmt: skip


def daily(first: int, last: int, said: int = 30) -> pl.DataFrame:
    at = [START + timedelta(days=day) for day in range(first, last)]
    return pl.DataFrame({
        "project_id": "shop", "service": "cart", "template_id": 5,
        "day": [one.date() for one in at], "template": "order <*> failed", "log_lines": said,
        "errors": said, "warnings": 0, "builds": 0, "first_at": at, "last_at": at,
        "first_seen_at": START, "is_new": False,
    })  # fmt: skip


@pytest.fixture
def judged(lake: Lake) -> Lake:
    """Return a lake whose 30th day has a bad afternoon and far too many errors in the log."""
    odd = hourly(29, 30).with_columns(
        mean_value=pl.when(pl.col("hour_at").dt.hour().is_between(14, 15)).then(0.2)
        .otherwise("mean_value")
    )  # fmt: skip
    lake.overwrite(anomalies.METRICS, pl.concat([hourly(0, 29), odd, hourly(30, 32)]))
    lake.overwrite(anomalies.LOGS, pl.concat([daily(0, 29), daily(29, 30, 900), daily(30, 32)]))
    anomalies.update(lake)
    return lake


def test_unusual_hours_and_days_are_told_with_reasons(judged: Lake) -> None:
    rows = judged.query(ROWS).to_dicts()
    assert [(row["subject"], row["began_at"].hour) for row in rows] == [
        ('errors{service="cart"}', 14), ('errors{service="cart"}', 15),
        ("log cart 5", 0), ("log cart errors", 0),
    ]  # fmt: skip
    assert {row["service"] for row in rows} == {"cart"}
    assert {row["day"] for row in rows} == {(START + timedelta(days=29)).date()}
    assert rows[0]["ended_at"] - rows[0]["began_at"] == timedelta(hours=1)
    assert rows[2]["template"] == "order <*> failed"
    assert "more than the 30" in rows[2]["reasons"][0]


def test_without_news_nothing_is_written(judged: Lake) -> None:
    version = judged.version()
    assert anomalies.update(judged).tests == 0
    assert judged.version() == version


def test_a_day_that_changed_is_judged_anew_and_what_stands_on_it_stays(judged: Lake) -> None:
    day = (START + timedelta(days=29)).date()
    judged.overwrite(anomalies.LOGS, daily(29, 30, 31), days=[day])
    anomalies.update(judged)
    kinds = judged.query("select subject_kind from predictions.anomalies")["subject_kind"].to_list()
    assert kinds == ["metric", "metric"]


def test_the_past_knows_nothing_of_what_came_later(judged: Lake) -> None:
    before = START + timedelta(days=29, hours=15)
    anomalies.update(judged, as_of=before)
    told = judged.query("select began_at from predictions.anomalies where subject_kind = 'metric'")
    assert told["began_at"].to_list() == [START + timedelta(days=29, hours=14)]


def test_a_lake_without_metrics_and_logs_has_no_anomalies(lake: Lake) -> None:
    assert anomalies.update(lake).written is None
