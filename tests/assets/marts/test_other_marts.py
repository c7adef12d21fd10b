"""marts.commit_activity_daily, marts.source_freshness, and what every mart file promises."""

from __future__ import annotations

import polars as pl
import pytest
from story import START, Story, at, known


def test_a_day_of_commits_counts_people_once(story: Story) -> None:
    story.commit("a", author="Ada", insertions=10, deletions=2, files_changed=3)
    story.commit("b", author="Ada", insertions=1, deletions=None)
    story.commit("m", author="Grace", is_merge=True, files_changed=0)
    story.commit("z", committed_at=at(1), day=at(1).date())
    first, second = sorted(story.mart("commit_activity_daily"), key=lambda row: row["day"])
    names = ("commits", "merge_commits", "authors", "files_changed", "insertions", "deletions")
    assert [first[name] for name in names] == [3, 1, 2, 4, 11, 2]
    assert (second["day"], second["commits"]) == (at(1).date(), 1)


def test_freshness_counts_rows_and_what_was_kept_out(story: Story) -> None:
    for name in ("shop-git", "ci", "quiet"):
        story.add(
            "ops.source_health", instance=name, source="git", project_id="shop", status="ok",
            checked_at=START, succeeded_at=START, newest_at=START,
        )  # fmt: skip
    story.commit("a")
    story.build(1, "passed", day=0)
    story.build(2, "passed", day=0)
    story.add(
        "ops.quarantine", quarantine_id="q", table_name="core.builds", instance="ci", reason="bad",
        at=START, day=START.date(),
    )  # fmt: skip
    rows = {
        row["instance"]: (row["core_rows"], row["quarantined"])
        for row in story.mart("source_freshness")
    }
    assert rows == {"shop-git": (1, 0), "ci": (2, 1), "quiet": (0, 0)}


def test_a_repository_without_builds_has_empty_marts_not_missing_ones(story: Story) -> None:
    story.commit("a")
    story.mart("flaky_tests")
    names = ("pipeline_state", "test_health", "failure_signatures", "slowest_tests", "flaky_tests")
    assert {name: story.mart(name) for name in names} == {name: [] for name in names}


@pytest.mark.parametrize("table", sorted(known()))
def test_a_mart_says_what_it_reads(table: str) -> None:
    mart = known()[table]
    told = dict(mart.fields)["inputs"]
    assert {name.strip() for name in told.split(",")} == set(mart.inputs)
    assert mart.description.endswith(".")


@pytest.mark.parametrize("name", ["pipeline_state", "test_health", "failure_signatures"])
def test_a_second_refresh_of_the_same_rows_changes_nothing(story: Story, name: str) -> None:
    story.build(1, "passed", day=0, tests={"a": "passed"})
    story.build(2, "failed", day=1, tests={"a": "failed"})
    first = pl.DataFrame(story.mart(name))
    version = story.lake.version()
    assert pl.DataFrame(story.mart(name)).equals(first)
    assert story.lake.version() == version
