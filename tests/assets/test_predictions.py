"""Predictions are brought up to date where they say something new, and only there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets import predictions
from assets.predictions import flaky, next_failure
from assets.predictions.scoring import WINDOW_DAYS
from assets.workspace import Workspace
from golive_core.lake import Lake
from golive_core.settings import Settings
from models.features import DAILY

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MADE = datetime(2026, 4, 1, tzinfo=UTC)


def day_of(test: int, day: int, **cells: object) -> dict[str, object]:
    """Return a day on which a test ran ten times and passed, unless said otherwise."""
    at = START + timedelta(days=day)
    counts = {name: 0 for name, dtype in DAILY.items() if dtype == pl.Int64()}
    said = {
        "project_id": "shop", "test_id": test, "day": at.date(), "known_at": at, "runs": 10,
        "trials": 10, "last_passed_at": at, "first_status": "passed",
    }  # fmt: skip
    return counts | said | cells


@pytest.fixture
def write(lake: Lake) -> Callable[..., None]:
    """Return a writer that makes the given days those of marts.test_daily."""

    def put(*rows: dict[str, object], days: list[date] | None = None) -> None:
        frame = pl.DataFrame(list(rows), schema=DAILY)
        frame = frame.with_columns(duration_median_s=pl.lit(None, pl.Float64()))
        lake.overwrite("marts.test_daily", frame, days)

    return put


def history(tests: int = 30, days: int = 20) -> list[dict[str, object]]:
    """Return healthy tests, of which number 1 flakes once a day."""
    return [
        day_of(test, day, flakes=int(test == 1)) for test in range(tests) for day in range(days)
    ]


def verdicts(lake: Lake) -> dict[int, str]:
    return dict(lake.query("select test_id, verdict from predictions.flaky").iter_rows())


def test_every_test_gets_a_verdict_and_a_forecast(lake: Lake, write: Callable[..., None]) -> None:
    write(*history())
    done = predictions.score(lake, made_at=MADE)
    tests = {one.table: one.tests for one in done}
    assert tests["predictions.flaky"] == tests["predictions.next_failure"] == 30
    found = verdicts(lake)
    assert found.pop(1) == "flaky"
    assert set(found.values()) == {"healthy"}
    assert lake.rows("predictions.next_failure") == 30


def test_a_run_is_noted_with_what_it_learned(lake: Lake, write: Callable[..., None]) -> None:
    write(*history())
    predictions.score(lake, made_at=MADE)
    runs = lake.query(
        "select * from ops.model_runs where name in ('flaky', 'next_failure') order by name"
    ).to_dicts()
    assert [run["model_id"] for run in runs] == [
        "flaky-20260401T000000.000000Z", "next_failure-20260401T000000.000000Z"
    ]  # fmt: skip
    assert '"flaky_share"' in runs[0]["parameters"]
    assert (
        lake.query("select distinct model_id from predictions.flaky").item() == runs[0]["model_id"]
    )


def test_without_news_nothing_is_read_or_written(lake: Lake, write: Callable[..., None]) -> None:
    write(*history())
    predictions.score(lake)
    before = lake.version()
    assert {one.written for one in predictions.score(lake)} == {None}
    assert lake.version() == before


def test_a_day_that_says_nothing_new_leaves_the_rows_of_a_forecast(
    lake: Lake, write: Callable[..., None]
) -> None:
    write(*history())
    predictions.score(lake, made_at=MADE)
    news = [day_of(1, 20, failed=6, first_status="failed")]
    write(*news, days=[(START + timedelta(days=20)).date()])
    predictions.score(lake, made_at=MADE + timedelta(days=1))
    newer = lake.query("select test_id from predictions.next_failure where made_at > ?", [MADE])
    assert newer["test_id"].to_list() == [1]
    assert lake.query("select count(*) from ops.model_runs").item() == 4


def test_a_test_that_is_gone_from_the_window_loses_its_verdict(
    lake: Lake, write: Callable[..., None]
) -> None:
    write(*history(days=20))
    predictions.score(lake)
    late = WINDOW_DAYS + 20
    write(*history(), *(day_of(test, late) for test in range(5)))
    predictions.score(lake)
    assert sorted(verdicts(lake)) == [0, 1, 2, 3, 4]


def test_the_past_can_be_scored_as_it_was(lake: Lake, write: Callable[..., None]) -> None:
    write(*history(), *(day_of(2, day, flakes=3) for day in range(20, 25)))
    predictions.score(lake, as_of=START + timedelta(days=19))
    assert verdicts(lake)[2] == "healthy"
    predictions.score(lake)
    assert verdicts(lake)[2] == "flaky"


def test_a_lake_without_results_has_no_predictions(lake: Lake) -> None:
    assert {(one.tests, one.written) for one in predictions.score(lake)} == {(0, None)}
    assert not lake.exists("predictions.flaky")


def test_the_assets_write_what_the_function_writes(
    lake: Lake, home: Path, write: Callable[..., None]
) -> None:
    write(*history())
    workspace = Workspace(Settings(base=home.parent, home=home), lake)
    done = dg.materialize(
        [flaky.predict_flaky, next_failure.predict_next_failure],
        resources={"workspace": workspace},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    [made] = done.asset_materializations_for_node("predictions__flaky")
    assert made.metadata["tests_scored"].value == 30
    assert made.metadata["dagster/row_count"].value == 30
    assert verdicts(lake)[1] == "flaky"
