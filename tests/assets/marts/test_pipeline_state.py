"""marts.pipeline_state: is a pipeline broken, and since which build and commit."""

from __future__ import annotations

from typing import Any

import pytest
from story import Story, at


def state(story: Story, branch: str = "main") -> dict[str, Any]:
    (row,) = [row for row in story.mart("pipeline_state") if row["branch"] == branch]
    return row


def test_a_green_pipeline_fails_since_nothing(story: Story) -> None:
    story.build(1, "failed", day=0)
    story.build(2, "passed", day=1)
    row = state(story)
    assert (row["last_build_id"], row["last_status"], row["pipeline_name"]) == (
        "ci:main#2",
        "passed",
        "main",
    )
    assert (row["failing_since_build_id"], row["failing_builds"]) == (None, 0)
    assert row["last_good_build_id"] == "ci:main#2"


def test_it_fails_since_the_first_bad_build_after_the_last_good_one(story: Story) -> None:
    story.commit("c3", author="Grace", subject="Round prices down")
    for number, status in enumerate(["passed", "passed", "failed", "error", "failed"], start=1):
        story.build(number, status, day=number)
    row = state(story)
    assert (row["failing_since_build_id"], row["failing_since_commit_sha"]) == ("ci:main#3", "c3")
    assert (row["failing_since_author"], row["failing_since_subject"]) == (
        "Grace",
        "Round prices down",
    )
    assert (row["failing_since_at"], row["failing_builds"]) == (at(3), 3)
    assert (row["last_good_commit_sha"], row["last_good_at"]) == ("c2", at(2))


def test_an_unknown_commit_has_no_author(story: Story) -> None:
    story.build(1, "failed", day=0)
    row = state(story)
    assert row["failing_since_commit_sha"] == "c1"
    assert (row["failing_since_author"], row["failing_since_subject"]) == (None, None)


def test_a_build_without_commit_says_so(story: Story) -> None:
    story.build(1, "failed", day=0, commit_sha=None)
    row = state(story)
    assert (row["failing_since_build_id"], row["failing_since_commit_sha"]) == ("ci:main#1", None)


def test_a_commit_of_another_project_is_not_taken(story: Story) -> None:
    story.commit("c1", author="Eve", repository_id="other", project_id="other")
    story.build(1, "failed", day=0)
    assert state(story)["failing_since_author"] is None


def test_a_sha_in_two_repositories_gives_one_row(story: Story) -> None:
    story.commit("c1", author="Ada")
    story.commit("c1", author="Ada", repository_id="fork")
    story.build(1, "failed", day=0)
    assert state(story)["failing_since_author"] == "Ada"


@pytest.mark.parametrize("status", ["running", "queued", "cancelled", "skipped"])
def test_a_build_without_a_verdict_changes_nothing(story: Story, status: str) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "failed", day=1)
    story.build(3, status, day=2)
    row = state(story)
    assert (row["last_build_id"], row["last_status"]) == ("ci:main#2", "failed")
    assert (row["failing_since_build_id"], row["failing_builds"]) == ("ci:main#2", 1)


def test_a_pipeline_that_never_finished_a_build_shows_its_newest(story: Story) -> None:
    story.build(1, "cancelled", day=0)
    story.build(2, "running", day=1)
    row = state(story)
    assert (row["last_build_id"], row["last_status"]) == ("ci:main#2", "running")
    assert (row["failing_since_at"], row["last_good_at"]) == (None, None)


def test_rerunning_an_old_number_does_not_heal_newer_code(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "failed", day=1)
    story.build(1, "passed", day=2, attempt=2)
    row = state(story)
    assert (row["last_build_id"], row["last_status"]) == ("ci:main#2", "failed")
    assert row["failing_since_build_id"] == "ci:main#2"


def test_a_rerun_that_passes_heals_its_own_number(story: Story) -> None:
    story.build(1, "failed", day=0)
    story.build(1, "passed", day=1, attempt=2)
    row = state(story)
    assert (row["last_status"], row["failing_builds"]) == ("passed", 0)


def test_a_rerun_that_fails_again_is_one_failing_build(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "failed", day=1)
    story.build(2, "failed", day=2, attempt=2)
    row = state(story)
    assert (row["failing_since_build_id"], row["failing_since_at"]) == ("ci:main#2", at(1))
    assert row["failing_builds"] == 1


def test_a_cancelled_rerun_leaves_the_verdict(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(1, "cancelled", day=1, attempt=2)
    assert state(story)["last_build_id"] == "ci:main#1"


def test_branches_do_not_speak_for_each_other(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "failed", day=1, branch="feature/x")
    story.build(3, "failed", day=2)
    assert state(story)["failing_since_build_id"] == "ci:main#3"
    feature = state(story, "feature/x")
    assert (feature["failing_since_build_id"], feature["last_good_build_id"]) == ("ci:main#2", None)


def test_pipelines_do_not_speak_for_each_other(story: Story) -> None:
    story.build(1, "failed", day=0)
    story.build(1, "passed", day=1, pipeline="ci:nightly")
    rows = {row["pipeline_id"]: row for row in story.mart("pipeline_state")}
    assert rows["ci:main"]["failing_builds"] == 1
    assert (rows["ci:nightly"]["failing_builds"], rows["ci:nightly"]["pipeline_name"]) == (
        0,
        "ci:nightly",
    )


def test_the_main_line_is_the_default_branch_or_no_branch(story: Story) -> None:
    story.build(1, "passed", day=0)
    story.build(2, "passed", day=0, branch="feature/x")
    story.build(3, "passed", day=0, branch=None)
    found = {row["branch"]: row["is_main_line"] for row in story.mart("pipeline_state")}
    assert found == {"main": True, "feature/x": False, "": True}


def test_without_a_default_branch_the_busiest_is_the_main_line(story: Story) -> None:
    for number in (1, 2):
        story.build(number, "passed", day=0, project_id="lib", pipeline="ci:lib", branch="trunk")
    story.build(3, "passed", day=0, project_id="lib", pipeline="ci:lib", branch="wip")
    found = {row["branch"]: row["is_main_line"] for row in story.mart("pipeline_state")}
    assert found == {"trunk": True, "wip": False}
