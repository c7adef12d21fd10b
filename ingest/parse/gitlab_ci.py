"""GitLab's API v4 to rows: pipelines as builds, jobs as stages, test reports, deployments.

A project has one pipeline in our words, a GitLab pipeline is a build of it. The list of pipelines
lacks times, so a build comes from the pipeline alone, and the list only tells that there are some.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parse import tests
from ingest.parse.gitlab import login
from ingest.parse.hosted import environment_kind, hosted_id, own, part, repository_id
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Payload, Tables

Json = dict[str, Any]

STATUS = {
    "created": "queued",
    "waiting_for_resource": "queued",
    "waiting_for_callback": "queued",
    "preparing": "queued",
    "pending": "queued",
    "scheduled": "queued",
    "manual": "queued",
    "blocked": "queued",
    "running": "running",
    "canceling": "running",
    "success": "passed",
    "failed": "failed",
    "canceled": "cancelled",
    "skipped": "skipped",
}
"""Of pipelines, jobs and deployments; `manual` and `blocked` wait for a person."""
ENDED = frozenset({"success", "failed", "canceled", "skipped"})
TRIGGER = {
    "push": "push",
    "web": "manual",
    "chat": "manual",
    "webide": "manual",
    "schedule": "schedule",
    "api": "api",
    "trigger": "api",
    "pipeline": "upstream",
    "parent_pipeline": "upstream",
    "merge_request_event": "pull_request",
    "external_pull_request_event": "pull_request",
}
TEST_STATUS = {"success": "passed", "failed": "failed", "error": "error", "skipped": "skipped"}
TIERS = frozenset({"production", "staging", "testing", "development"})


def pipelines(payload: Payload) -> Tables:
    """Return the pipeline that a page of pipelines is of, if there are any."""
    row = own(payload) | {
        "pipeline_id": hosted_id(payload), "name": payload.context["path"], "is_deleted": False,
    }  # fmt: skip
    found = payload.objects()
    if not found:
        return {}
    row["url"] = found[0]["web_url"].rpartition("/")[0]
    return {"core.pipelines": frame("core.pipelines", [row])}


def pipeline(payload: Payload) -> Tables:
    """Return the build that one pipeline is."""
    return {"core.builds": frame("core.builds", [build(payload, payload.object())])}


def build(payload: Payload, one: Json) -> Json:
    """Return the cells of a build; a pipeline as in lists lacks its times and who began it."""
    finished = one.get("finished_at") if one["status"] in ENDED else None
    return own(payload) | {
        "build_id": build_id(payload, number(one)), "pipeline_id": hosted_id(payload),
        "number": number(one), "attempt": 1, "commit_sha": one["sha"],
        "branch": branch(one["ref"]), "trigger": TRIGGER.get(one.get("source") or "", "other"),
        "triggered_by": login(one, "user"), "status": STATUS.get(one["status"], "error"),
        "is_unstable": False, "queued_at": one["created_at"],
        "started_at": one.get("started_at"), "finished_at": finished,
        "duration_s": one.get("duration") if finished else None,
        "queue_s": one.get("queued_duration"), "url": one["web_url"], "is_simulated": False,
    }  # fmt: skip


def number(one: Json) -> int:
    """Return the number in the project; servers before GitLab 13 know the id only."""
    return int(one.get("iid") or one["id"])


def build_id(payload: Payload, of: int) -> str:
    """Return the id of the build with that number."""
    return f"{hosted_id(payload)}#{of}"


def branch(ref: str | None) -> str | None:
    """Return a ref as people call it: `merge-requests/7/head` for a merge request's pipeline."""
    return ref.removeprefix("refs/").removeprefix("heads/") if ref else None


def jobs(payload: Payload) -> Tables:
    """Return the stages of the build `number`: all its jobs, retried ones as attempts."""
    day = instant(payload.context["at"])
    rows = [
        {
            "build_id": build_id(payload, payload.context["number"]), "ordinal": ordinal,
            "attempt": attempt, "day": day.date() if day else None,
            "project_id": payload.instance.project_id,
            "name": f"{one['stage']}: {one['name']}",
            "status": STATUS.get(one["status"], "error"), "started_at": one.get("started_at"),
            "duration_s": one.get("duration") if one["status"] in ENDED else None,
        }
        for ordinal, attempt, one in _numbered(payload.objects())
    ]  # fmt: skip
    return {"core.stages": frame("core.stages", rows)}


def _numbered(found: list[Json]) -> Iterator[tuple[int, int, Json]]:
    """Yield position, attempt and job: the same name again is a retry. Ids tell the order."""
    attempts: dict[str, int] = {}
    for one in sorted(found, key=lambda job: int(job["id"])):
        attempts[one["name"]] = attempts.get(one["name"], 0) + 1
        yield list(attempts).index(one["name"]), attempts[one["name"]], one


def test_report(payload: Payload) -> Tables:
    """Return results, tests and failures of a pipeline's report; its tests tell no times."""
    told = payload.context
    cases = [
        (suite.get("name"), one)
        for suite in payload.object().get("test_suites") or ()
        for one in suite.get("test_cases") or ()
    ]
    columns = {
        "suite": [suite for suite, _ in cases],
        "class_name": [one.get("classname") for _, one in cases],
        "name": [one.get("name") for _, one in cases],
        "status": [TEST_STATUS.get(one.get("status") or "", "error") for _, one in cases],
        "duration_s": [_float(one.get("execution_time")) for _, one in cases],
        "started_at": [instant(told["at"]) for _ in cases],
        "message": [_first_line(one) for _, one in cases],
        "details": [_details(one) for _, one in cases],
        "file": [one.get("file") for _, one in cases],
        "build_id": build_id(payload, told["number"]), "commit_sha": told["sha"],
        "branch": branch(told["ref"]), "report_id": payload.id,
    }  # fmt: skip
    return tests.frames(columns, payload.instance.project_id)


LIMIT = 64 * 1024
"""Characters of an output that are kept."""


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _details(one: Json) -> str | None:
    """Return what a test said; reports with attributes give an object instead of text."""
    parts = (one.get("system_output"), one.get("stack_trace"))
    said = [part if isinstance(part, str) else str(part) for part in parts if part]
    return "\n".join(said)[:LIMIT] or None


def _first_line(one: Json) -> str | None:
    lines = (_details(one) or "").strip().splitlines()
    return lines[0] if lines else None


def deployments(payload: Payload) -> Tables:
    """Return a page of deployments; times of the run are those of the job that did it."""
    rows = [_deployment(payload, one) for one in payload.objects()]
    return {"core.deployments": frame("core.deployments", rows)}


def _deployment(payload: Payload, one: Json) -> Json:
    job, environment = part(one, "deployable"), one["environment"]
    name, tier, run = environment["name"], environment.get("tier"), part(job, "pipeline")
    ended = job.get("finished_at") or one.get("updated_at")
    started = instant(job.get("started_at"))
    finished = instant(ended) if one["status"] in ENDED else None
    return own(payload) | {
        "deployment_id": f"{payload.instance.name}:{one['id']}",
        "repository_id": repository_id(payload), "service": payload.context["path"],
        "environment": name,
        "environment_kind": tier if tier in TIERS else environment_kind(name),
        "status": STATUS.get(one["status"], "error"), "commit_sha": one["sha"],
        "branch": branch(one["ref"]), "build_id": build_id(payload, number(run)) if run else None,
        "queued_at": one["created_at"], "started_at": started, "finished_at": finished,
        "duration_s": seconds(started, finished), "creator": login(one, "user"),
        "url": job.get("web_url"),
    }  # fmt: skip
