"""Bitbucket Cloud's API 2.0 to rows: pipelines as builds, steps as stages, deployments.

A repository has one pipeline in our words, a Bitbucket pipeline is a build of it. When it began to
run is known from its steps only, so the pull hands a pipeline to the parser of its steps.
"""

from __future__ import annotations

import re
from typing import Any

from ingest.parse.bitbucket import login
from ingest.parse.hosted import environment_kind, hosted_id, own, part, repository_id
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Payload, Tables

Json = dict[str, Any]

STATUS = {
    "UNDEPLOYED": "queued",
    "PARSING": "queued",
    "PENDING": "queued",
    "READY": "queued",
    "IN_PROGRESS": "running",
    "BUILDING": "running",
    "RUNNING": "running",
    "PAUSED": "running",
    "HALTED": "running",
    "SUCCESSFUL": "passed",
    "PASSED": "passed",
    "FAILED": "failed",
    "ERROR": "error",
    "STOPPED": "cancelled",
    "EXPIRED": "cancelled",
    "NOT_RUN": "skipped",
}
"""States, stages and results of pipelines, steps and deployments; paused ones go on later."""
TRIGGER = {
    "PUSH": "push",
    "MANUAL": "manual",
    "SCHEDULE": "schedule",
    "SCHEDULED": "schedule",
    "PARENT_STEP": "upstream",
}
OVER = frozenset({"passed", "failed", "error", "cancelled", "skipped"})
NUMBER = re.compile(r"#(\d+)")
"""A release is named after the pipeline that made it."""


def pipelines(payload: Payload) -> Tables:
    """Return the pipeline that a page of pipelines is of, if there are any."""
    if not payload.objects("values"):
        return {}
    path = payload.context["path"]
    row = own(payload) | {
        "pipeline_id": hosted_id(payload), "name": path, "is_deleted": False,
        "url": f"https://bitbucket.org/{path}/pipelines",
    }  # fmt: skip
    return {"core.pipelines": frame("core.pipelines", [row])}


def steps(payload: Payload) -> Tables:
    """Return the build that the pipeline in the context is, and its stages."""
    one, found = payload.context["pipeline"], payload.objects("values")
    return {
        "core.builds": frame("core.builds", [build(payload, one, found)]),
        "core.stages": frame("core.stages", stages(payload, one, found)),
    }


def build(payload: Payload, one: Json, of: list[Json]) -> Json:
    """Return the cells of a build; `of` are its steps, from which its start is known."""
    queued, target = instant(one["created_on"]), one["target"]
    started = min(filter(None, (instant(step.get("started_on")) for step in of)), default=None)
    status = status_of(one)
    return own(payload) | {
        "build_id": build_id(payload, one), "pipeline_id": hosted_id(payload),
        "number": one.get("build_number"), "attempt": 1,
        "commit_sha": part(target, "commit").get("hash"),
        "branch": target.get("ref_name") or target.get("source"), "trigger": trigger_of(one),
        "triggered_by": login(one.get("creator")), "status": status, "is_unstable": False,
        "queued_at": queued, "started_at": started,
        "finished_at": one.get("completed_on") if status in OVER else None,
        "duration_s": taken(one) if status in OVER else None,
        "queue_s": seconds(queued, started), "url": url_of(payload, one), "is_simulated": False,
    }  # fmt: skip


def build_id(payload: Payload, one: Json) -> str:
    """Return the id of the build; one without a number has its uuid for it."""
    return f"{hosted_id(payload)}#{one.get('build_number') or one['uuid']}"


def stages(payload: Payload, one: Json, found: list[Json]) -> list[Json]:
    """Return the cells of the stages of a build, in the order of its steps."""
    day = instant(one["created_on"])
    return [
        {
            "build_id": build_id(payload, one), "ordinal": ordinal, "attempt": 1,
            "day": day.date() if day else None, "project_id": payload.instance.project_id,
            "name": step.get("name") or f"step {ordinal + 1}", "status": status_of(step),
            "started_at": step.get("started_on"),
            "duration_s": taken(step) if status_of(step) in OVER else None,
        }
        for ordinal, step in enumerate(found)
    ]  # fmt: skip


def status_of(one: Json) -> str:
    """Return the word for the state of a pipeline or step: its result, else stage, else state."""
    state = part(one, "state")
    words = (part(state, "result").get("name"), part(state, "stage").get("name"), state.get("name"))
    return STATUS.get(next(filter(None, words), ""), "error")


def is_over(pipeline: Json) -> bool:
    """Tell whether a pipeline has ended and changes no more."""
    return status_of(pipeline) in OVER


def taken(one: Json) -> int | None:
    """Return the running time in seconds, without waiting for people and machines."""
    return one.get("duration_in_seconds", one.get("build_seconds_used"))


def trigger_of(one: Json) -> str:
    """Return the word for what began a pipeline."""
    if one["target"].get("type") == "pipeline_pullrequest_target":
        return "pull_request"
    return TRIGGER.get(str(part(one, "trigger").get("name")).upper(), "other")


def url_of(payload: Payload, one: Json) -> str | None:
    """Return the page of a pipeline; what the API links to is not for people."""
    number, path = one.get("build_number"), payload.context["path"]
    return f"https://bitbucket.org/{path}/pipelines/results/{number}" if number else None


def deployments(payload: Payload) -> Tables:
    """Return a page of deployments."""
    rows = [_deployment(payload, one) for one in payload.objects("values")]
    return {"core.deployments": frame("core.deployments", rows)}


def _deployment(payload: Payload, one: Json) -> Json:
    state, release, environment = one["state"], part(one, "release"), one["environment"]
    word = part(state, "status").get("name") or state["name"]
    number = NUMBER.fullmatch(release.get("name") or "")
    started = instant(state.get("started_on"))
    finished = instant(state.get("completed_on"))
    name = environment.get("name") or environment["uuid"]
    tier = part(environment, "environment_type").get("name")
    return own(payload) | {
        "deployment_id": f"{payload.instance.name}:{one['uuid']}",
        "repository_id": repository_id(payload), "service": payload.context["path"],
        "environment": name, "environment_kind": environment_kind(tier or name),
        "status": STATUS.get(word, "error"), "commit_sha": part(release, "commit").get("hash"),
        "build_id": f"{hosted_id(payload)}#{number[1]}" if number else None,
        "queued_at": one.get("created_on") or release.get("created_on") or started,
        "started_at": started, "finished_at": finished, "duration_s": seconds(started, finished),
        "url": release.get("url"),
    }  # fmt: skip
