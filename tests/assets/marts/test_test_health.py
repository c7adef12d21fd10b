"""marts.test_health: how a test fares in 30 days, and since which build and commit it fails."""

from __future__ import annotations

from typing import Any

import pytest
from story import START, Story, at, case_id

TestRow = dict[str, Any]


def health(story: Story, name: str = "t") -> TestRow:
    (row,) = [row for row in story.mart("test_health") if row["test_id"] == case_id(name)]
    return row


def run(story: Story, *words: str, first: int = 1, **cells: object) -> None:
    """Tell one build a day, each running the test `t` with these attempts."""
    for day, word in enumerate(words):
        status = "failed" if word.split()[-1] == "failed" else "passed"
        story.build(first + day, status, day=first + day, tests={"t": word}, **cells)


def test_attempts_are_counted_not_builds(story: Story) -> None:
    run(story, "passed", "failed passed", "error", "skipped")
    row = health(story)
    assert (row["runs"], row["passed"], row["failed"], row["skipped"]) == (4, 2, 2, 1)
    assert row["failure_rate"] == pytest.approx(0.5)
    assert (row["name"], row["last_status"], row["retry_passes"]) == ("t", "skipped", 1)


def test_a_test_that_only_skips_has_no_rate_and_fails_since_nothing(story: Story) -> None:
    run(story, "skipped", "skipped")
    row = health(story)
    assert (row["runs"], row["skipped"], row["failure_rate"]) == (0, 2, None)
    assert (row["last_failed_at"], row["consecutive_failures"]) == (None, 0)


def test_it_fails_since_the_first_bad_build_after_the_last_good_one(story: Story) -> None:
    story.commit("c3", author="Grace")
    run(story, "failed", "passed", "failed", "skipped", "failed")
    row = health(story)
    assert (row["failing_since_build_id"], row["failing_since_commit_sha"]) == ("ci:main#3", "c3")
    assert (row["failing_since_author"], row["consecutive_failures"]) == ("Grace", 2)


def test_an_unknown_commit_has_no_author(story: Story) -> None:
    run(story, "passed", "failed")
    row = health(story)
    assert (row["failing_since_commit_sha"], row["failing_since_author"]) == ("c2", None)


def test_a_retry_that_passes_is_no_failing_build(story: Story) -> None:
    run(story, "passed", "failed passed")
    assert health(story)["consecutive_failures"] == 0


def test_one_environment_that_fails_fails_the_build(story: Story) -> None:
    run(story, "passed", "passed")
    row = dict(story.rows["core.test_results"][-1], environment="windows", status="failed")
    story.add("core.test_results", **row)
    assert health(story)["failing_since_build_id"] == "ci:main#2"


def test_a_feature_branch_does_not_break_the_main_line(story: Story) -> None:
    run(story, "passed", "passed")
    run(story, "failed", first=3, branch="feature/x")
    row = health(story)
    assert (row["failed"], row["consecutive_failures"]) == (1, 0)
    assert row["last_failed_at"] > at(3)


def test_a_result_without_a_branch_counts_as_main_line(story: Story) -> None:
    run(story, "passed", "failed", branch=None)
    assert health(story)["failing_since_build_id"] == "ci:main#2"


def test_without_a_default_branch_the_busiest_is_the_main_line(story: Story) -> None:
    story.rows.pop("core.repositories")
    run(story, "passed", "failed", "failed", branch="trunk")
    run(story, "passed", first=4, branch="wip")
    assert health(story)["failing_since_build_id"] == "ci:main#2"


def test_rerunning_an_old_build_does_not_heal_newer_code(story: Story) -> None:
    run(story, "passed", "failed")
    story.build(1, "passed", day=5, attempt=2, tests={"t": "passed"})
    row = health(story)
    assert (row["failing_since_build_id"], row["consecutive_failures"]) == ("ci:main#2", 1)


def test_a_rerun_that_passes_heals_its_build(story: Story) -> None:
    run(story, "passed", "failed")
    story.build(2, "passed", day=5, attempt=2, tests={"t": "passed"})
    assert health(story)["consecutive_failures"] == 0


def test_a_new_test_that_never_passed_fails_since_its_first_build(story: Story) -> None:
    run(story, "failed", "failed")
    row = health(story)
    assert (row["failing_since_build_id"], row["consecutive_failures"]) == ("ci:main#1", 2)


def test_a_beginning_before_the_window_is_not_invented(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"t": "passed"})
    for number, day in enumerate((5, 40, 45), start=2):
        story.build(number, "failed", day=day, tests={"t": "failed"})
    row = health(story)
    assert (row["consecutive_failures"], row["failed"]) == (2, 2)
    assert (row["failing_since_at"], row["failing_since_commit_sha"]) == (None, None)
    assert row["first_seen_at"] == START


def test_each_project_has_its_own_window(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"t": "passed"}, project_id="old", pipeline="ci:old")
    story.build(1, "passed", day=100, tests={"t": "passed"})
    assert {row["project_id"] for row in story.mart("test_health")} == {"old", "shop"}


def test_the_median_weighs_days_by_their_attempts(story: Story) -> None:
    run(story, "passed")
    for number in range(2, 5):
        story.build(number, "passed", day=2, tests={"t": "passed"})
    for row in story.rows["core.test_results"][1:]:
        row["duration_s"] = 9.0
    assert health(story)["median_duration_s"] == 9.0
