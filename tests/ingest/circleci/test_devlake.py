"""DevLake's recorded answers of CircleCI, and its own expected rows beside ours.

All four cases of the recording. The mapping of columns is in the tests, every difference here:

ids            DevLake counts workflows and jobs by CircleCI's own id. Our build is known by
               project, name of the workflow and number of the pipeline; ids are compared on the
               raw side.
duration_sec   Of a workflow DevLake's is from when it was made, ours from the start of its first
               job: DevLake's is our `queue_s` and `duration_s` together, where a job is recorded.
               DevLake has a second column `duration`, which is 0 for all.
project_slug   DevLake keeps what was configured (`github/...`), ours is what CircleCI says
               (`gh/...`); an option may be written either way.
pipelines      A row of DevLake; ours are the workflows in it, as builds. Number, commit, branch,
               trigger and time are compared through the build that a workflow of it would be. A
               pipeline that failed before it had a workflow is a build of its own; for DevLake
               it has no commit, we take it from what triggered it. `state` and `errors` have no
               column: created is what all others are. `updated_date` is that of creation.
jobs           Stages of ours. Case "jobs" has jobs of more builds than one; ordinal is ours.
               `created_date` of a job has no column; `type`, `dependencies` and approvals neither.
started_by     An account's id, which no other answer resolves: ours is the login of the trigger.
cicd_scopes    A scope of DevLake is a project; our pipelines are its workflows, with its address.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from ingest.parse import circleci
from ingest.parse.rows import instant
from ingest.payload import Payload
from ingest.source import Instance
from ingest.sources.circleci import Options

Shared = Callable[[str], Path]
SLUG = "gh/coldgust/coldgust.github.io"
RESULT = {"passed": "success", "failed": "failed"}


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/circleci/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def raw(shared: Shared, name: str) -> list[dict]:
    found = table(shared, f"raw_tables/_raw_circleci_api_{name}")
    return [json.loads(row["data"]) | {"_input": json.loads(row["input"] or "null")}
            for row in found]  # fmt: skip


def payload(body: object, **context: object) -> Payload:
    instance = Instance("ci", "circleci", "shop", {"url": "https://circleci.com"})
    return Payload(instance, "id", "uri", json.dumps(body).encode(), {"project": SLUG, **context})


def at(text: str) -> datetime | None:
    return instant(text or None)


def built(workflow: dict, *jobs: dict) -> dict[str, list[dict]]:
    """Return our rows of a workflow with these jobs; its pipeline is another recording."""
    pipeline = {"number": workflow["pipeline_number"], "created_at": workflow["created_at"]}
    context = {"pipeline": circleci.slim(pipeline), "workflow": workflow, "attempt": 1}
    found = circleci.jobs(payload({"items": jobs}, **context))
    return {name: rows.to_dicts() for name, rows in found.items()}


def test_workflows_are_those_of_devlake(shared: Shared) -> None:
    recorded = {one["id"]: one for one in raw(shared, "workflows_incremental")}
    theirs = table(shared, "snapshot_tables/_tool_circleci_workflows_incremental")
    assert {row["id"] for row in theirs} == set(recorded)
    for row in theirs:
        (mine,) = built(recorded[row["id"]])["core.builds"]
        assert mine["build_id"] == f"ci:{SLUG}/{row['name']}#{row['pipeline_number']}"
        assert RESULT[mine["status"]] == row["status"]
        assert (mine["queued_at"], mine["finished_at"]) == (
            at(row["created_date"]), at(row["stopped_date"]),
        )  # fmt: skip
        assert (mine["finished_at"] - mine["queued_at"]).total_seconds() == float(
            row["duration_sec"]
        )
        assert row["pipeline_id"] == recorded[row["id"]]["_input"]["id"]
        assert row["project_slug"].replace("github", "gh", 1) == SLUG
    names = circleci.workflows(payload({"items": list(recorded.values())}))["core.pipelines"]
    assert names["name"].to_list() == [f"{SLUG}/workflow"]


def test_jobs_are_those_of_devlake(shared: Shared) -> None:
    flows = {one["id"]: one for one in raw(shared, "workflows")}
    recorded = {one["id"]: one for one in raw(shared, "jobs_incremental")}
    theirs = table(shared, "snapshot_tables/_tool_circleci_jobs_incremental")
    assert {row["id"] for row in theirs} == set(recorded)
    for row in theirs:
        one, flow = recorded[row["id"]], flows[row["workflow_id"]]
        found = built(flow, one)
        (stage,), (build,) = found["core.stages"], found["core.builds"]
        assert (stage["name"], stage["build_id"]) == (row["name"], build["build_id"])
        assert RESULT[stage["status"]] == row["status"]
        assert stage["started_at"] == build["started_at"] == at(row["started_at"])
        assert stage["duration_s"] == float(row["duration_sec"])
        whole = (build["finished_at"] - build["queued_at"]).total_seconds()
        assert build["queue_s"] + build["duration_s"] == whole
        assert str(one["job_number"]) == row["job_number"]


def test_pipelines_are_those_of_devlake(shared: Shared) -> None:
    recorded = {one["id"]: one for one in raw(shared, "pipelines")}
    theirs = table(shared, "snapshot_tables/_tool_circleci_pipelines")
    assert {row["id"] for row in theirs} == set(recorded)
    failed = {}
    for row in theirs:
        one, vcs = recorded[row["id"]], json.loads(row["vcs"] or "{}")
        mine = circleci.slim(one)
        assert mine["number"] == int(row["number"])
        assert at(mine["created_at"]) == at(row["created_date"])
        assert (mine["sha"], mine["branch"] or "") == (
            vcs.get("revision") or one["trigger_parameters"]["git"]["checkout_sha"],
            vcs.get("branch", ""),
        )  # fmt: skip
        trigger = json.loads(row["trigger"])
        assert (mine["trigger"], mine["login"]) == (trigger["type"], trigger["actor"]["login"])
        if row["state"] == "errored":
            failed[row["number"]] = mine["sha"]
    found = circleci.pipelines(payload({"items": list(recorded.values())}))
    builds = found["core.builds"].to_dicts() if failed else []
    assert {str(one["number"]): one["commit_sha"] for one in builds} == failed
    assert {one["status"] for one in builds} == {"error"}
    assert {one["trigger"] for one in builds} == {"push"}


def test_a_project_has_the_address_of_devlake(shared: Shared) -> None:
    (recorded,) = raw(shared, "projects")
    (scope,) = table(shared, "snapshot_tables/cicd_scopes")
    (tool,) = table(shared, "snapshot_tables/_tool_circleci_projects")
    configured = Options(projects=[tool["slug"]])
    assert configured.projects == [recorded["slug"]] == [SLUG]
    flow = {"items": [{"name": "workflow"}]}
    (mine,) = circleci.workflows(payload(flow))["core.pipelines"].to_dicts()
    kind, _, path = scope["url"].partition("/pipelines/")
    assert mine["url"] == f"{kind}/pipelines/{circleci.short(path)}"
    assert SLUG.endswith(scope["name"])
    assert recorded["id"] == tool["id"]


@pytest.mark.parametrize("name", ["workflows", "workflows_incremental", "jobs_incremental"])
def test_every_state_of_the_recording_has_a_word(shared: Shared, name: str) -> None:
    assert {one["status"] for one in raw(shared, name)} <= circleci.STATUS.keys()
