"""A Bitbucket Cloud with one repository on the loopback, in the words of its API 2.0.

Things are made by the functions below, in the shape that its documentation shows. Lists come as
`values` with the address of the `next` page; there are no ETags.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPOSITORY = "shop/backend"
BASE = f"2.0/repositories/{REPOSITORY}"
WEB = f"https://bitbucket.org/{REPOSITORY}"
ANN = {"type": "user", "display_name": "Ann", "uuid": "{a}", "nickname": "ann", "account_id": "1"}


def at(minutes: float) -> str:
    """Return a time as Bitbucket writes it."""
    return (T0 + timedelta(minutes=minutes)).isoformat(timespec="microseconds")


def sha(number: int) -> str:
    return f"{number:040x}"


def page(below: str) -> dict[str, Any]:
    return {"html": {"href": f"{WEB}/{below}"}}


def commit(number: int) -> dict[str, Any]:
    return {
        "type": "commit", "hash": sha(number), "date": at(number), "message": f"Step {number}\n",
        "author": {"type": "author", "raw": "Ann <ann@x.org>", "user": ANN},
        "parents": [{"type": "commit", "hash": sha(number - 1)}],
    }  # fmt: skip


def branch(name: str, number: int) -> dict[str, Any]:
    return {"type": "branch", "name": name, "target": commit(number)}


def pull_request(number: int, state: str = "OPEN") -> dict[str, Any]:
    approved = {"user": ANN, "role": "REVIEWER", "state": "approved", "participated_on": at(9)}
    return {
        "type": "pullrequest", "id": number, "title": f"Change {number}", "description": "",
        "state": state, "merge_commit": None, "author": ANN, "created_on": at(number),
        "updated_on": at(number), "comment_count": 2, "draft": False, "links": page("pr"),
        "source": {"branch": {"name": f"b{number}"}, "commit": {"hash": sha(number)[:12]}},
        "destination": {"branch": {"name": "main"}, "commit": {"hash": sha(1)[:12]}},
        "participants": [approved], "reviewers": [ANN],
    }  # fmt: skip


def status(number: int, key: str = "PIPELINES-1", state: str = "SUCCESSFUL") -> dict[str, Any]:
    return {
        "type": "build", "key": key, "name": "Pipeline", "state": state, "description": "",
        "url": f"{WEB}/pipelines/results/1", "created_on": at(1), "updated_on": at(2),
        "links": {"commit": {"href": f"https://api.bitbucket.org/{BASE}/commit/{sha(number)}"}},
    }  # fmt: skip


def state(result: str) -> dict[str, Any]:
    """Return the state of a pipeline or step; RUNNING and PAUSED are of one that goes on."""
    if result in ("RUNNING", "PAUSED"):
        return {"name": "IN_PROGRESS", "stage": {"name": result}}
    return {"name": "COMPLETED", "result": {"name": result}}


def pipeline(number: int, result: str = "SUCCESSFUL") -> dict[str, Any]:
    is_over = result not in ("RUNNING", "PAUSED")
    return {
        "type": "pipeline", "uuid": f"{{p{number}}}", "build_number": number, "creator": ANN,
        "state": state(result), "created_on": at(number), "trigger": {"name": "PUSH"},
        "completed_on": at(number + 5) if is_over else None, "duration_in_seconds": 200,
        "target": {"type": "pipeline_ref_target", "ref_type": "branch", "ref_name": "main",
                   "commit": {"type": "commit", "hash": sha(number)}},
    }  # fmt: skip


def step(number: int, result: str = "SUCCESSFUL") -> dict[str, Any]:
    return {
        "type": "pipeline_step", "uuid": f"{{s{number}}}", "name": f"step {number}",
        "state": state(result), "started_on": at(number + 1), "completed_on": at(number + 2),
        "duration_in_seconds": 60, "run_number": 1,
    }  # fmt: skip


def deployment(number: int) -> dict[str, Any]:
    return {
        "type": "deployment", "uuid": f"{{d{number}}}", "version": 2,
        "state": {"name": "COMPLETED", "status": {"name": "SUCCESSFUL"},
                  "started_on": at(number), "completed_on": at(number + 2)},
        "environment": {"uuid": "{e}", "name": "eu", "environment_type": {"name": "Production"}},
        "release": {"name": f"#{number}", "url": f"{WEB}/pipelines/results/{number}",
                    "commit": {"hash": sha(number)}, "created_on": at(number - 1),
                    "pipeline": {"uuid": f"{{p{number}}}"}},
    }  # fmt: skip


def issue(number: int, state: str = "new") -> dict[str, Any]:
    return {
        "type": "issue", "id": number, "title": f"Issue {number}", "content": {"raw": "x"},
        "reporter": ANN, "assignee": ANN, "created_on": at(number), "updated_on": at(number),
        "state": state, "kind": "bug", "priority": "major", "milestone": None,
        "component": {"name": "cart"}, "version": {"name": "1.0"}, "links": page("issues"),
    }  # fmt: skip


SORTS = {"commits": "date", "pipelines": "created_on", "deployments": "release.created_on"}


@dataclass
class Bitbucket(Loopback):
    """What the repository holds by the name of the list; the parts by list and number."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commits_of: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Reply:
        if asked.path == BASE:
            return ok({"full_name": REPOSITORY, "mainbranch": {"name": "main"},
                       "links": page("")})  # fmt: skip
        match asked.path.removeprefix(f"{BASE}/").strip("/").split("/"):
            case ["pullrequests", number, "commits"]:
                found = self.commits_of.get(int(number), [])
            case ["pullrequests", number, "statuses"]:
                found = self.statuses.get(int(number), [])
            case ["pipelines", uuid, "steps"]:
                found = self.steps.get(uuid, [])
            case ["refs", name] | [name]:
                found = self.sorted(name)
            case _:
                return missing()
        return self.page(asked, found)

    def sorted(self, name: str) -> list[dict[str, Any]]:
        """Return a list newest first."""
        if name == "branches":
            return self.lists.get(name, [])
        key = SORTS.get(name, "updated_on")

        def time(one: dict[str, Any]) -> str:
            return one["state"]["started_on"] if name == "deployments" else one[key]

        return sorted(self.lists.get(name, []), key=time, reverse=True)

    def page(self, asked: Asked, found: list[dict[str, Any]]) -> Reply:
        size, number = int(asked.query["pagelen"]), int(asked.query.get("page", 1))
        body = {"pagelen": size, "page": number, "values": found[(number - 1) * size :][:size]}
        if len(found) > number * size:
            body["next"] = f"{self.url}/{asked.path}?pagelen={size}&page={number + 1}"
        return ok(body)
