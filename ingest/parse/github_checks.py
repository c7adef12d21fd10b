"""Check runs, commit statuses and deployments of GitHub to core rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.parse.environments import environment_kind
from ingest.parse.github import OPEN, SOURCE, STATUS, Json, login, many, own_id, part, repository_id
from ingest.parse.github import status_of as run_status
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Parser, Payload, Tables

DESCRIBED = 500
"""Characters of a description that are kept."""


def check_runs(payload: Payload) -> Tables:
    """Return the check runs of a page, or a single one."""
    rows = [_check_run(payload, one) for one in many(payload, "check_runs")]
    return {"core.checks": frame("core.checks", rows)}


def _check_run(payload: Payload, one: Json) -> Json:
    title: str | None = part(one, "output").get("title")
    app = part(one, "app")
    return {
        **_of_check(payload, own_id(payload, one["id"])), "commit_sha": one["head_sha"],
        "name": one["name"], "app": app.get("slug") or app.get("name"),
        "status": run_status(one), "started_at": one.get("started_at"),
        "finished_at": one.get("completed_at"), "description": title[:DESCRIBED] if title else None,
        "url": one.get("html_url"),
    }  # fmt: skip


def _of_check(payload: Payload, check_id: str) -> Json:
    return {
        "check_id": check_id, "project_id": payload.instance.project_id,
        "repository_id": repository_id(payload), "source": SOURCE,
    }  # fmt: skip


def statuses(payload: Payload) -> Tables:
    """Return the newest status of each context of a commit (`{"sha", "statuses": [...]}`).

    Each report of a context has an id of its own; the check is the context, whatever it said last.
    """
    sha = payload.object()["sha"]
    rows = [_status(payload, sha, one) for one in payload.objects("statuses")]
    return {"core.checks": frame("core.checks", rows)}


def _status(payload: Payload, sha: str, one: Json) -> Json:
    status = STATUS.get(one["state"], "error")
    return {
        **_of_check(payload, own_id(payload, f"{sha}:{one['context']}")), "commit_sha": sha,
        "name": one["context"], "status": status,
        "finished_at": None if status in OPEN else one.get("updated_at"),
        "description": one.get("description"), "url": one.get("target_url"),
    }  # fmt: skip


def deployments(payload: Payload) -> Tables:
    """Return one deployment (`deployment` of the context) with its statuses, newest first."""
    one, told = payload.context["deployment"], sorted(payload.objects(), key=lambda at: at["id"])
    status = deployment_status(told)
    queued = instant(one["created_at"])
    started = _first(told, "in_progress")
    ended = None if status in OPEN else _end(told)
    row = {
        "deployment_id": own_id(payload, one["id"]), "project_id": payload.instance.project_id,
        "source": SOURCE, "repository_id": repository_id(payload),
        "service": str(payload.context["repository"]).partition("/")[2],
        "environment": one["environment"],
        "environment_kind": _kind(one), "status": status, "commit_sha": one["sha"],
        "branch": one["ref"] if one["ref"] != one["sha"] else None,
        "queued_at": queued, "started_at": started, "finished_at": ended,
        "duration_s": seconds(started or queued, ended), "creator": one.get("creator"),
        "url": next((at["url"] for at in map(_links, reversed(told)) if at["url"]), None),
    }  # fmt: skip
    return {"core.deployments": frame("core.deployments", [row])}


def slim(deployment: Mapping[str, Any]) -> Json:
    """Return what the context of the statuses is to hold of a deployment."""
    told = {
        name: deployment.get(name)
        for name in ("id", "sha", "ref", "environment", "created_at", "production_environment")
    }
    return told | {"creator": login(deployment.get("creator"))}


def _kind(deployment: Mapping[str, Any]) -> str | None:
    """Return the kind by name; what the deployer called production is production."""
    if deployment.get("production_environment"):
        return "production"
    return environment_kind(deployment["environment"])


def deployment_status(told: list[Json]) -> str:
    """Return one of STATUSES after the statuses, oldest first.

    A deployment that another one replaced is inactive: what counts is how it went before.
    """
    states = [one["state"] for one in told if one["state"] not in ("inactive", "destroyed")]
    if states:
        return STATUS.get(states[-1], "error")
    return "cancelled" if told else "queued"


def _first(told: list[Json], state: str) -> datetime | None:
    return next((instant(one["created_at"]) for one in told if one["state"] == state), None)


def _end(told: list[Json]) -> datetime | None:
    """Return when the status that counts was given."""
    ends = [one for one in told if one["state"] not in ("inactive", "destroyed")] or told
    return instant(ends[-1]["created_at"])


def _links(status: Json) -> Json:
    return {"url": status.get("log_url") or status.get("target_url") or None}


PARSERS: dict[str, Parser] = {
    "check_runs": check_runs,
    "statuses": statuses,
    "index": lambda _: {},
    "deployment": deployments,
}
