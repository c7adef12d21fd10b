"""Runners and queue of a Jenkins as they stand now, to rows of core.runners and core.queue_items.

`RUNNERS` and `QUEUE` are what is asked for. Jenkins calls its runners agents, or computers. What is
to be known of one, or of an item, when it is gone is what `machines` and `items` return; the rows
are made of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote

from golive_core.errors import SourceDataError
from ingest.parse.chosen import is_chosen
from ingest.parse.jenkins_stages import instant
from ingest.parse.rows import frame, names
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]
_RUNS = "[currentExecutable[number]]"
RUNNERS = (
    "computer[displayName,assignedLabels[name],offline,temporarilyOffline,offlineCauseReason,"
    f"numExecutors,executors{_RUNS},oneOffExecutors{_RUNS}]"
)
QUEUE = "items[id,task[name,url],why,blocked,stuck,inQueueSince]"
JOB = re.compile(r"(?:^|/)job/([^/]+)")


def machines(told: Json) -> dict[str, Json]:
    """Return what is known of each runner, by name; raises SourceDataError."""
    return {one["displayName"]: _machine(one) for one in _list(told, "computer")}


def _list(told: Json, name: str) -> list[Json]:
    found = told.get(name)
    if not isinstance(found, list):
        raise SourceDataError(f"no list {name}")
    return cast("list[Json]", found)


def _machine(one: Json) -> Json:
    runs = [*(one.get("executors") or ()), *(one.get("oneOffExecutors") or ())]
    name = one["displayName"]
    return {
        "labels": [label for label in names(one.get("assignedLabels")) if label != name],
        "is_online": not one.get("offline"), "executors": one.get("numExecutors"),
        "busy": sum(1 for run in runs if run.get("currentExecutable")),
        "offline_reason": one.get("offlineCauseReason") or None if one.get("offline") else None,
    }  # fmt: skip


def items(told: Json, at: str) -> dict[str, Json]:
    """Return what is known of each waiting item, by id; `at` is when it was seen to wait."""
    return {str(one["id"]): _item(one, at) for one in _list(told, "items")}


def _item(one: Json, at: str) -> Json:
    task: Json = one.get("task") or {}
    return {
        "job": job_of(task.get("url") or "") or task.get("name"), "why": one.get("why"),
        "is_blocked": bool(one.get("blocked")), "is_stuck": bool(one.get("stuck")),
        "since": one["inQueueSince"], "seen_at": at,
    }  # fmt: skip


def job_of(url: str) -> str:
    """Return the full name of the job that a page belongs to, empty for none."""
    return "/".join(unquote(part) for part in JOB.findall(url))


def _runners(payload: Payload, known: Mapping[str, Json], *, is_deleted: bool) -> Tables:
    rows = [
        _own(payload) | known[name] | {
            "runner_id": f"{payload.instance.name}:{name}", "name": name,
            "seen_at": payload.context["at"], "is_deleted": is_deleted,
        }
        for name in known
    ]  # fmt: skip
    return {"core.runners": frame("core.runners", rows)}


def _own(payload: Payload) -> Json:
    return {"project_id": payload.instance.project_id, "source": payload.instance.type}


def runners(payload: Payload) -> Tables:
    """Return the runners, the controller among them."""
    return _runners(payload, machines(payload.object()), is_deleted=False)


def runners_gone(payload: Payload) -> Tables:
    """Return the runners that were removed."""
    gone = {"is_online": False, "busy": 0}
    known = {name: one | gone for name, one in payload.object().items()}
    return _runners(payload, known, is_deleted=True)


def queue(payload: Payload) -> Tables:
    """Return the items that wait."""
    found = items(payload.object(), payload.context["at"])
    return {"core.queue_items": frame("core.queue_items", _waiting(payload, found))}


def queue_gone(payload: Payload) -> Tables:
    """Return the items that wait no more: begun, cancelled or merged into another."""
    rows = _waiting(payload, payload.object())
    left = {"left_at": payload.context["at"]}
    return {"core.queue_items": frame("core.queue_items", (one | left for one in rows))}


def _waiting(payload: Payload, found: Mapping[str, Json]) -> Iterator[Json]:
    name = payload.instance.name
    for key, one in found.items():
        if is_chosen(payload.instance, one["job"]):
            yield _own(payload) | {
                "queue_item_id": f"{name}:{key}", "pipeline_id": f"{name}:{one['job']}",
                "waiting_reason": one["why"], "is_blocked": one["is_blocked"],
                "is_stuck": one["is_stuck"], "queued_at": instant(one["since"]),
                "seen_at": one["seen_at"],
            }  # fmt: skip


PARSERS: dict[str, Parser] = {
    "runners": runners,
    "runners.gone": runners_gone,
    "queue": queue,
    "queue.gone": queue_gone,
}
