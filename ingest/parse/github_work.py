"""Issues, milestones and accounts of GitHub to core rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ingest.parse.github import SOURCE, Json, login, own_id, repository
from ingest.parse.rows import frame, names
from ingest.payload import Parser, Payload, Tables

KINDS = (
    ("incident", r"incident|outage|postmortem"),
    ("bug", r"bug|defect|regression|^error$|^failure$"),
    ("epic", r"epic"),
    ("requirement", r"feature|feat\b|enhancement|requirement|proposal|story"),
    ("task", r"task|chore|maintenance|refactor|documentation|^docs$"),
)
SEVERITY = re.compile(r"^(?:severity|sev)[/: -]+(.+)$", re.IGNORECASE)
PRIORITY = re.compile(
    r"^(?:(?:priority|prio)[/: -]+(.+)|(p[0-4]|highest|high|medium|low))$", re.IGNORECASE
)
COMPONENT = re.compile(r"^(?:component|area)[/: -]+(.+)$", re.IGNORECASE)


def issues(payload: Payload) -> Tables:
    """Return issues with the milestones that they are planned into, pull requests left out.

    With `is_deleted` of the context they are gone.
    """
    found = [one for one in payload.objects() if "pull_request" not in one]
    return {
        "core.issues": frame("core.issues", (_issue(payload, one) for one in found)),
        "core.sprint_issues": frame("core.sprint_issues", _planned(payload, found)),
    }


def _issue(payload: Payload, one: Json) -> Json:
    labels = names(one.get("labels"))
    kind, original = kind_of(one.get("type"), labels)
    is_done = one["state"].lower() == "closed"
    return {
        "issue_id": own_id(payload, one["id"]), "project_id": payload.instance.project_id,
        "source": SOURCE, "key": f"#{one['number']}", "title": one["title"],
        "body": one.get("body"), "kind": kind, "original_kind": original,
        "status": "done" if is_done else "todo", "original_status": one["state"],
        "resolution": one.get("state_reason"), "priority": _told(PRIORITY, labels),
        "severity": _told(SEVERITY, labels), "labels": labels,
        "components": sorted(_all(COMPONENT, labels)), "fix_versions": [],
        "reporter": login(one.get("user")), "assignees": names(one.get("assignees"), "login"),
        "parent_key": _parent(one.get("parent_issue_url")),
        "created_at": one["created_at"], "updated_at": one.get("updated_at"),
        "resolved_at": one.get("closed_at"), "url": one.get("html_url"),
        "is_deleted": bool(payload.context.get("is_deleted")),
    }  # fmt: skip


def kind_of(issue_type: Json | None, labels: Iterable[str]) -> tuple[str, str | None]:
    """Return the kind of an issue, and the type or label that told it."""
    named = [issue_type["name"]] if issue_type else []
    for kind, pattern in KINDS:
        for word in (*named, *labels):
            if re.search(pattern, word.lower()):
                return kind, word
    return "other", named[0] if named else None


def _told(pattern: re.Pattern[str], labels: Iterable[str]) -> str | None:
    return next(iter(_all(pattern, labels)), None)


def _all(pattern: re.Pattern[str], labels: Iterable[str]) -> list[str]:
    found = (pattern.match(label) for label in labels)
    return [next(filter(None, one.groups())) for one in found if one]


def _parent(url: str | None) -> str | None:
    return f"#{url.rpartition('/')[2]}" if url else None


def _planned(payload: Payload, found: Iterable[Json]) -> Iterable[Json]:
    for one in found:
        if one.get("milestone"):
            yield {
                "sprint_id": own_id(payload, one["milestone"]["id"]),
                "issue_id": own_id(payload, one["id"]),
                "project_id": payload.instance.project_id, "is_removed": False,
            }  # fmt: skip


def milestones(payload: Payload) -> Tables:
    """Return milestones as sprints; one without an end date may go on for ever."""
    rows = [
        {
            "sprint_id": own_id(payload, one["id"]), "project_id": payload.instance.project_id,
            "source": SOURCE, "board": repository(payload), "name": one["title"],
            "status": "active" if one["state"] == "open" else "closed",
            "started_at": one.get("created_at"), "ended_at": one.get("due_on"),
            "completed_at": one.get("closed_at"), "url": one.get("html_url"),
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.sprints": frame("core.sprints", rows)}


def accounts(payload: Payload) -> Tables:
    """Return the account of one user, as asked for by login."""
    one: dict[str, Any] = payload.object()
    row = {
        "account_id": own_id(payload, one["id"]), "project_id": payload.instance.project_id,
        "source": SOURCE, "login": one["login"], "name": one.get("name"),
        "email": one.get("email"), "organisation": (one.get("company") or "").strip() or None,
        "is_bot": one.get("type") == "Bot", "is_active": one.get("suspended_at") is None,
        "created_at": one.get("created_at"), "url": one.get("html_url"),
    }  # fmt: skip
    return {"core.accounts": frame("core.accounts", [row])}


PARSERS: dict[str, Parser] = {
    "issues": issues,
    "milestones": milestones,
    "members": lambda _: {},
    "members.gone": lambda _: {},
    "account": accounts,
}
