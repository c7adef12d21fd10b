"""marts.failure_fixes, failure_builds, failure_tests: told by hand, and against planted fixes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
from story import Story, case_id, needed

from assets import refresh
from golive_core import schema
from golive_core.ids import content_id
from golive_core.lake import Lake
from models import simulate

END = datetime(2026, 3, 20, 15, tzinfo=UTC)


def fixes(story: Story) -> list[dict[str, Any]]:
    return story.mart("failure_fixes")


def test_the_first_good_build_after_two_bad_ones_ends_a_failure(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"a": "passed"})
    story.build(2, "failed", day=1, tests={"a": "failed:boom"})
    story.build(3, "failed", day=2, tests={"a": "failed:boom"})
    story.build(4, "passed", day=3, tests={"a": "passed"})
    (fix,) = fixes(story)
    assert (fix["bad_sha"], fix["good_sha"], fix["good_build_id"]) == ("c3", "c4", "ci:main#4")
    assert (fix["failing_builds"], fix["failed_attempts"]) == (2, 2)
    assert fix["signature_id"] == content_id("boom")
    assert fix["first_bad_build_id"] == "ci:main#2"


def test_what_a_rerun_of_the_commit_mends_was_no_defect(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed failed"})
    story.build(1, "passed", day=0.1, attempt=2, tests={"a": "passed"})
    story.build(2, "passed", day=1, tests={"a": "passed"})
    assert fixes(story) == []


def test_one_lone_failure_tells_nothing(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed"})
    story.build(2, "passed", day=1, tests={"a": "passed"})
    assert fixes(story) == []


def test_two_failed_attempts_of_one_build_are_enough(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed failed"})
    story.build(2, "passed", day=1, tests={"a": "passed"})
    assert [fix["good_sha"] for fix in fixes(story)] == ["c2"]


def test_branches_of_people_end_nothing(story: Story) -> None:
    for number in (1, 2):
        story.build(number, "failed", day=number, branch="work", tests={"a": "failed"})
    story.build(3, "passed", day=3, branch="work", tests={"a": "passed"})
    assert fixes(story) == []


def test_a_failure_that_goes_on_has_not_ended_and_a_second_end_is_a_second_row(
    story: Story,
) -> None:
    for number, word in enumerate(("failed", "failed", "passed", "failed", "failed")):
        story.build(number, word, day=number, tests={"a": word})
    assert [fix["good_sha"] for fix in fixes(story)] == ["c2"]
    story.build(9, "passed", day=6, tests={"a": "passed"})
    assert sorted(fix["good_sha"] for fix in fixes(story)) == ["c2", "c9"]


def test_builds_and_tests_of_a_signature_are_counted(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed:boom failed:boom", "b": "failed:boom"})
    story.build(2, "failed", day=1, tests={"a": "failed:other"})
    boom = content_id("boom")
    builds = {row["build_id"]: row for row in story.mart("failure_builds")}
    assert (builds["ci:main#1"]["failures"], builds["ci:main#1"]["tests"]) == (3, 2)
    assert builds["ci:main#1"]["signature_id"] == boom
    rows = {(row["signature_id"], row["test_id"]): row for row in story.mart("failure_tests")}
    mine = rows[boom, case_id("a")]
    assert (mine["failures"], mine["builds"]) == (2, 1)
    assert mine["share_of_test"] == 2 / 3


def test_the_fixes_that_the_simulator_planted_are_found(lake: Lake) -> None:
    shape = simulate.Shape(regressions=12)
    made = simulate.simulate(seed=4, builds=200, tests=160, days=20, end=END, shape=shape)
    with lake.transaction("simulate") as txn:
        for name, frame in made.tables.items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    for mart in needed("marts.failure_fixes"):
        refresh.refresh(lake, mart)
    found = lake.query("select distinct test_id, good_sha from marts.failure_fixes")
    planted = made.truth["regressions"].filter(
        pl.col("fixed_sha").is_not_null(), pl.col("branch") == "main"
    )
    exact = planted.join(found, left_on=["test_id", "fixed_sha"], right_on=["test_id", "good_sha"])
    assert planted.height >= 10
    assert planted.join(found, on="test_id", how="semi").height >= 0.8 * planted.height
    assert exact.height >= 0.6 * planted.height
