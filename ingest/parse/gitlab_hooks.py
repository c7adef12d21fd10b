"""GitLab's webhooks to payloads of the lists that tell the same, so that one parser makes the row.

A hook says less than the API. What would make a row poorer than the polled one is left to the
poll: a Job Hook has one job of many and no place among them, a Deployment Hook lacks when it was
asked for, a push lacks what a commit's row needs beside its head, and who opened a merge request
or an issue is told only where they took part in what the hook is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from ingest.parse.gitlab_ci import ENDED
from ingest.parse.hosted import Hooked, event, part
from ingest.parse.rows import instant

Json = dict[str, Any]
NONE = "0" * 40
"""The commit of a branch that is not there."""
ZONE = re.compile(r" (?:UTC|([+-]\d\d):?(\d\d))$")
"""How hooks end a time: `2016-08-12 15:23:28 UTC`."""
TIMES = ("created_at", "updated_at", "closed_at", "merged_at", "finished_at")


def payloads(body: bytes) -> list[Hooked]:
    """Return contexts and bodies of the payloads that a hook stands for.

    Raises SourceDataError for a body that is no hook of GitLab.
    """
    told = event(body)
    read = KINDS.get(str(told.get("object_kind")))
    path = part(told, "project").get("path_with_namespace")
    if read is None or not path:
        return []
    return [
        ({"kind": kind, "path": path}, json.dumps(found).encode()) for kind, found in read(told)
    ]


def _push(told: Json) -> Iterator[tuple[str, Any]]:
    """Yield the head of the branch, or that it is gone; tags are not read."""
    kind, _, name = str(told["ref"]).partition("refs/heads/")
    is_default = name == part(told, "project").get("default_branch")
    if kind or not name:
        return
    if told["after"] == NONE:
        gone = {"name": name, "sha": told["before"], "at": None, "default": is_default}
        yield "branches.gone", {name: gone}
    for commit in told.get("commits") or ():
        if commit["id"] == told["after"]:
            head = {"id": told["after"], "committed_date": commit["timestamp"]}
            yield "branches", [{"name": name, "default": is_default, "commit": head}]


def _merge_request(told: Json) -> Iterator[tuple[str, Any]]:
    one = _attributes(told)
    closed = one["updated_at"] if one.get("action") == "close" else None
    if one["author"] and (one["state"] != "closed" or closed):
        yield "merge_requests", [
            one | {
                "sha": part(one, "last_commit").get("id"), "closed_at": closed,
                "labels": told.get("labels") or [],
            }
        ]  # fmt: skip


def _pipeline(told: Json) -> Iterator[tuple[str, Any]]:
    """Yield the pipeline; it began when it had waited for as long as the hook says."""
    one = _attributes(told)
    created, waited = instant(one.get("created_at")), one.get("queued_duration")
    if not one.get("iid") or created is None or (one["status"] in ENDED and waited is None):
        return
    began = None if waited is None else created + timedelta(seconds=waited)
    yield "pipeline", one | {
        "user": told.get("user"), "started_at": began.isoformat() if began else None,
    }  # fmt: skip


def _issue(told: Json) -> Iterator[tuple[str, Any]]:
    one = _attributes(told)
    if not one["author"]:
        return
    milestone = one.get("milestone_id")
    yield "issues", [
        one | {
            "issue_type": str(one.get("type") or "issue").lower(),
            "milestone": {"id": milestone} if milestone else None,
            "labels": told.get("labels") or [],
            "time_stats": {
                "time_estimate": one.get("time_estimate"),
                "total_time_spent": one.get("total_time_spent"),
            },
        }
    ]  # fmt: skip


KINDS: dict[str, Callable[[Json], Iterator[tuple[str, Any]]]] = {
    "push": _push,
    "merge_request": _merge_request,
    "pipeline": _pipeline,
    "issue": _issue,
}


def _attributes(told: Json) -> Json:
    """Return the object of the hook in the words of the API."""
    one: Json = dict(told["object_attributes"])
    people = [part(told, "user"), *(told.get("assignees") or ()), *(told.get("reviewers") or ())]
    author = (person for person in people if person.get("id") == one.get("author_id"))
    times = {name: zoned(one[name]) for name in TIMES if one.get(name)}
    return one | times | {
        "web_url": one.get("url"), "author": next(author, None),
        "assignees": told.get("assignees") or [], "reviewers": told.get("reviewers") or [],
    }  # fmt: skip


def zoned(text: str) -> str:
    """Return a hook's time as ISO 8601 has it."""
    return ZONE.sub(lambda found: f"{found[1]}:{found[2]}" if found[1] else "+00:00", text)
