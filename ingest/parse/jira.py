"""Answers of Jira to rows: pages of issues with changelogs, sprints, versions, webhook bodies.

Cloud and servers say the same with small differences (rich text or wiki text, accounts, sprints),
which are put right here and in `jira_words.py` and `jira_history.py`. `context` of a page of
issues holds `statuses`, the category by id of each status, since a changelog names ids only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from golive_core.settings import Instance
from ingest.parse import jira_history as history
from ingest.parse.jira_words import Json, account, category, kind, part, parts, person, text
from ingest.parse.rows import frame, names
from ingest.payload import Parser, Payload, Tables


def issues(payload: Payload) -> Tables:
    """Return issues, what changed in them, the sprints that they are in and the people."""
    found, at = payload.objects("issues"), payload.instance
    statuses = part(dict(payload.context), "statuses")
    moves: list[Json] = []
    planned: list[Json] = []
    for one in found:
        past = histories(one)
        moves += history.transitions(past, str(one["id"]), at, statuses)
        planned += history.planned(str(one["id"]), at, history.sprints(one["fields"]), past)
    return {
        "core.issues": frame("core.issues", [issue(one, at) for one in found]),
        "core.issue_transitions": frame("core.issue_transitions", moves),
        "core.sprint_issues": frame("core.sprint_issues", planned),
        "core.accounts": frame("core.accounts", accounts(people(found), at)),
    }


def histories(one: Json) -> list[Json]:
    """Return the changes that came with an issue."""
    return parts(one, "changelog", "histories")


def changelog(payload: Payload) -> Tables:
    """Return what changed in one issue: a page of a long history."""
    past, at = payload.objects("values"), payload.instance
    own, now = str(payload.context["issue"]), payload.context.get("sprints") or ()
    statuses = part(dict(payload.context), "statuses")
    moves = history.transitions(past, own, at, statuses)
    removed = [one for one in history.planned(own, at, now, past) if one["is_removed"]]
    return {
        "core.issue_transitions": frame("core.issue_transitions", moves),
        "core.sprint_issues": frame("core.sprint_issues", removed),
    }


def hook(payload: Payload) -> Tables:
    """Return the issue of a webhook. Its change comes with the next poll, which knows statuses."""
    value, at = payload.object(), payload.instance
    one: Json = value["issue"]
    row = issue(one, at) | {"is_deleted": value["webhookEvent"] == "jira:issue_deleted"}
    return {"core.issues": frame("core.issues", [row])}


def issue(one: Json, at: Instance) -> Json:
    """Return the row of core.issues of an issue as Jira tells it."""
    fields: Json = one["fields"]
    issue_type, assignee = part(fields, "issuetype"), person(part(fields, "assignee"))
    return {
        "issue_id": f"{at.name}:{one['id']}", "project_id": at.project_id, "source": "jira",
        "key": one["key"], "title": text(fields.get("summary")),
        "body": text(fields.get("description")),
        "kind": kind(issue_type, part(dict(at.options), "kinds")),
        "original_kind": issue_type.get("name"),
        "status": category(part(fields, "status")),
        "original_status": part(fields, "status").get("name"),
        "resolution": part(fields, "resolution").get("name"),
        "priority": part(fields, "priority").get("name"),
        "labels": names(fields.get("labels")),
        "components": names(fields.get("components")),
        "fix_versions": names(fields.get("fixVersions")),
        "reporter": person(part(fields, "reporter")) or person(part(fields, "creator")),
        "assignees": [assignee] if assignee else [],
        "parent_key": _parent(fields, str(at.options.get("epic_field") or "")),
        "story_points": _number(fields.get(str(at.options.get("story_points_field") or ""))),
        "estimate_s": _number(fields.get("timeoriginalestimate")),
        "spent_s": _number(fields.get("timespent")),
        "created_at": fields.get("created"), "updated_at": fields.get("updated"),
        "resolved_at": fields.get("resolutiondate"),
        "due_at": fields.get(str(at.options.get("due_field") or "duedate")),
        "url": f"{str(at.options.get('url') or '').rstrip('/')}/browse/{one['key']}",
        "is_deleted": False,
    }  # fmt: skip


def _parent(fields: Json, epic_field: str) -> str | None:
    return part(fields, "parent").get("key") or fields.get(epic_field) or None


def _number(value: Any) -> float | None:  # noqa: ANN401 - a custom field may hold text
    return float(value) if value not in (None, "") else None


def people(found: Iterable[Json]) -> Iterator[Json]:
    """Yield the accounts that issues name, again and again."""
    for one in found:
        fields: Json = one["fields"]
        yield from (part(fields, name) for name in ("creator", "reporter", "assignee"))
        yield from (part(past, "author") for past in histories(one))


def accounts(users: Iterable[Json], at: Instance) -> list[Json]:
    """Return rows of core.accounts, one an account."""
    rows = (account(user, at) for user in users)
    return list({row["account_id"]: row for row in rows if row}.values())


def sprints(payload: Payload) -> Tables:
    """Return the sprints of a board; a board without sprints says so instead."""
    boards, at = part(dict(payload.context), "boards"), payload.instance
    rows = [
        {
            "sprint_id": f"{at.name}:{one['id']}", "project_id": at.project_id, "source": "jira",
            "board": _board(one, boards), "name": one.get("name"),
            "status": str(one["state"]).lower(), "started_at": one.get("startDate"),
            "ended_at": one.get("endDate"), "completed_at": one.get("completeDate"),
            "url": one.get("self"),
        }
        for one in parts(payload.object(), "values")
    ]  # fmt: skip
    return {"core.sprints": frame("core.sprints", rows)}


def _board(sprint: Json, boards: Json) -> str | None:
    """Return the board that a sprint was made on: other boards may show it too."""
    own = sprint.get("originBoardId")
    return boards.get(str(own), str(own)) if own is not None else None


def versions(payload: Payload) -> Tables:
    """Return the versions of a project."""
    at = payload.instance
    rows = [
        {
            "version_id": f"{at.name}:{one['id']}", "project_id": at.project_id, "source": "jira",
            "name": one["name"], "description": one.get("description") or None,
            "is_released": one.get("released"), "is_archived": one.get("archived"),
            "started_at": one.get("startDate"), "released_at": one.get("releaseDate"),
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.versions": frame("core.versions", rows)}


PARSERS: dict[str, Parser] = {
    "issues": issues, "changelog": changelog, "hook": hook, "sprints": sprints,
    "versions": versions,
}  # fmt: skip
"""By the `kind` of a payload's context."""
