"""Words of Jira as words of core: categories of status, kinds of issue, people, rich text.

What a whole answer means is in `ingest/parse/jira.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from golive_core.settings import Instance

Json = dict[str, Any]

CATEGORIES = {"new": "todo", "undefined": "todo", "indeterminate": "in_progress", "done": "done"}
"""Keys of status categories, which are the same in every language and workflow."""
KINDS = {
    "bug": "bug", "defect": "bug",
    "incident": "incident", "[system] incident": "incident",
    "story": "requirement", "user story": "requirement", "requirement": "requirement",
    "new feature": "requirement", "feature": "requirement", "improvement": "requirement",
    "task": "task", "[system] service request": "task",
    "sub-task": "subtask", "subtask": "subtask",
    "epic": "epic",
}  # fmt: skip
"""Names of issue types in lower case that Jira brings along."""
BLOCKS = frozenset({
    "paragraph", "heading", "codeBlock", "blockquote", "listItem", "tableRow", "rule", "panel",
    "mediaSingle", "taskItem", "decisionItem", "expand",
})  # fmt: skip
"""Nodes of a rich text after which a new line begins."""


def part(value: Json, name: str) -> Json:
    """Return the object `name` inside an object, empty where it is missing or null."""
    return value.get(name) or {}


def parts(value: Json, *path: str) -> list[Json]:
    """Return the list of objects at `path`, empty where it is missing or null."""
    for name in path[:-1]:
        value = part(value, name)
    return value.get(path[-1]) or []


def category(status: Json) -> str | None:
    """Return todo, in_progress or done for a status with its category."""
    return CATEGORIES.get(str(part(status, "statusCategory").get("key")))


def categories(statuses: list[Json]) -> dict[str, str]:
    """Return todo, in_progress or done by id of the status."""
    found = {str(one["id"]): category(one) for one in statuses}
    return {key: word for key, word in found.items() if word}


def kind(issue_type: Json, own: Mapping[str, str]) -> str:
    """Return the kind of an issue: as `own` names it, as Jira names it, as its level says."""
    name = str(issue_type.get("name") or "")
    plain = str(issue_type.get("untranslatedName") or name).lower()
    if name in own:
        return own[name]
    if plain in KINDS:
        return KINDS[plain]
    if issue_type.get("subtask"):
        return "subtask"
    return "epic" if int(issue_type.get("hierarchyLevel") or 0) == 1 else "other"


def person(user: Json) -> str | None:
    """Return what people call an account."""
    return user.get("displayName") or user.get("name") or None


def account(user: Json, instance: Instance) -> Json | None:
    """Return a row of core.accounts, None for an account that says no id.

    Jira Cloud has an accountId and no user name, a server has both a key and a name.
    """
    own = user.get("accountId") or user.get("key") or user.get("name")
    if not own:
        return None
    return {
        "account_id": f"{instance.name}:{own}", "project_id": instance.project_id,
        "source": "jira", "login": user.get("name") or None, "name": person(user),
        "email": user.get("emailAddress") or None, "is_active": user.get("active"),
        "is_bot": user["accountType"] == "app" if "accountType" in user else None,
    }  # fmt: skip


def text(value: object) -> str | None:
    """Return the plain text of a field: text as it is, a document (ADF) without its markup.

    Zero bytes, which some clients leave behind, are dropped.
    """
    if value is None or isinstance(value, str):
        return (value or "").replace("\0", "") or None
    lines = "".join(_pieces(value)).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip() or None


def _pieces(node: object) -> list[str]:
    if not isinstance(node, dict):
        return []
    one = cast("Json", node)
    name = one.get("type")
    if name == "hardBreak":
        return ["\n"]
    own = [str(one.get("text") or _attribute(one))]
    inner = [piece for child in parts(one, "content") for piece in _pieces(child)]
    return [*own, *inner, "\n"] if name in BLOCKS else [*own, *inner]


def _attribute(node: Json) -> str:
    """Return what a node without text shows: a mention, an emoji, a card's address."""
    attributes = part(node, "attrs")
    if node.get("type") in ("mention", "emoji", "status"):
        return str(attributes.get("text") or attributes.get("shortName") or "")
    return str(attributes.get("url") or "") if node.get("type") == "inlineCard" else ""
