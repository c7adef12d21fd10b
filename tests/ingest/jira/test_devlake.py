"""DevLake's recorded answers of a Jira, and its own expected rows beside ours.

All nine cases of DevLake's tests; the mapping of columns is here, every difference with its reason:

raw rows       33 issues are recorded, DevLake expects 30: three are of another connection and board
               (`params`). We take all 33 and compare the 30.
type           DevLake's test maps type names in its configuration and else writes the name in upper
               case. We give the same names by our option `kinds`; without it a type with a name in
               Chinese is `other`, a sub-task is known by its flag in every language.
status         The test maps some statuses to words like "hello world" to see that it does. Without
               a mapping DevLake's TODO, IN_PROGRESS and DONE come from the category, as ours do.
story_point    DevLake writes 0 for an issue that has none, we write null.
creator        DevLake shows who created the issue, core.issues who reported it; they are the same
               people in this recording.
parent         DevLake writes the id of the parent, we its key. epic_key is empty in all cases.
title          A zero byte at the end of EE-4 is dropped by both.
due_date       "2025-03-09" has no zone. DevLake takes its own server's (+08:00), we UTC.
lead_time, time_remaining, icon_url, original_project, severity: core.issues has no such column.
sprint issues  The two of the other board are only ours.
changelogs     DevLake keys an item by changelog and field, so that the second change of one field
               in one changelog overwrites the first (20 times here, "Fix Version"). We keep both,
               the second with `:2`. Five items are of the three issues of the other board.
from, to       We keep what Jira says. DevLake writes its account ids for assignees, its sprint ids
               for sprints, and the present name of a status where it was renamed since.
status of a change  DevLake knows only statuses of connection 2 and leaves 30 changes to 10068
               empty, which its table has under connection 3. With the same table we say the same.
extractor      A second recording, of the changelog's own list: 284 items, DevLake's 281 rows again
               lack the overwritten ones (three RemoteIssueLink).
boards         We have no table of boards: a board is the name on its sprints. A sprint belongs to
               the board that it was made on. DevLake's `board_sprints` also says which boards show
               it: all of these, board 8.
sprints        30 are recorded, DevLake expects 29: its input has sprint 25 under connection 1.
accounts       user_name is the full name again for DevLake; Cloud has no user names, ours is null.
               `status` is 0 everywhere, ours is `is_active`.
statuses       DevLake leaves out the 17 of single projects (`scope`); issues of such projects have
               them, we keep all 53.
projects       have no table of ours: their keys are what versions are asked for.
"""

from __future__ import annotations

from collections import Counter

import pytest
from jira_recorded import Shared, at, expected, instance, last, raw, rows, table
from loopback import Asked, Loopback, Reply, missing, ok, serving

from ingest.parse.jira_words import categories
from ingest.source import Context, Instance
from ingest.sources.jira import Jira

KINDS = {"故事": "requirement", "缺陷": "bug", "任务": "task"}
STATUS = {"TODO": "todo", "IN_PROGRESS": "in_progress", "DONE": "done", "": None}
OTHER_BOARD = {"20708", "20709", "20710"}


def statuses_of(shared: Shared, connection: str) -> dict[str, str]:
    known = [
        {"id": row["id"], "statusCategory": {"key": row["status_category"]}}
        for row in expected(shared, "_tool_jira_statuses_for_changelog")
        if row["connection_id"] == connection
    ]
    return categories(known)


@pytest.fixture
def ours(shared: Shared) -> dict[str, list[dict]]:
    """Return our rows of the recorded page of issues, by table."""
    body = {"issues": raw(shared, "issues")}
    return dict(rows("issues", body, instance(kinds=KINDS), statuses=statuses_of(shared, "2")))


@pytest.fixture
def pairs(shared: Shared, ours: dict[str, list[dict]]) -> list[tuple[dict, dict]]:
    """Return DevLake's issues with ours."""
    mine = {row["issue_id"].removeprefix("j:"): row for row in ours["core.issues"]}
    return [(row, mine[last(row["id"])]) for row in expected(shared, "issues")]


def test_every_recorded_issue_is_a_row_and_three_are_of_another_board(
    shared: Shared, ours: dict[str, list[dict]]
) -> None:
    mine = {row["issue_id"].removeprefix("j:") for row in ours["core.issues"]}
    theirs = {last(row["id"]) for row in expected(shared, "issues")}
    assert mine - theirs == OTHER_BOARD
    assert theirs < mine
    assert {last(row["issue_id"]) for row in expected(shared, "board_issues")} == theirs


def test_words_and_times_of_issues_are_those_of_devlake(pairs: list[tuple[dict, dict]]) -> None:
    for theirs, mine in pairs:
        assert mine["key"] == theirs["issue_key"]
        assert mine["url"] == theirs["url"]
        assert mine["title"] == theirs["title"]
        assert (mine["body"] or "") == theirs["description"]
        assert mine["original_kind"] == theirs["original_type"]
        assert mine["original_status"] == theirs["original_status"]
        assert mine["priority"] == theirs["priority"]
        assert mine["reporter"] == theirs["creator_name"]
        assert mine["created_at"] == at(theirs["created_date"])
        assert mine["updated_at"] == at(theirs["updated_date"])
        assert mine["resolved_at"] == at(theirs["resolution_date"])
        assert ",".join(mine["fix_versions"]) == theirs["fix_versions"]
        assert ",".join(mine["components"]) == theirs["component"]


def test_estimates_of_issues_are_those_of_devlake(pairs: list[tuple[dict, dict]]) -> None:
    for theirs, mine in pairs:
        minutes = [theirs["original_estimate_minutes"], theirs["time_spent_minutes"]]
        seconds = [float(one) * 60 if one else None for one in minutes]
        assert [mine["estimate_s"], mine["spent_s"]] == seconds
        assert (mine["story_points"] or 0) == float(theirs["story_point"] or 0)


def test_assignees_and_labels_are_those_of_devlake(
    shared: Shared, ours: dict[str, list[dict]]
) -> None:
    issues = [row for row in ours["core.issues"] if row["issue_id"][2:] not in OTHER_BOARD]
    mine = {(row["issue_id"][2:], name) for row in issues for name in row["assignees"]}
    theirs = expected(shared, "issue_assignees")
    assert mine == {(last(row["issue_id"]), row["assignee_name"]) for row in theirs}
    labels = {(row["issue_id"][2:], name) for row in issues for name in row["labels"]}
    theirs = expected(shared, "_tool_jira_issue_labels")
    assert labels == {(row["issue_id"], row["label_name"]) for row in theirs}


def test_statuses_are_those_of_devlake_where_it_maps_none(pairs: list[tuple[dict, dict]]) -> None:
    mapped = Counter()
    for theirs, mine in pairs:
        if theirs["status"] in STATUS:
            assert mine["status"] == STATUS[theirs["status"]]
        else:
            mapped[theirs["status"]] += 1
    assert sum(mapped.values()) == 20


@pytest.mark.parametrize("case", ["issues", "issues_with_no_mapping_subtask"])
def test_kinds_are_the_types_of_devlake(
    shared: Shared, ours: dict[str, list[dict]], case: str
) -> None:
    words = {
        "故事": "requirement", "缺陷": "bug", "TASK": "task", "SUBTASK": "subtask",
        "SUB-TASK": "subtask", "TEST EXECUTION": "other",
    }  # fmt: skip
    mine = {row["issue_id"][2:]: row["kind"] for row in ours["core.issues"]}
    for row in expected(shared, case):
        assert mine[last(row["id"])] == words[row["type"]]


def test_a_sub_task_is_known_in_every_language(shared: Shared) -> None:
    found = rows("issues", {"issues": raw(shared, "issues")}, instance())["core.issues"]
    by_name = {row["original_kind"]: row["kind"] for row in found}
    assert by_name == {
        "故事": "other", "任务": "other", "缺陷": "other", "Test Execution": "other",
        "子任务": "subtask", "Story": "requirement", "Epic": "epic",
    }  # fmt: skip


def test_parents_are_those_of_devlake(shared: Shared, pairs: list[tuple[dict, dict]]) -> None:
    keys = {one["id"]: one["key"] for one in raw(shared, "issues")}
    for theirs, mine in pairs:
        parent = theirs["parent_issue_id"]
        assert mine["parent_key"] == (keys[last(parent)] if parent else None)
        assert theirs["epic_key"] == ""


@pytest.mark.parametrize(
    ("recording", "case", "field", "day"),
    [("issues", "issues", "", "2025-03-09"),
     ("issues_for_due_date", "issues_for_due_date", "customfield_10003", "2025-03-04")],
)  # fmt: skip
def test_due_days_are_those_of_devlake_in_utc(
    shared: Shared, recording: str, case: str, field: str, day: str
) -> None:
    body = {"issues": raw(shared, recording)}
    mine = {
        row["key"]: row for row in rows("issues", body, instance(due_field=field))["core.issues"]
    }
    for row in expected(shared, case):
        due, theirs = mine[row["issue_key"]]["due_at"], at(row["due_date"])
        assert (due is None) == (theirs is None)
        if theirs:
            assert due.date().isoformat() == day
            assert (due - theirs).total_seconds() == 8 * 3600


def test_sprints_of_issues_are_those_of_devlake(
    shared: Shared, ours: dict[str, list[dict]]
) -> None:
    mine = {
        (row["sprint_id"][2:], row["issue_id"][2:])
        for row in ours["core.sprint_issues"]
        if not row["is_removed"]
    }
    theirs = expected(shared, "_tool_jira_sprint_issues")
    assert mine - {(row["sprint_id"], row["issue_id"]) for row in theirs} == {
        ("175", "20708"), ("175", "20709"),
    }  # fmt: skip
    assert len(mine) == len(theirs) + 2


def test_an_issue_that_left_a_sprint_is_kept_as_removed(ours: dict[str, list[dict]]) -> None:
    left = {(row["sprint_id"], row["issue_id"]) for row in ours["core.sprint_issues"]
            if row["is_removed"]}  # fmt: skip
    assert left == {("j:7", "j:10079"), ("j:9", "j:10079"), ("j:7", "j:10081"), ("j:9", "j:10082")}


def by_key(found: list[dict]) -> dict[tuple[str, str], dict]:
    """Return transitions by changelog and field."""
    return {tuple(row["transition_id"].split(":", 2)[1:]): row for row in found}


def test_every_change_is_kept_and_devlake_overwrites_some(
    shared: Shared, ours: dict[str, list[dict]]
) -> None:
    mine = by_key(ours["core.issue_transitions"])
    theirs = {tuple(row["id"].split(":", 4)[3:]) for row in expected(shared, "issue_changelogs")}
    assert theirs < mine.keys()
    more = mine.keys() - theirs
    assert Counter(field for _, field in more if ":" in field) == {"Fix Version:2": 20}
    assert {mine[key]["issue_id"][2:] for key in more if ":" not in key[1]} == OTHER_BOARD
    assert len(mine) == len(theirs) + 25


def test_changes_are_those_of_devlake(shared: Shared, ours: dict[str, list[dict]]) -> None:
    mine = by_key(ours["core.issue_transitions"])
    own_words = ("assignee", "Sprint", "status", "Fix Version")
    for row in expected(shared, "issue_changelogs"):
        one = mine[tuple(row["id"].split(":", 4)[3:])]
        assert one["issue_id"][2:] == last(row["issue_id"])
        assert one["changed_at"] == at(row["created_date"])
        assert one["author"] == row["author_name"]
        assert one["field"] == row["field_name"]
        if row["field_name"] not in own_words:
            assert (one["from_value"] or "") == row["original_from_value"]
            assert (one["to_value"] or "") == row["original_to_value"]


def test_values_are_what_jira_said(shared: Shared, ours: dict[str, list[dict]]) -> None:
    mine = by_key(ours["core.issue_transitions"])
    for row in expected(shared, "_tool_jira_issue_changelog_items"):
        again = (row["changelog_id"], f"{row['field']}:2")
        one = mine.get(again, mine[row["changelog_id"], row["field"]])
        assert (one["from_value"] or "") == (row["from_string"] or row["from_value"])
        assert (one["to_value"] or "") == (row["to_string"] or row["to_value"])


def test_statuses_of_changes_are_those_of_devlake(
    shared: Shared, ours: dict[str, list[dict]]
) -> None:
    mine = by_key(ours["core.issue_transitions"])
    moves = [row for row in expected(shared, "issue_changelogs") if row["field_name"] == "status"]
    assert len(moves) == 165
    for row in moves:
        one = mine[tuple(row["id"].split(":", 4)[3:])]
        assert one["from_status"] == STATUS[row["from_value"]]
        assert one["to_status"] == STATUS[row["to_value"]]


def test_the_list_of_changes_of_one_issue_says_the_same(shared: Shared) -> None:
    mine: dict[tuple[str, str], dict] = {}
    for one in raw(shared, "issue_changelogs"):
        found = rows("changelog", {"values": [one]}, instance(), issue="1")
        mine |= by_key(found["core.issue_transitions"])
    theirs = expected(shared, "_tool_jira_issue_changelog_items_extractor")
    for row in theirs:
        one = mine[row["changelog_id"], row["field"]]
        assert (one["to_value"] or "") == (row["to_string"] or row["to_value"])
    assert (len(mine), len(theirs)) == (284, 281)


def test_sprints_are_those_of_devlake(shared: Shared) -> None:
    boards = {row["id"].rpartition(":")[2]: row["name"] for row in expected(shared, "boards")}
    body = {"values": raw(shared, "sprints")}
    mine = {
        row["sprint_id"][2:]: row
        for row in rows("sprints", body, instance(), boards=boards)["core.sprints"]
    }
    theirs = {last(row["id"]): row for row in expected(shared, "sprints")}
    assert mine.keys() - theirs.keys() == {"25"}
    for key, row in theirs.items():
        one = mine[key]
        assert (one["name"], one["url"]) == (row["name"], row["url"])
        assert one["status"] == row["status"].lower()
        assert one["started_at"] == at(row["started_date"])
        assert one["ended_at"] == at(row["ended_date"])
        assert one["completed_at"] == at(row["completed_date"])
        own = last(row["original_board_id"])
        assert one["board"] == boards.get(own, own)


def test_accounts_are_those_of_devlake(shared: Shared) -> None:
    users = raw(shared, "users")
    issue = {
        "id": "1",
        "key": "EE-1",
        "fields": {},
        "changelog": {
            "histories": [{"id": "1", "created": "2026-01-01", "author": one} for one in users]
        },
    }
    found = rows("issues", {"issues": [issue]}, instance())["core.accounts"]
    mine = {row["account_id"].removeprefix("j:"): row for row in found}
    theirs = {last(row["id"]): row for row in expected(shared, "accounts")}
    assert mine.keys() == theirs.keys()
    kinds = {row["account_id"]: row["account_type"]
             for row in expected(shared, "_tool_jira_accounts")}  # fmt: skip
    for key, row in theirs.items():
        assert mine[key]["name"] == row["full_name"] == row["user_name"]
        assert (mine[key]["email"] or "") == row["email"]
        assert mine[key]["is_bot"] == (kinds[key] == "app")


def test_statuses_are_those_of_devlake_and_those_of_projects(shared: Shared) -> None:
    recorded = raw(shared, "status")
    mine = categories(recorded)
    words = {"new": "todo", "indeterminate": "in_progress", "done": "done"}
    theirs = expected(shared, "_tool_jira_statuses")
    for row in theirs:
        assert mine[row["id"]] == words[row["status_category"]]
    of_projects = {one["id"] for one in recorded if "scope" in one}
    assert mine.keys() - {row["id"] for row in theirs} == of_projects
    assert len(of_projects) == 17


def test_versions_of_every_recorded_project_are_asked_for(shared: Shared, home: Context) -> None:
    projects = raw(shared, "projects")

    class Projects(Loopback):
        def answer(self, asked: Asked) -> Reply:
            empty = {"status": [], "field": [], "search/jql": {"issues": [], "isLast": True},
                     "project/search": {"values": projects, "isLast": True}}  # fmt: skip
            name = asked.path.removeprefix("rest/api/3/")
            if name in empty:
                return ok(empty[name])
            is_probe = asked.path.endswith("serverInfo")
            return ok({"deploymentType": "Cloud"}) if is_probe else missing()

    with serving(Projects()) as world:
        at = Instance("j", "jira", "shop", {"url": world.url, "sprints": False})
        list(Jira(at, Context(home, home)).pull("issues", cursor=None, window=None))
        asked = {path.split("/")[-2] for path in world.asked("/versions")}
    keys = {row["project_key"] for row in table(shared, "snapshot_tables/_tool_jira_projects")}
    assert asked == keys
    assert len(keys) == 12
