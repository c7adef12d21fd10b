"""DevLake's two cases of DORA, loaded into core and compared with our marts.

The mapping of columns is in the functions below, every difference here:

calculate_change_lead_time (6 of 6 rows; 84 values compared, all equal)
    times          DevLake counts whole minutes, rounded up; we seconds. Compared rounded up.
    projects       cicd_scopes are our services, project_mapping tells the project of each; all
                   repositories of a project are one graph of commits to us.
    commits_diffs  DevLake's list of commits between two deployments; we walk the graph, so that
                   the list becomes the parents of the commits in it. A list that begins at no
                   deployment becomes the ancestors of a first deployment, which carry nothing.
    comments       are reviews of the status `commented` to us.
    pr6            is not merged: neither has a row.
    prev_success_deployment_commit_id is an input there and a result here: equal for the passed
                   ones. Of the two that failed DevLake has none, we tell what was there before.

deployment_commits_generator (6 of 6 rows)
    type           DEPLOYMENT and environment are what DevLake's patterns made of names; the
                   names that we go by are put in their place (`deploy`, `deploy PRODUCTION`).
    id             pipeline and address of the repository there, build and environment here.
    result, times  of a pipeline that deploys in its jobs (457475337, 485877118): DevLake has those
                   of the whole pipeline, FAILURE; the jobs that deploy passed, and ours is theirs:
                   what was put into production is there, whatever failed beside it. The others are
                   equal.
    started_date   DevLake subtracts the duration from the end; the start of a build is its own.
    environment    empty there is null here.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from story import Story

Shared = Callable[[str], Path]
STATUS = {"SUCCESS": "passed", "FAILURE": "failed", "SKIPPED": "skipped"}
PHASES = {
    "pr_coding_time": "coding_s", "pr_pickup_time": "pickup_s", "pr_review_time": "review_s",
    "pr_deploy_time": "deploy_s", "pr_cycle_time": "cycle_s",
}  # fmt: skip
TIMES = {
    "first_commit_authored_date": "first_commit_at", "first_comment_date": "first_review_at",
    "pr_created_date": "opened_at", "pr_merged_date": "merged_at",
    "pr_deployed_date": "deployed_at",
}  # fmt: skip
NAMES = {
    "first_commit_sha": "first_commit_sha", "first_review_id": "first_review_id",
    "deployment_commit_id": "deployment_id",
}  # fmt: skip


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/dora/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def at(text: str) -> datetime | None:
    """Return a time as DevLake writes it: ISO, or `2023-4-10 6:51:47` in UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - UTC, see below
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def projects(shared: Shared, name: str) -> dict[str, str]:
    """Return the project of each scope and repository."""
    return {row["row_id"]: row["project_name"] for row in table(shared, name)}


# ---------------------------------------------------------------- change lead time


def load_deployments(shared: Shared, story: Story) -> None:
    project = projects(shared, "change_lead_time/project_mapping")
    for row in table(shared, "change_lead_time/cicd_deployment_commits"):
        began = at(row["started_date"])
        story.add(
            "core.deployments", deployment_id=row["id"], project_id=project[row["cicd_scope_id"]],
            source="devlake", day=began and began.date(), service=row["cicd_scope_id"],
            repository_id=row["repo_url"], environment=row["environment"] or None,
            environment_kind=row["environment"].lower() or None, status=STATUS[row["result"]],
            commit_sha=row["commit_sha"], queued_at=began, started_at=began,
            finished_at=at(row["finished_date"]),
        )  # fmt: skip


def load_commits(shared: Shared, story: Story) -> None:
    """Put the commits between two deployments into a line from the new one down to the old."""
    deployed = table(shared, "change_lead_time/cicd_deployment_commits")
    parents: dict[str, list[str]] = {row["commit_sha"]: [] for row in deployed}
    last: dict[str, str] = {}
    repository = {row["commit_sha"]: row for row in deployed}
    for row in table(shared, "change_lead_time/commits_diffs"):
        new = row["new_commit_sha"]
        above = last.get(new, new)
        parents[above] = [row["commit_sha"]]
        parents[row["commit_sha"]] = [row["old_commit_sha"]] if row["old_commit_sha"] else []
        last[new] = row["commit_sha"]
        repository[row["commit_sha"]] = repository[new]
    project = projects(shared, "change_lead_time/project_mapping")
    for sha, above in parents.items():
        where = repository[sha]
        when = at(where["started_date"])
        assert when
        story.add(
            "core.commits", repository_id=where["repo_url"], sha=sha, parents=above,
            project_id=project[where["cicd_scope_id"]], day=when.date(),
            committed_at=when - timedelta(minutes=1), is_merge=False,
        )  # fmt: skip


def load_requests(shared: Shared, story: Story) -> None:
    project = projects(shared, "change_lead_time/project_mapping")
    of: dict[str, str] = {}
    for row in table(shared, "change_lead_time/pull_requests"):
        of[row["id"]] = project[row["base_repo_id"]]
        opened = at(row["created_date"])
        story.add(
            "core.change_requests", change_request_id=row["id"], project_id=of[row["id"]],
            repository_id=row["base_repo_id"], day=opened and opened.date(),
            author=row["author_id"] or None, merge_sha=row["merge_commit_sha"], opened_at=opened,
            merged_at=at(row["merged_date"]),
        )  # fmt: skip
    for row in table(shared, "change_lead_time/pull_request_commits"):
        story.add(
            "core.change_request_commits", change_request_id=row["pull_request_id"],
            sha=row["commit_sha"], project_id=of[row["pull_request_id"]],
            authored_at=at(row["commit_authored_date"]),
        )  # fmt: skip
    for row in table(shared, "change_lead_time/pull_request_comments"):
        story.add(
            "core.reviews", review_id=row["id"], change_request_id=row["pull_request_id"],
            project_id=of[row["pull_request_id"]], reviewer=row["account_id"],
            status="commented", submitted_at=at(row["created_date"]),
        )  # fmt: skip


def minutes(seconds: float | None) -> str:
    return str(math.ceil(seconds / 60)) if seconds is not None else ""


def test_lead_times_are_those_of_devlake(shared: Shared, story: Story) -> None:
    load_deployments(shared, story)
    load_commits(shared, story)
    load_requests(shared, story)
    mine = {row["change_request_id"]: row for row in story.mart("change_lead_times")}
    theirs = table(shared, "change_lead_time/project_pr_metrics")
    assert {row["id"] for row in theirs} == set(mine)
    compared = 0
    for row in theirs:
        ours = mine[row["id"]]
        assert row["project_name"] == ours["project_id"]
        found: dict[str, Any] = {name: minutes(ours[own]) for name, own in PHASES.items()}
        found |= {name: ours[own] or "" for name, own in NAMES.items()}
        found |= {name: ours[own] for name, own in TIMES.items()}
        wanted = {name: at(row[name]) if name in TIMES else row[name] for name in found}
        assert found == wanted
        compared += 1 + len(found)
    assert compared == 84


def test_what_was_deployed_before_is_that_of_devlake(shared: Shared, story: Story) -> None:
    load_deployments(shared, story)
    rows = story.mart("deployment_commits")
    mine = {row["deployment_id"]: row["previous_deployment_id"] or "" for row in rows}
    column = "prev_success_deployment_commit_id"
    theirs = table(shared, "change_lead_time/cicd_deployment_commits")
    good = {row["id"]: row[column] for row in theirs if row["result"] == "SUCCESS"}
    assert {name: mine[name] for name in good} == good
    failed = {row["id"] for row in theirs} - set(good)
    assert {name: mine[name] for name in failed} == {"11": "3", "14": ""}


# ---------------------------------------------------------------- which builds deploy


def named(row: dict[str, str]) -> str:
    """Return the name that DevLake's patterns would have taken for what the row says."""
    if row["type"] != "DEPLOYMENT":
        return row["name"]
    return f"deploy {row['environment']}".strip()


def load_builds(shared: Shared, story: Story) -> None:
    sha = {
        row["pipeline_id"]: row["commit_sha"]
        for row in table(shared, "deployment_generator/cicd_pipeline_commits")
    }
    days: dict[str, Any] = {}
    for row in table(shared, "deployment_generator/cicd_pipelines"):
        queued = at(row["created_date"])
        days[row["id"]] = queued and queued.date()
        story.add("core.pipelines", pipeline_id=row["id"], project_id="p", name=named(row))
        story.add(
            "core.builds", build_id=row["id"], pipeline_id=row["id"], project_id="p",
            day=days[row["id"]], commit_sha=sha[row["id"]], status=STATUS[row["result"]],
            queued_at=queued, started_at=queued, finished_at=at(row["finished_date"]),
            duration_s=float(row["duration_sec"]),
        )  # fmt: skip
    for ordinal, row in enumerate(table(shared, "deployment_generator/cicd_tasks")):
        story.add(
            "core.stages", build_id=row["pipeline_id"], ordinal=ordinal, attempt=1,
            day=days[row["pipeline_id"]], project_id="p", name=named(row),
            status=STATUS[row["result"]], started_at=at(row["started_date"]),
            duration_s=float(row["duration_sec"]),
        )  # fmt: skip


BY_JOBS = {"gitlab:GitlabPipeline:1:457475337", "gitlab:GitlabPipeline:1:485877118"}


def test_the_builds_that_deploy_are_those_of_devlake(shared: Shared, story: Story) -> None:
    load_builds(shared, story)
    rows = story.mart("deployment_commits")
    mine = {row["build_id"]: row for row in rows}
    assert len(mine) == len(rows)
    theirs = table(shared, "deployment_generator/cicd_deployment_commits")
    assert {row["cicd_deployment_id"] for row in theirs} == set(mine)
    for row in theirs:
        ours = mine[row["cicd_deployment_id"]]
        assert ours["commit_sha"] == row["commit_sha"]
        assert (ours["environment"] or "") == row["environment"].lower()
        if row["cicd_deployment_id"] in BY_JOBS:
            assert (row["result"], ours["status"]) == ("FAILURE", "passed")
        else:
            assert ours["status"] == STATUS[row["result"]]
            assert ours["finished_at"] == at(row["finished_date"])
