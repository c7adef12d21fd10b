"""A CircleCI with one project on the loopback, in the words of its API v2: pages of 20 by token.

Things are made by the functions below, in the shape of its documentation and of DevLake's
recording. Times are not long ago, since old pipelines are looked at less often.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok

T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
SLUG = "gh/acme/shop"
SIZE = 20
FLOW = "build-test"


def at(minutes: float) -> str:
    """Return a time as CircleCI writes it."""
    text = (T0 + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def sha(number: int) -> str:
    return f"{number:040x}"


def pipeline(number: int, state: str = "created", **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}", "number": number, "project_slug": SLUG, "state": state, "errors": [],
        "created_at": at(number), "updated_at": at(number),
        "trigger": {"type": "webhook", "received_at": at(number), "actor": {"login": "ann"}},
        "vcs": {"provider_name": "GitHub", "revision": sha(number), "branch": "main",
                "commit": {"subject": "x", "body": ""}},
        **more,
    }  # fmt: skip


def workflow(
    number: int, status: str = "success", *, name: str = FLOW, key: str = "", after: float = 0
) -> dict[str, Any]:
    """Return a run that was made `after` minutes after its pipeline, of the id `key`."""
    made = number + after
    is_over = status not in ("running", "on_hold", "failing")
    return {
        "id": key or f"w{number}", "name": name, "status": status, "project_slug": SLUG,
        "pipeline_id": f"p{number}", "pipeline_number": number, "started_by": "u1",
        "created_at": at(made), "stopped_at": at(made + 0.5) if is_over else None,
    }  # fmt: skip


def job(
    number: int, name: str = "test", status: str = "success", *, begun: float, kind: str = "build"
) -> dict[str, Any]:
    is_over = status not in ("running", "on_hold", "queued", "blocked")
    return {
        "id": f"j{number}", "job_number": number, "name": name, "status": status, "type": kind,
        "project_slug": SLUG, "dependencies": [], "started_at": at(begun + 0.1),
        "stopped_at": at(begun + 0.4) if is_over else None,
    }  # fmt: skip


def case_of(name: str, result: str = "success") -> dict[str, Any]:
    message = "expected 3\n  at cart.py:7" if result == "failure" else ""
    return {
        "name": name, "classname": "cart.Cart", "file": "tests/cart.py", "result": result,
        "run_time": 0.25, "source": "unknown", "message": message,
    }  # fmt: skip


def artifact(path: str) -> dict[str, Any]:
    return {"path": path, "node_index": 0, "url": f"https://output.example.org/{path}"}


@dataclass
class Circleci(Loopback):
    """Pipelines by number, workflows by pipeline, jobs by workflow, the rest by job number."""

    pipelines: dict[int, dict[str, Any]] = field(default_factory=dict)
    workflows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tests: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    artifacts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self, number: int, status: str = "success", *jobs: dict[str, Any]) -> None:
        """Add a pipeline with one workflow of these jobs, of one job if none are given."""
        self.pipelines[number] = pipeline(number)
        self.workflows[f"p{number}"] = [workflow(number, status)]
        self.jobs[f"w{number}"] = list(jobs) or [job(10 * number, begun=number, status=status)]

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("api/v2/")
        whole = {
            "me": {"id": "u1", "login": "ann", "name": "Ann"},
            f"project/{SLUG}": {"id": "s1", "slug": SLUG, "name": "shop"},
        }
        if path in whole:
            return ok(whole[path])
        found = self.found(path.removeprefix(f"project/{SLUG}/").split("/"))
        return missing() if found is None else self.page(asked, found)

    def found(self, names: list[str]) -> list[dict[str, Any]] | None:
        match names:
            case ["pipeline"]:
                return [self.pipelines[number] for number in sorted(self.pipelines)][::-1]
            case ["pipeline", key, "workflow"]:
                return sorted(
                    self.workflows.get(key, []), key=lambda one: one["created_at"], reverse=True
                )
            case ["workflow", key, "job"]:
                return self.jobs.get(key, [])
            case [number, ("tests" | "artifacts") as kind]:
                return (self.tests if kind == "tests" else self.artifacts).get(number, [])
        return None

    def page(self, asked: Asked, found: list[dict[str, Any]]) -> Reply:
        start = int(asked.query.get("page-token", "0"))
        end = start + SIZE
        token = str(end) if end < len(found) else None
        return ok({"items": found[start:end], "next_page_token": token})
