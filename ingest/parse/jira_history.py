"""The changelog of a Jira issue: rows of core.issue_transitions and of core.sprint_issues.

An issue names the sprints that it is in; those that it was taken out of are only in its history.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from golive_core.settings import Instance
from ingest.parse.jira_words import Json, part, parts, person

SPRINT = "Sprint"
"""The name of the field in a changelog; it is not translated."""
SERVER_SPRINT = re.compile(r"^com\.atlassian\.greenhopper\..*\[(?:.*,)?id=(\d+),")
"""How a Jira server writes a sprint: the text of a Java object."""


def transitions(
    histories: Iterable[Json], issue: str, instance: Instance, statuses: Mapping[str, str]
) -> Iterator[Json]:
    """Yield rows of core.issue_transitions, one a changed field."""
    for history in histories:
        counted: Counter[str] = Counter()
        for item in parts(history, "items"):
            name = str(item["field"])
            counted[name] += 1
            again = f":{counted[name]}" if counted[name] > 1 else ""
            yield {
                "transition_id": f"{instance.name}:{history['id']}:{name}{again}",
                "issue_id": f"{instance.name}:{issue}", "project_id": instance.project_id,
                "field": name,
                "from_value": item.get("fromString") or item.get("from"),
                "to_value": item.get("toString") or item.get("to"),
                "author": person(part(history, "author")), "changed_at": history["created"],
                **_words(item, statuses),
            }  # fmt: skip


def _words(item: Json, statuses: Mapping[str, str]) -> dict[str, str | None]:
    if item["field"] != "status":
        return {}
    return {
        "from_status": statuses.get(str(item.get("from"))),
        "to_status": statuses.get(str(item.get("to"))),
    }


def sprints(fields: Json) -> list[str]:
    """Return the ids of the sprints that an issue is or was worked on in.

    They are known by their shape: in which custom field they are differs from site to site.
    """
    own = [fields.get("sprint"), *parts(fields, "closedSprints")]
    custom = (value for name, value in fields.items() if name.startswith("customfield_"))
    lists = (cast("list[object]", value) for value in custom if isinstance(value, list))
    found = {_sprint(one) for values in (own, *lists) for one in values}
    return sorted(found - {""}, key=int)


def _sprint(value: Any) -> str:  # noqa: ANN401 - whatever a custom field holds
    if isinstance(value, str):
        match = SERVER_SPRINT.match(value)
        return match[1] if match else ""
    one = cast("Json", value) if isinstance(value, dict) else {}
    return str(one["id"]) if "state" in one and isinstance(one.get("id"), int) else ""


def left(histories: Iterable[Json], now: Iterable[str]) -> list[str]:
    """Return the ids of sprints that an issue was in and is not in `now`."""
    items = (item for history in histories for item in parts(history, "items"))
    named = [
        one.strip()
        for item in items
        if item["field"] == SPRINT
        for side in ("from", "to")
        for one in str(item.get(side) or "").split(",")
    ]
    return sorted({one for one in named if one.isdigit()} - set(now), key=int)


def planned(
    issue: str, instance: Instance, now: Iterable[str], histories: Iterable[Json]
) -> list[Json]:
    """Return rows of core.sprint_issues of one issue."""
    now = list(now)
    return [
        {
            "sprint_id": f"{instance.name}:{sprint}", "issue_id": f"{instance.name}:{issue}",
            "project_id": instance.project_id, "is_removed": is_removed,
        }
        for found, is_removed in ((now, False), (left(histories, now), True))
        for sprint in found
    ]  # fmt: skip
