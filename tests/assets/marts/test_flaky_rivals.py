"""marts.flaky_rivals: what other tools' rules say of the same runs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from story import Story, case_id


def rivals(story: Story) -> dict[str, Any]:
    (row,) = [row for row in story.mart("flaky_rivals") if row["test_id"] == case_id("t")]
    return row


def run(story: Story, *words: str, first: int = 0) -> None:
    """Tell one build a day, each running the test `t` with these attempts."""
    for day, word in enumerate(words, first):
        status = "failed" if word.split()[-1] == "failed" else "passed"
        story.build(1 + day, status, day=1 + day, tests={"t": word})


def test_a_pass_on_retry_ages_out_of_the_shorter_rules(story: Story) -> None:
    run(story, "failed passed", *["passed"] * 9)
    row = rivals(story)
    assert (row["same_commit_30d"], row["same_commit_14d"], row["retried"]) == (True, True, True)
    assert (row["same_commit_7d"], row["rate_7d"], row["allure"]) == (False, False, False)


def test_a_regression_is_flaky_to_rates_only(story: Story) -> None:
    run(story, "passed", "passed", "failed", "failed")
    row = rivals(story)
    assert (row["rate_7d"], row["same_commit_30d"], row["allure"]) == (True, False, False)
    assert row["transition_rate"] == pytest.approx(1 / 3)
    assert row["testkube_health"] == pytest.approx(0.5 * (1 - 1 / 3))


def test_allure_wants_a_failure_now_and_a_pass_after_one_before(story: Story) -> None:
    run(story, "failed", "passed", "failed")
    assert rivals(story)["allure"] is True
    run(story, "passed", first=3)
    assert rivals(story)["allure"] is False


def test_five_passes_heal_a_test_for_some(story: Story) -> None:
    run(story, "failed passed", *["passed"] * 3)
    assert rivals(story)["healing"] is True
    run(story, "passed", "passed", first=4)
    assert (rivals(story)["healing"], rivals(story)["same_commit_14d"]) == (False, True)


def test_the_rate_in_a_good_state_leaves_broken_commits_out(story: Story) -> None:
    run(story, "failed passed", "passed", "failed", "failed")
    row = rivals(story)
    assert row["pfs"] == pytest.approx((1 + 1) / (3 + 2))
    assert row["entropy"] == pytest.approx(-(2 / 5 * math.log2(2 / 5) + 3 / 5 * math.log2(3 / 5)))


def test_many_failures_within_hours_ring_the_threshold_monitor(story: Story) -> None:
    for nth in range(50):
        story.build(
            nth + 1, "failed", day=nth / 500, tests={"t": "failed" if nth < 20 else "passed"}
        )
    assert rivals(story)["failure_rate_6h"] is True
