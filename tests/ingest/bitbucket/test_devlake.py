"""DevLake's recorded answers of Bitbucket, and its own expected rows beside ours.

All four cases of the recording. The mapping of columns is in the tests, every difference here:

pipelines      DevLake asked for some fields only, without `build_number`: its title is `#0`, our
               build goes by the uuid and has no number. FAILURE is our `failed`, SUCCESS `passed`;
               DevLake counts ERROR and STOPPED as FAILURE, we keep them apart as `error` and
               `cancelled`. EXPIRED is OTHER in DevLake, `cancelled` here. The result COMPLETED is
               no word of Bitbucket: DevLake takes it for success, we for `error`, since nothing is
               known to have passed. HALTED as a state by itself is DONE without a result in
               DevLake; as a stage it is IN_PROGRESS there, and `running` here in both places.
               DevLake keeps the duration of what still runs; a running build has none.
type, environment  come from DevLake's deployment patterns; deployments are rows of their own here.
pull_requests  DevLake has no `merged_date` and `closed_date`, since Bitbucket tells none; ours is
               that of the merge commit or of the last change. `head_repo_id`, `author_id` and
               `type` have no column. DECLINED and SUPERSEDED are not in the recording.
issues         `url` is the address of the API in DevLake, the page for people here. `type` is
               `issue` for all in DevLake, our `kind` is that of Bitbucket (bug, task ...), kept in
               `original_kind` too. DevLake has a table of assignees, we a list in the row.
               board_issues only repeats which repository an issue is of: it is in our `issue_id`.
repo           There is no raw answer, only DevLake's tool row: it is put back into Bitbucket's
               words. Boards and scopes tell no more than the same name and address, and of the
               board the address of the tracker.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from ingest.parse import bitbucket, bitbucket_ci
from ingest.payload import Parser, Payload
from ingest.source import Instance

Shared = Callable[[str], Path]
PATH = "likyh/likyhphp"
RESULT = {"passed": "SUCCESS", "failed": "FAILURE"}
DIFFER = {
    "ERROR": ("FAILURE", "error"), "STOPPED": ("FAILURE", "cancelled"),
    "EXPIRED": ("", "cancelled"), "COMPLETED": ("SUCCESS", "error"),
}  # fmt: skip


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/bitbucket/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def raw(shared: Shared, name: str) -> list[dict]:
    rows = table(shared, f"raw_tables/_raw_bitbucket_api_{name}")
    return [json.loads(row["data"]) for row in rows]


def payload(body: object, **context: object) -> Payload:
    instance = Instance("bb", "bitbucket", "shop", {})
    return Payload(instance, "id", "uri", json.dumps(body).encode(), {"path": PATH, **context})


def rows(parser: Parser, found: list[dict], name: str) -> dict[str, dict]:
    """Return our rows by the number or uuid that Bitbucket gives."""
    made = parser(payload({"values": found}))[name].to_dicts()
    return {str(told["id"]): one for told, one in zip(found, made, strict=True)}


def last(key: str) -> str:
    return key.rpartition(":")[2]


def builds(shared: Shared) -> dict[str, dict]:
    found = raw(shared, "pipelines")
    return {one["uuid"]: bitbucket_ci.build(payload(None), one, []) for one in found}


def test_pipelines_are_those_of_devlake_but_for_the_listed_differences(shared: Shared) -> None:
    mine = builds(shared)
    theirs = table(shared, "snapshot_tables/cicd_pipelines")
    assert {last(row["id"]) for row in theirs} == set(mine)
    differ = {}
    for row in theirs:
        one = mine[last(row["id"])]
        if RESULT.get(one["status"], "") != row["result"]:
            differ[row["original_result"]] = (row["result"], one["status"])
        elif one["status"] == "running":
            assert row["status"] == "IN_PROGRESS" or row["original_status"] == "HALTED"
            assert one["duration_s"] is None
        if one["status"] in ("passed", "failed"):
            assert one["duration_s"] == float(row["duration_sec"])
    assert differ == {word: told for word, told in DIFFER.items() if word != "EXPIRED"}


def test_what_expired_was_cancelled_and_what_waits_is_queued(shared: Shared) -> None:
    theirs = table(shared, "snapshot_tables/cicd_pipelines")
    said = {row["original_result"]: row for row in theirs}
    mine = builds(shared)
    assert said["EXPIRED"]["status"] == "OTHER"
    assert mine[last(said["EXPIRED"]["id"])]["status"] == DIFFER["EXPIRED"][1]
    assert said["PENDING"]["status"] == "IN_PROGRESS"
    assert mine[last(said["PENDING"]["id"])]["status"] == "queued"


def test_commits_of_pipelines_are_those_of_devlake(shared: Shared) -> None:
    mine = builds(shared)
    theirs = table(shared, "snapshot_tables/cicd_pipeline_commits")
    assert len(theirs) == len(mine) == 22
    for row in theirs:
        one = mine[last(row["pipeline_id"])]
        assert (one["commit_sha"], one["branch"]) == (row["commit_sha"], row["branch"])


def test_pull_requests_are_those_of_devlake(shared: Shared) -> None:
    found = raw(shared, "pull_requests")
    mine = rows(bitbucket.pull_requests, found, "core.change_requests")
    changed = {str(one["id"]): one["updated_on"] for one in found}
    theirs = table(shared, "snapshot_tables/pull_requests")
    assert len(theirs) == len(mine) == 57
    for row in theirs:
        one = mine[row["pull_request_key"]]
        assert one["status"].upper() == row["status"]
        assert (one["title"], one["url"]) == (row["title"], row["url"])
        assert (one["body"] or "") == row["description"]
        assert one["author"] == row["author_name"]
        assert (one["source_branch"], one["head_sha"]) == (row["head_ref"], row["head_commit_sha"])
        assert (one["target_branch"], one["base_sha"]) == (row["base_ref"], row["base_commit_sha"])
        assert (one["merge_sha"] or "") == row["merge_commit_sha"]
        assert row["merged_date"] == row["closed_date"] == ""
        ended = one["closed_at"].isoformat() if one["closed_at"] else None
        assert ended == (changed[row["pull_request_key"]] if row["status"] == "MERGED" else None)


def test_issues_are_those_of_devlake(shared: Shared) -> None:
    found = raw(shared, "issues")
    mine = rows(bitbucket.issues, found, "core.issues")
    kinds = {str(one["id"]): one["kind"] for one in found}
    theirs = table(shared, "snapshot_tables/issues")
    assert len(theirs) == len(mine) == 30
    for row in theirs:
        one = mine[row["issue_key"]]
        assert (one["title"], one["body"]) == (row["title"], row["description"])
        assert (one["status"].upper(), one["original_status"]) == (
            row["status"], row["original_status"],
        )  # fmt: skip
        assert (one["priority"], one["reporter"]) == (row["priority"], row["creator_name"])
        assert one["assignees"] == ([row["assignee_name"]] if row["assignee_name"] else [])
        assert f"/{PATH}/issues/{row['issue_key']}" in one["url"]
        assert (row["type"], one["original_kind"]) == ("issue", kinds[row["issue_key"]])


def test_assignees_and_boards_of_issues_are_those_of_devlake(shared: Shared) -> None:
    mine = rows(bitbucket.issues, raw(shared, "issues"), "core.issues")
    told = {
        (last(row["issue_id"]), row["assignee_name"])
        for row in table(shared, "snapshot_tables/issue_assignees")
    }
    assert told == {(key, name) for key, one in mine.items() for name in one["assignees"]}
    boards = {last(row["issue_id"]): row["board_id"] for row in
              table(shared, "snapshot_tables/board_issues")}  # fmt: skip
    assert {key: one["issue_id"].partition("#")[0] for key, one in mine.items()} == {
        key: f"bb:{last(board)}" for key, board in boards.items()
    }


def test_a_repository_is_that_of_devlake(shared: Shared) -> None:
    (tool,) = table(shared, "snapshot_tables/_tool_bitbucket_repos")
    recorded = {"links": {"html": {"href": tool["html_url"]}}, "full_name": tool["bitbucket_id"]}
    (mine,) = bitbucket.repository(payload(recorded))["core.repositories"].to_dicts()
    (pipeline,) = bitbucket_ci.pipelines(payload({"values": [{}]}))["core.pipelines"].to_dicts()
    (repo,) = table(shared, "snapshot_tables/repos")
    assert (mine["url"], mine["repository_id"]) == (repo["url"], f"bb:{repo['name']}")
    for name in ("boards", "cicd_scopes"):
        (scope,) = table(shared, f"snapshot_tables/{name}")
        assert scope["name"] == pipeline["name"]
        assert scope["url"] == f"{mine['url']}/issues"
