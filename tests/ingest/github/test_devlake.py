"""DevLake's recorded answers of GitHub, and its own expected rows beside ours.

The mapping of columns is here, and every difference with its reason:

raw rows       A few recordings are of connection 2, which DevLake's test does not read; a pull
               request and a commit of them are in the table twice, and count once in both.
status         DevLake's OTHER is a result it has no word for: neutral and skipped are our
               `skipped`, stale our `cancelled`, requested and action_required our `queued`. It
               calls cancelled, timed out and failed to start FAILURE; we say `cancelled` for the
               first and `error` for the others, since no test has failed. QUEUED, WAITING and
               PENDING are its IN_PROGRESS and our `queued`.
duration_sec   DevLake takes updated_at for the end of runs that still run; they have no duration.
created_date   of a second attempt is that of the first in DevLake; we take the attempt's own.
url            DevLake keeps the API's address of runs and milestones, we the page for people.
type, environment, component  come from DevLake's scope configuration (deployment and label
               patterns). Our kinds of issues are told by common labels: six enhancements are
               `requirement` where DevLake, without a pattern, says nothing.
merge_commit_sha of pull requests that were not merged is GitHub's trial merge: ours is null.
additions, deletions are 0 in DevLake where the list does not tell them; ours are null.
accounts       DevLake takes the organisations of a person's membership lists, one request each,
               we the company of the profile. Its account rows are those of the accounts in
               `_tool_github_repo_accounts`, seven of fifteen.
bot filter     TestPrDataFlowWithBotFiltering leaves out pull requests by bots on request: we keep
               all, and the author tells.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from github_reader import Shared, devlake, parse, recorded

SUCCESS = {"passed"}
FAILURE = {"failed", "error", "cancelled"}
OTHER = {"NEUTRAL": "skipped", "SKIPPED": "skipped", "STALE": "cancelled",
         "ACTION_REQUIRED": "queued", "REQUESTED": "queued"}  # fmt: skip


def number(row: dict[str, str], column: str = "id") -> str:
    return row[column].rpartition(":")[2]


def when(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@pytest.fixture
def runs(shared: Shared) -> list[tuple[dict, dict]]:
    """Return DevLake's pipelines with our build of the same run."""
    found = recorded(shared, "runs")
    ours = parse("runs", {"workflow_runs": found})["core.builds"].iter_rows(named=True)
    by_id = {str(run["id"]): row for run, row in zip(found, ours, strict=True)}
    theirs = devlake(shared, "snapshot_tables/cicd_pipelines")
    assert len(theirs) == len(by_id) == 35
    return [(row, by_id[number(row)]) for row in theirs]


def test_runs_have_the_status_that_devlake_expects(runs: list[tuple[dict, dict]]) -> None:
    for theirs, mine in runs:
        if theirs["status"] == "DONE":
            assert mine["status"] in (SUCCESS if theirs["result"] == "SUCCESS" else FAILURE)
        elif theirs["status"] == "OTHER":
            assert mine["status"] == OTHER[theirs["original_status"]]
        else:
            assert mine["status"] in ("queued", "running")


def test_runs_have_the_times_that_devlake_expects(runs: list[tuple[dict, dict]]) -> None:
    for theirs, mine in runs:
        if mine["status"] != "queued":
            assert mine["started_at"] == when(theirs["started_date"])
        if mine["finished_at"]:
            assert mine["finished_at"] == when(theirs["finished_date"])
            assert mine["duration_s"] == float(theirs["duration_sec"])
        if mine["attempt"] == 1:
            assert mine["queued_at"] == when(theirs["created_date"])
    assert Counter(mine["finished_at"] is None for _, mine in runs)[True] == 8


def test_runs_built_the_commits_that_devlake_expects(
    shared: Shared, runs: list[tuple[dict, dict]]
) -> None:
    mine = {number(theirs): row for theirs, row in runs}
    for row in devlake(shared, "snapshot_tables/cicd_pipeline_commits"):
        build = mine[number(row, "pipeline_id")]
        assert (build["commit_sha"], build["branch"]) == (row["commit_sha"], row["branch"])
        assert build["url"] == row["url"]


def test_pull_requests_are_those_that_devlake_expects(shared: Shared) -> None:
    ours = parse("pulls", recorded(shared, "pull_requests"))["core.change_requests"]
    mine = {str(row["number"]): row for row in ours.iter_rows(named=True)}
    theirs = devlake(shared, "snapshot_tables/pull_requests")
    assert {row["pull_request_key"] for row in theirs} == mine.keys()
    labels = {(number(row, "pull_request_id"), row["label_name"])
              for row in devlake(shared, "snapshot_tables/pull_request_labels")}  # fmt: skip
    told = set()
    for row in theirs:
        one = mine[row["pull_request_key"]]
        told |= {(number(row), label) for label in one["labels"]}
        assert one["status"] == row["status"].lower()
        assert one["merge_sha"] == (row["merge_commit_sha"] if row["merged_date"] else None)
        assert (one["opened_at"], one["merged_at"], one["closed_at"]) == (
            when(row["created_date"]), when(row["merged_date"]), when(row["closed_date"])
        )  # fmt: skip
        same = {
            "title": "title", "url": "url", "author": "author_name", "source_branch": "head_ref",
            "target_branch": "base_ref", "base_sha": "base_commit_sha",
            "head_sha": "head_commit_sha",
        }  # fmt: skip
        assert [row[name] for name in same.values()] == [one[name] for name in same]
    assert told == labels


def test_pull_requests_by_bots_are_kept_with_their_author(shared: Shared) -> None:
    ours = parse("pulls", recorded(shared, "pull_requests_bot_filter"))["core.change_requests"]
    assert ours.height == 2
    assert "renovate[bot]" in ours["author"].to_list()


def test_commits_of_pull_requests_are_those_that_devlake_expects(shared: Shared) -> None:
    found = recorded(shared, "pull_request_commits")
    ours = parse("pull.commits", found, number=1)["core.change_request_commits"].unique("sha")
    mine = {row["sha"]: row for row in ours.iter_rows(named=True)}
    theirs = devlake(shared, "snapshot_tables/pull_request_commits")
    assert {row["commit_sha"] for row in theirs} == mine.keys()
    for row in theirs:
        one = mine[row["commit_sha"]]
        assert one["author_name"] == row["commit_author_name"]
        assert one["authored_at"] == when(row["commit_authored_date"])


def test_issues_are_those_that_devlake_expects(shared: Shared) -> None:
    ours = parse("issues", recorded(shared, "issues"))["core.issues"]
    mine = {row["issue_id"].partition(":")[2]: row for row in ours.iter_rows(named=True)}
    theirs = devlake(shared, "snapshot_tables/issues")
    assert {number(row) for row in theirs} == mine.keys()
    for row in theirs:
        one = mine[number(row)]
        assert one["key"] == f"#{row['issue_key']}"
        assert one["status"] == row["status"].lower()
        assert (one["title"], one["url"], one["reporter"]) == (
            row["title"], row["url"], row["creator_name"]
        )  # fmt: skip
        assert (one["created_at"], one["updated_at"], one["resolved_at"]) == (
            when(row["created_date"]), when(row["updated_date"]), when(row["resolution_date"])
        )  # fmt: skip
    kinds = Counter((row["type"], mine[number(row)]["kind"]) for row in theirs)
    assert kinds == {("BUG", "bug"): 2, ("", "requirement"): 6, ("", "other"): 18}
    labels = {(number(row, "issue_id"), row["label_name"])
              for row in devlake(shared, "snapshot_tables/issue_labels")}  # fmt: skip
    assert {(key, label) for key, one in mine.items() for label in one["labels"]} == labels


def test_milestones_are_the_sprints_that_devlake_expects(shared: Shared) -> None:
    [row] = devlake(shared, "snapshot_tables/sprints")
    [mine] = parse("milestones", recorded(shared, "milestones"))["core.sprints"].to_dicts()
    assert mine["sprint_id"] == f"hub:{number(row)}"
    assert mine["name"] == row["name"]
    assert mine["started_at"] == when(row["started_date"])
    assert (mine["status"], row["status"]) == ("active", "open")
    planned = parse("issues", recorded(shared, "issues"))["core.sprint_issues"]
    theirs = devlake(shared, "snapshot_tables/sprint_issue")
    assert set(planned.select("sprint_id", "issue_id").iter_rows()) == {
        (f"hub:{number(one, 'sprint_id')}", f"hub:{number(one, 'issue_id')}") for one in theirs
    }


def test_accounts_are_those_that_devlake_expects(shared: Shared) -> None:
    mine = {
        row["account_id"].partition(":")[2]: row
        for one in recorded(shared, "accounts")
        for row in parse("account", one)["core.accounts"].to_dicts()
    }
    for row in devlake(shared, "snapshot_tables/account"):
        one = mine[number(row)]
        assert (one["login"], one["name"]) == (row["user_name"], row["full_name"])
        assert (one["email"] or "") == row["email"]


def test_a_repository_is_the_one_that_devlake_expects(shared: Shared) -> None:
    [tool] = devlake(shared, "raw_tables/_tool_github_repos")
    [row] = devlake(shared, "snapshot_tables/repos")
    [mine] = parse("repository", tool)["core.repositories"].to_dicts()
    assert mine["url"] == row["url"]
