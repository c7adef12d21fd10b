"""Bitbucket's webhooks to payloads of the lists that tell the same: one parser makes the row.

A hook holds the object as the API does. The one thing that it lacks is when a merged pull request
was merged: its last change is that time only in the hook of the merge itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingest.parse.bitbucket import head
from ingest.parse.hosted import Hooked, event, part

Json = dict[str, Any]


def payloads(key: str, body: bytes) -> list[Hooked]:
    """Return contexts and bodies of the payloads that the hook of the event `key` stands for.

    Raises SourceDataError for a body that is no hook of Bitbucket.
    """
    told = event(body)
    path = part(told, "repository").get("full_name")
    if not path:
        return []
    return [
        ({"kind": kind, "path": path}, json.dumps(found).encode())
        for kind, found in _read(key, told)
    ]


def _read(key: str, told: Json) -> Iterator[tuple[str, Any]]:
    if key == "repo:push":
        yield from _push(told)
    elif key.startswith("repo:commit_status_"):
        yield "statuses", {"values": [told["commit_status"]]}
    elif key.startswith("pullrequest:"):
        one = told["pullrequest"]
        if one["state"] != "MERGED" or key == "pullrequest:fulfilled":
            yield "pull_requests", {"values": [one]}


def _push(told: Json) -> Iterator[tuple[str, Any]]:
    """Yield heads that moved, branches that went, and the commits that the hook holds."""
    changes: list[Json] = part(told, "push").get("changes") or []
    heads = [one["new"] for one in changes if part(one, "new").get("type") == "branch"]
    gone = [one["old"] for one in changes if not one.get("new") and one["old"]["type"] == "branch"]
    commits = {commit["hash"]: commit for one in changes for commit in one.get("commits") or ()}
    if heads:
        yield "branches", {"values": heads}
    if gone:
        yield "branches.gone", {one["name"]: head(one) for one in gone}
    if commits:
        yield "commits", {"values": list(commits.values())}
