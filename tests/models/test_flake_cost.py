"""Expected cost: minutes lost at a failure, times the failures to come, at the rates given."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from models import flake_cost

BUILDS = pl.DataFrame(
    {
        "build_id": ["hand", "night", "shared"],
        "duration_s": [600.0, 1200.0, 600.0],
        "queue_s": [0.0, 0.0, None],
        "trigger": ["push", "schedule", "pull_request"],
    }
)


def cost(*failures: tuple[int, str, bool], rate: float = 0.1, runs: float = 100.0) -> list[dict]:
    rows = [
        {"project_id": "shop", "test_id": test, "build_id": build, "has_passed": passed}
        for test, build, passed in failures
    ]
    tests = pl.DataFrame({"test_id": sorted({test for test, _, _ in failures})}).with_columns(
        project_id=pl.lit("shop"), rate=pl.lit(rate), runs_week=pl.lit(runs)
    )
    return flake_cost.expected(tests, pl.DataFrame(rows), BUILDS, 0.01, 60.0).to_dicts()


def test_a_failed_build_is_run_again_and_somebody_waits() -> None:
    [row] = cost((1, "hand", False))
    assert row["cost_minutes_week"] == pytest.approx(0.1 * 100 * 10)
    assert row["cost_wait_minutes_week"] == row["cost_minutes_week"]
    assert row["cost_usd_week"] == pytest.approx(100 * 0.01 + 100 * 1.0)


def test_nobody_waits_for_a_nightly_build() -> None:
    [row] = cost((1, "night", False))
    assert row["cost_minutes_week"] == pytest.approx(200.0)
    assert row["cost_wait_minutes_week"] == 0


def test_a_retry_that_passes_costs_no_build() -> None:
    [row] = cost((1, "hand", True))
    assert row["cost_minutes_week"] == 0


def test_tests_that_fail_together_share_the_build() -> None:
    both = cost((1, "shared", False), (2, "shared", False))
    assert [row["cost_minutes_week"] for row in both] == pytest.approx([50.0, 50.0])


def test_attempts_a_week_are_those_of_the_last_weeks() -> None:
    start = date(2026, 3, 2)
    rows = [
        {"project_id": "shop", "test_id": 1, "day": start + timedelta(days=day),
         "runs": 100 if day < 70 else 3}
        for day in range(100)
    ]  # fmt: skip
    found = flake_cost.weekly_runs(pl.DataFrame(rows))
    assert found["runs_week"].item() == pytest.approx(21.0)
