"""marts.build_health_daily: builds by outcome, durations, waiting time and cost of a day."""

from __future__ import annotations

import pytest
from story import Story, at, known

from assets import refresh


def test_a_day_counts_every_outcome_once(story: Story) -> None:
    statuses = ("passed", "passed", "failed", "error", "cancelled", "running", "queued", "skipped")
    for number, status in enumerate(statuses, start=1):
        story.build(number, status, day=0)
    (row,) = story.mart("build_health_daily")
    names = ("builds", "passed", "failed", "errored", "cancelled", "running")
    assert [row[name] for name in names] == [8, 2, 1, 1, 1, 2]
    assert row["failure_rate"] == pytest.approx(0.5)
    assert (row["day"], row["pipeline_name"]) == (at(0).date(), "main")
    assert (row["last_build_id"], row["last_status"]) == ("ci:main#8", "skipped")


def test_durations_are_those_of_builds_with_a_verdict(story: Story) -> None:
    for number, (status, duration) in enumerate(
        [
            ("passed", 60.0),
            ("failed", 100.0),
            ("passed", 80.0),
            ("cancelled", 5.0),
            ("running", 900.0),
        ]
    ):
        story.build(number, status, day=0, duration_s=duration)
    (row,) = story.mart("build_health_daily")
    assert (row["median_duration_s"], row["p95_duration_s"]) == (80.0, pytest.approx(98.0))
    assert (row["total_duration_s"], row["failed_duration_s"]) == (245.0, 100.0)


def test_a_day_without_a_verdict_has_no_rate(story: Story) -> None:
    story.build(1, "running", day=0, duration_s=None, queue_s=None)
    (row,) = story.mart("build_health_daily")
    assert (row["failure_rate"], row["median_duration_s"], row["median_queue_s"]) == (
        None,
        None,
        None,
    )
    assert (row["failed_duration_s"], row["total_duration_s"]) == (0.0, None)


def test_a_cost_that_nobody_reports_is_null_not_zero(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "passed", day=1, cost_usd=0.25)
    story.build(3, "passed", day=1)
    costs = {row["day"]: row["cost_usd"] for row in story.mart("build_health_daily")}
    assert costs == {at(0).date(): None, at(1).date(): 0.25}


def test_only_changed_days_are_computed(story: Story) -> None:
    for day in range(5):
        story.build(day, "passed", day=day)
    story.mart("build_health_daily")
    story.build(9, "failed", day=3)
    story.told()
    done = refresh.refresh(story.lake, known()["marts.build_health_daily"])
    assert (done.days, done.rows) == (1, 1)
    rows = {row["day"]: row["failed"] for row in story.mart("build_health_daily")}
    assert rows == {at(day).date(): int(day == 3) for day in range(5)}
