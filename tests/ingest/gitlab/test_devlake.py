"""DevLake's recorded answers of GitLab, and its own expected rows beside ours.

All six cases of the recording. The mapping of columns is in the tests, every difference here:

ids            DevLake counts by GitLab's global id, `gitlab:GitlabPipeline:1:<id>`; our builds and
               merge requests are known by project and number, as people know them. Compared by
               number, or by the id that the raw row holds beside it.
pull_requests  `merge_commit_sha` of one that is not merged is DevLake's stand-in, the head; ours is
               null until it is merged. `head_commit_sha` is null in DevLake, ours is GitLab's
               `sha`. `closed_date` of a merged one is null in DevLake; our `closed_at` is when it
               was closed or merged. `head_repo_id`, `author_id`, merged_by have no column.
               `is_draft` is 0 for all in DevLake, though the recording has two drafts.
labels         DevLake has a table, we a list in the row.
cicd_pipelines DevLake's `name` is an id, ours the path of the project (core.pipelines).
               FAILURE is our `failed`, SUCCESS our `passed`.
pipelines      The list of pipelines has no times: DevLake keeps project, ref and sha only, we
               make builds of the details alone. The list is compared by the same function.
branch         DevLake keeps `refs/merge-requests/74/head`, we `merge-requests/74/head`.
accounts       `created_at` of a member is when it joined: DevLake and we leave it out. Of users it
               is when the account was made. `avatar_url` has no column; status 0 has no meaning
               in DevLake, ours tells whether the account is active.
project        The recording holds DevLake's own tool row, not GitLab's answer: it is put back into
               GitLab's words. Of boards, scopes and board_repos nothing but the same address and
               name is told: a board is no table of ours, a scope is our pipeline.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from ingest.parse import gitlab, gitlab_ci
from ingest.payload import Parser, Payload
from ingest.source import Instance

Shared = Callable[[str], Path]
PATH = "gitlab-data/snowflake_spend"
STATUS = {"open": "OPEN", "merged": "MERGED", "closed": "CLOSED"}
RESULT = {"passed": "SUCCESS", "failed": "FAILURE"}


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/gitlab/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def raw(shared: Shared, name: str) -> list[dict]:
    return [json.loads(row["data"]) for row in table(shared, f"raw_tables/_raw_gitlab_api_{name}")]


def payload(body: object, **context: object) -> Payload:
    instance = Instance("gl", "gitlab", "shop", {})
    return Payload(instance, "id", "uri", json.dumps(body).encode(), {"path": PATH, **context})


def rows(parser: Parser, body: object, name: str) -> list[dict]:
    return parser(payload(body))[name].to_dicts()


def last(key: str) -> str:
    return key.rpartition(":")[2]


def at(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def pairs(
    theirs: list[dict[str, str]], mine: Mapping[str, dict], key: str = "id"
) -> list[tuple[dict[str, str], dict]]:
    """Return DevLake's rows with ours of the same id; there are no others."""
    assert {last(row[key]) for row in theirs} == set(mine)
    return [(row, mine[last(row[key])]) for row in theirs]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [("users", "accounts"), ("users_direct_api", "accounts_direct_api")],
)
def test_accounts_are_those_of_devlake(shared: Shared, recorded: str, expected: str) -> None:
    found = rows(gitlab.members, raw(shared, recorded), "core.accounts")
    mine = {last(one["account_id"]): one for one in found}
    for theirs, one in pairs(table(shared, f"snapshot_tables/{expected}"), mine):
        assert one["login"] == theirs["user_name"]
        assert one["name"] == theirs["full_name"]
        assert (one["email"] or "") == theirs["email"]
        assert (one["organisation"] or "") == theirs["organization"]
        assert one["created_at"] == at(theirs["created_date"])
        assert one["is_active"]


@pytest.fixture
def requests(shared: Shared) -> dict[str, dict]:
    """Return our merge requests by GitLab's global id."""
    recorded = raw(shared, "merge_requests")
    found = rows(gitlab.merge_requests, recorded, "core.change_requests")
    return {str(told["id"]): one for told, one in zip(recorded, found, strict=True)}


def test_merge_requests_are_those_of_devlake(shared: Shared, requests: dict[str, dict]) -> None:
    for theirs, mine in pairs(table(shared, "snapshot_tables/pull_requests"), requests):
        assert STATUS[mine["status"]] == theirs["status"]
        assert mine["number"] == int(theirs["pull_request_key"])
        assert (mine["title"], mine["body"] or "") == (theirs["title"], theirs["description"])
        assert (mine["author"], mine["url"]) == (theirs["author_name"], theirs["url"])
        assert mine["source_branch"] == theirs["head_ref"]
        assert mine["target_branch"] == theirs["base_ref"]
        assert mine["opened_at"] == at(theirs["created_date"])
        assert mine["merged_at"] == at(theirs["merged_date"])
        assert mine["closed_at"] == at(theirs["merged_date"] or theirs["closed_date"])
        shown = mine["merge_sha"] or mine["head_sha"]
        assert shown == theirs["merge_commit_sha"]
        assert theirs["is_draft"] == "0"
    assert {one["number"] for one in requests.values() if one["is_draft"]} == {20, 21}


def test_labels_are_those_of_devlake(shared: Shared, requests: dict[str, dict]) -> None:
    theirs = table(shared, "snapshot_tables/pull_request_labels")
    told = {(last(row["pull_request_id"]), row["label_name"]) for row in theirs}
    mine = {(key, label) for key, one in requests.items() for label in one["labels"]}
    assert mine == told
    assert len(told) == 14


def test_pipelines_are_those_of_devlake(shared: Shared) -> None:
    mine = {
        str(one["id"]): rows(gitlab_ci.pipeline, one, "core.builds")[0]
        for one in raw(shared, "pipeline_details")
    }
    for theirs, one in pairs(table(shared, "snapshot_tables/cicd_pipelines"), mine):
        assert theirs["status"] == "DONE"
        assert RESULT[one["status"]] == theirs["result"]
        assert one["duration_s"] == float(theirs["duration_sec"])
        assert one["queue_s"] == float(theirs["queued_duration_sec"])
        assert one["queued_at"] == at(theirs["created_date"])
        assert one["started_at"] == at(theirs["started_date"])
        assert one["finished_at"] == at(theirs["finished_date"])
        assert one["url"] == theirs["url"]


def test_commits_of_pipelines_are_those_of_devlake(shared: Shared) -> None:
    mine = {str(one["id"]): gitlab_ci.build(payload(None), one) for one in raw(shared, "pipeline")}
    for name, key in (
        ("cicd_pipeline_commits", "branch"),
        ("_tool_gitlab_pipeline_projects", "ref"),
    ):
        for theirs, one in pairs(table(shared, f"snapshot_tables/{name}"), mine, "pipeline_id"):
            sha = theirs.get("commit_sha") or theirs["sha"]
            assert (one["commit_sha"], one["branch"]) == (sha, theirs[key].removeprefix("refs/"))
    assert len(mine) == 29


def test_every_state_of_the_recording_has_a_word(shared: Shared) -> None:
    found = {one["status"]: gitlab_ci.STATUS[one["status"]] for one in raw(shared, "pipeline")}
    waiting = {"created", "waiting_for_resource", "preparing", "pending", "manual", "scheduled"}
    assert {state for state, word in found.items() if word == "queued"} == waiting
    assert found["canceled"] == "cancelled"


def test_a_project_is_the_repository_of_devlake(shared: Shared) -> None:
    (tool,) = table(shared, "raw_tables/_tool_gitlab_projects")
    recorded = {"web_url": tool["web_url"], "default_branch": tool["default_branch"]}
    (mine,) = rows(gitlab.project, recorded, "core.repositories")
    run = {"web_url": f"{tool['web_url']}/-/pipelines/1"}
    (pipeline,) = rows(gitlab_ci.pipelines, [run], "core.pipelines")
    (repo,) = table(shared, "snapshot_tables/repos")
    assert (mine["url"], mine["repository_id"]) == (repo["url"], f"gl:{repo['name']}")
    assert mine["default_branch"] == "master"
    for name in ("boards", "cicd_scopes"):
        (scope,) = table(shared, f"snapshot_tables/{name}")
        assert pipeline["name"] == scope["name"]
        assert pipeline["url"].startswith(scope["url"])
    (board,) = table(shared, "snapshot_tables/board_repos")
    assert board["board_id"] == board["repo_id"] == repo["id"]
