"""DevLake's recorded answers of a Jenkins, and its own expected rows beside ours.

The mapping of columns is here, and every difference with its reason:

raw rows       The recording holds 14 builds, DevLake expects 13: one (id 100, `pipeline-test2 #1`)
               is of another job. DevLake reads one job at a time and picks by `params`; we take the
               14 builds for what they are and compare the 13 of the job.
status         DevLake's IN_PROGRESS is our `running`, DONE with SUCCESS our `passed`, DONE with
               FAILURE our `failed`. DevLake counts ABORTED as FAILURE, we keep it apart as
               `cancelled`. It gives UNSTABLE no result at all, we say `failed` and set
               `is_unstable`. `NOT_BUILD` in the recording is no word of Jenkins (NOT_BUILT is):
               DevLake gives it no result, we `error`, since nothing is known to have passed.
duration_sec   DevLake keeps the 4 ms of builds that still run; a running build has no duration.
times          DevLake cuts `created_date` to whole seconds and adds the duration to the uncut
               second; we keep the milliseconds. Compared to the second.
branch         DevLake keeps `refs/remotes/origin/main`, we `main`.
tasks          DevLake writes a cicd_task for each build without stages, a copy of the pipeline row.
               A build is not a stage of itself: we have none. Of the 13 builds #11 has a stage (in
               `_tool_jenkins_stages`, its `has_stages` is 1 after enriching), so 12 tasks. That
               stages table is DevLake's own extract and not raw; the shape of Jenkins' own answer
               is tested in test_parse.py.
environment, type  come from DevLake's deployment patterns; deployments are not ours here.
repo_url, repo_id  core.builds has no column; the repository option chooses among several.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from ingest.parse import jenkins_builds, jenkins_jobs
from ingest.parse.jenkins_builds import Place

Shared = Callable[[str], Path]
DONE = {"SUCCESS": "passed", "FAILURE": "failed", "ABORTED": "cancelled", "UNSTABLE": "failed"}
DEVLAKE = {"passed": "SUCCESS", "failed": "FAILURE", "cancelled": "FAILURE"}
PREFIX = "jenkins:JenkinsBuild:1:"


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/jenkins/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def recorded(shared: Shared) -> dict[str, list[dict]]:
    """Return the recorded builds by job."""
    found: dict[str, list[dict]] = {}
    for row in table(shared, "raw_tables/_raw_jenkins_api_builds"):
        found.setdefault(json.loads(row["params"])["FullName"], []).append(json.loads(row["data"]))
    return found


@pytest.fixture
def ours(shared: Shared) -> pl.DataFrame:
    """Return our rows for every recorded build."""
    frames = [
        jenkins_builds.rows(builds, Place("ci", "shop", job))
        for job, builds in recorded(shared).items()
    ]
    return pl.concat(frames)


@pytest.fixture
def pairs(shared: Shared, ours: pl.DataFrame) -> list[tuple[dict, dict]]:
    """Return DevLake's pipelines with our build of the same name and number."""
    by_id = {row["build_id"].removeprefix("ci:"): row for row in ours.iter_rows(named=True)}
    rows = table(shared, "snapshot_tables/cicd_pipelines")
    return [(row, by_id[row["id"].removeprefix(PREFIX)]) for row in rows]


def test_every_recorded_build_is_a_row_and_one_is_of_another_job(
    shared: Shared, ours: pl.DataFrame
) -> None:
    jobs = {name: len(builds) for name, builds in recorded(shared).items()}
    assert ours.height == sum(jobs.values()) == 14
    expected = {row["name"] for row in table(shared, "snapshot_tables/cicd_pipelines")}
    left = {one.removeprefix("ci:") for one in ours["build_id"]} - expected
    assert left == {"pipeline-test2#1"}


def test_statuses_are_those_of_devlake_but_for_the_listed_differences(
    pairs: list[tuple[dict, dict]],
) -> None:
    differ = {}
    for theirs, mine in pairs:
        said = "" if mine["status"] == "running" else DEVLAKE.get(mine["status"], "")
        assert (mine["status"] == "running") == (theirs["status"] == "IN_PROGRESS")
        if said != theirs["result"]:
            differ[theirs["original_result"]] = (theirs["result"], mine["status"])
    assert differ == {"UNSTABLE": ("", "failed")}
    words = {
        theirs["original_result"]: mine for theirs, mine in pairs if mine["status"] != "running"
    }
    assert words["ABORTED"]["status"] == "cancelled"
    assert words["NOT_BUILD"]["status"] == "error"
    assert words["UNSTABLE"]["is_unstable"]


def test_times_and_durations_are_those_of_devlake_but_for_the_listed_differences(
    pairs: list[tuple[dict, dict]],
) -> None:
    for theirs, mine in pairs:
        started = datetime.fromisoformat(theirs["created_date"])
        assert mine["started_at"].replace(microsecond=0) == started
        if theirs["status"] == "IN_PROGRESS":
            assert mine["duration_s"] is mine["finished_at"] is None
            continue
        assert mine["duration_s"] == float(theirs["duration_sec"])
        ended = datetime.fromisoformat(theirs["finished_date"])
        assert abs((mine["finished_at"] - ended).total_seconds()) < 1


def test_commits_and_branches_are_those_of_devlake(shared: Shared, ours: pl.DataFrame) -> None:
    rows = table(shared, "snapshot_tables/cicd_pipeline_commits")
    theirs = {
        (
            row["pipeline_id"].removeprefix(PREFIX), row["commit_sha"],
            row["branch"].removeprefix("refs/remotes/origin/"),
        )
        for row in rows
    }  # fmt: skip
    known = ours.filter(pl.col("commit_sha").is_not_null())
    mine = {
        (build_id.removeprefix("ci:"), sha, branch)
        for build_id, sha, branch in known.select("build_id", "commit_sha", "branch").iter_rows()
    }
    assert mine == theirs


def test_the_tool_rows_agree_with_ours(shared: Shared, ours: pl.DataFrame) -> None:
    by_id = {row["build_id"].removeprefix("ci:"): row for row in ours.iter_rows(named=True)}
    for row in table(shared, "snapshot_tables/_tool_jenkins_builds"):
        mine = by_id[row["full_name"]]
        assert mine["number"] == int(row["number"])
        at = datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)
        assert mine["started_at"] == at
        assert mine["pipeline_id"] == "ci:" + row["full_name"].rpartition("#")[0]


def test_tasks_are_copies_of_builds_without_stages(shared: Shared, ours: pl.DataFrame) -> None:
    tasks = {row["id"].removeprefix(PREFIX) for row in table(shared, "snapshot_tables/cicd_tasks")}
    enriched = table(shared, "snapshot_tables/_tool_jenkins_builds_after_enrich")
    staged = {row["full_name"] for row in enriched if row["has_stages"] == "1"}
    builds = {one.removeprefix("ci:") for one in ours["build_id"]} - {"pipeline-test2#1"}
    assert len(tasks) == 12
    assert builds - tasks == staged
    assert {one.rpartition("#")[2] for one in staged} == {"11"}


def test_a_scope_is_a_pipeline(shared: Shared) -> None:
    for row in table(shared, "snapshot_tables/cicd_scopes"):
        base = row["url"].partition("/job/")[0]
        mine = jenkins_jobs.pipelines(
            [row["name"]], [], instance="ci", project_id="shop", base=base
        ).row(0, named=True)
        assert mine["name"] == row["name"]
        assert mine["url"] == row["url"]


def test_causes_of_the_recording_are_understood(ours: pl.DataFrame) -> None:
    assert ours["trigger"].value_counts(sort=True).rows() == [("manual", 14)]
    assert set(ours["triggered_by"]) <= {"merico", "admin", "abc"}
