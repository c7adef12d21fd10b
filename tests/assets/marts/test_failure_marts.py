"""marts.failure_signatures, marts.flaky_tests and marts.slowest_tests on histories told by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from story import Story, at, case_id

from golive_core import schema


def signatures(story: Story) -> dict[str, dict[str, Any]]:
    return {row["message"]: row for row in story.mart("failure_signatures")}


def test_equal_failures_of_several_tests_are_one_signature(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed:boom failed:boom", "b": "failed:boom"})
    story.build(2, "failed", day=1, tests={"a": "failed:boom", "c": "failed:other"})
    found = signatures(story)
    boom = found["boom"]
    assert (boom["failures"], boom["tests"], boom["builds"]) == (4, 2, 2)
    assert (boom["example_test_id"], boom["example_build_id"]) == (case_id("a"), "ci:main#2")
    assert boom["first_commit_sha"] == "c1"
    assert found["other"]["failures"] == 1


def test_a_failure_of_the_last_days_is_new(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed:old"})
    story.build(2, "failed", day=10, tests={"a": "failed:old", "b": "failed:fresh"})
    found = signatures(story)
    assert (found["fresh"]["is_new"], found["fresh"]["age_days"]) == (True, 0)
    assert (found["old"]["is_new"], found["old"]["age_days"]) == (False, 10)


def test_a_known_failure_after_a_week_of_silence_is_back(story: Story) -> None:
    for number, day in enumerate((0, 1, 10)):
        story.build(number, "failed", day=day, tests={"a": "failed:boom"})
    row = signatures(story)["boom"]
    assert (row["is_new"], row["is_back"]) == (False, True)


def test_a_failure_seen_before_the_window_is_back_and_names_no_first_commit(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed:boom"})
    story.build(2, "failed", day=60, tests={"a": "failed:boom"})
    row = signatures(story)["boom"]
    assert (row["is_new"], row["is_back"], row["age_days"], row["failures"]) == (False, True, 60, 1)
    assert row["first_seen_at"] == at(0) + timedelta(seconds=1)
    assert row["first_commit_sha"] is None


def test_a_failure_that_goes_on_is_neither_new_nor_back(story: Story) -> None:
    for day in range(8):
        story.build(day, "failed", day=day, tests={"a": "failed:boom"})
    row = signatures(story)["boom"]
    assert (row["is_new"], row["is_back"]) == (False, False)


def judged(story: Story, **verdicts: str) -> None:
    """Store verdicts of the model, as predictions.flaky has them."""
    story.told()
    rows = [
        {"project_id": "shop", "test_id": case_id(name), "verdict": verdict, "probability": 0.9}
        for name, verdict in verdicts.items()
    ]
    spec = schema.find("predictions.flaky")
    story.lake.overwrite(spec.name, schema.conform(spec, pl.DataFrame(rows)))


def test_flaky_tests_come_by_wasted_time_and_healthy_ones_not_at_all(story: Story) -> None:
    story.build(
        1,
        "failed",
        day=0,
        tests={"a": "failed", "b": "failed failed passed", "c": "passed", "d": "failed"},
    )
    judged(story, a="flaky", b="flaky", c="healthy", d="broken")
    rows = {row["name"]: row for row in story.mart("flaky_tests")}
    assert [(name, rows[name]["rank"]) for name in "bad"] == [("b", 1), ("a", 2), ("d", 3)]
    assert rows["b"]["wasted_minutes"] == pytest.approx(4 / 60)
    assert rows["a"]["cost_usd"] is None


def test_a_rerun_is_shared_by_the_tests_that_had_failed(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed", "b": "failed"})
    story.build(
        1, "passed", day=1, attempt=2, duration_s=120.0, tests={"a": "passed", "b": "passed"}
    )
    judged(story, a="flaky", b="broken")
    rows = {row["name"]: row["wasted_minutes"] for row in story.mart("flaky_tests")}
    assert rows == {"a": pytest.approx(62 / 60), "b": pytest.approx(62 / 60)}


def test_a_new_commit_is_no_rerun_and_neither_is_a_build_after_a_good_one(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed"})
    story.build(2, "passed", day=1, tests={"a": "passed"})
    story.build(3, "passed", day=2, commit_sha="c2", tests={"a": "passed"})
    judged(story, a="flaky")
    assert story.mart("flaky_tests")[0]["wasted_minutes"] == pytest.approx(2 / 60)


def test_cost_follows_the_rate_that_builds_report(story: Story) -> None:
    story.build(1, "failed", day=0, duration_s=60.0, cost_usd=0.30, tests={"a": "failed"})
    judged(story, a="flaky")
    assert story.mart("flaky_tests")[0]["cost_usd"] == pytest.approx(0.30 * 2 / 60)


def timed(story: Story, name: str, **durations: float) -> None:
    """Tell ten attempts on day 0 and ten on day 20 with these durations in seconds."""
    for nth in range(20):
        day = 0 if nth < 10 else 20
        number = 100 + nth
        story.build(number, "passed", day=day, tests={name: "passed"})
        story.rows["core.test_results"][-1]["duration_s"] = durations["old" if day == 0 else "new"]
        story.rows["core.test_results"][-1]["started_at"] += timedelta(seconds=nth)


def test_a_test_that_doubles_is_told_with_both_medians(story: Story) -> None:
    timed(story, "slow", old=2.0, new=4.0)
    (row,) = story.mart("slowest_tests")
    assert (row["name"], row["runs"], row["total_s"]) == ("slow", 20, 60.0)
    assert (row["previous_median_s"], row["relative_change"]) == (2.0, pytest.approx(1.0))
    assert row["share_of_total"] == pytest.approx(1.0)


def test_few_attempts_tell_no_change(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"t": "passed"})
    story.build(2, "passed", day=20, tests={"t": "passed", "only": "skipped"})
    (row,) = story.mart("slowest_tests")
    assert (row["median_s"], row["previous_median_s"], row["relative_change"]) == (2.0, None, None)
