"""Words, ids and small shapes that all of GitHub's payloads share. What they mean is beside it.

    github_code     repositories, branches, commits, pull requests, reviews, releases
    github_runs     workflow runs and jobs
    github_checks   check runs and commit statuses, deployments
    github_work     issues, milestones, accounts
    github_files    artifacts, test reports in them, logs of jobs

The context of every payload holds `repository` (owner/name in lower case, since GitHub does not
tell them apart) and `repository_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.payload import Payload

Json = dict[str, Any]
SOURCE = "github"

STATUS = {
    "queued": "queued",
    "requested": "queued",
    "waiting": "queued",
    "pending": "queued",
    "action_required": "queued",
    "in_progress": "running",
    "success": "passed",
    "failure": "failed",
    "error": "error",
    "timed_out": "error",
    "startup_failure": "error",
    "cancelled": "cancelled",
    "stale": "cancelled",
    "skipped": "skipped",
    "neutral": "skipped",
}
"""Statuses and conclusions. What waits for an approval is queued; neutral gives no verdict."""
OPEN = ("queued", "running")


def status_of(one: Mapping[str, Any]) -> str:
    """Return one of STATUSES for a run, a job, a step or a check run."""
    word = str(one.get("conclusion") or one.get("status") or "").lower()
    return STATUS.get(word, "error")


def is_open(one: Mapping[str, Any]) -> bool:
    """Tell whether a run or a check run has not ended."""
    return status_of(one) in OPEN


def login(user: Mapping[str, Any] | None) -> str | None:
    """Return the login of a user; one who was deleted is null."""
    return user.get("login") if user else None


def part(one: Mapping[str, Any], name: str) -> Json:
    """Return the object `name` of an object, empty where it is null or missing."""
    found: Json | None = one.get(name)
    return found or {}


def repository(payload: Payload) -> str:
    """Return owner/name in lower case."""
    return str(payload.context["repository"])


def repository_id(payload: Payload) -> str:
    """Return what `core.repositories` calls the repository."""
    return str(payload.context["repository_id"])


def own_id(payload: Payload, number: object) -> str:
    """Return the id of what GitHub numbers across all repositories."""
    return f"{payload.instance.name}:{number}"


def request_id(payload: Payload, number: object) -> str:
    """Return the id of a pull request: instance, repository and number."""
    return f"{payload.instance.name}:{repository(payload)}#{number}"


def many(payload: Payload, name: str = "") -> list[Json]:
    """Return the objects of a bare list, of the list `name` in an object, or the object alone."""
    value = payload.json()
    if isinstance(value, list):
        return payload.objects()
    one = payload.object()
    return payload.objects(name) if name in one else [one]
