"""Workflow runs of GitHub Actions with their jobs and steps, to pipelines, builds and stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ingest.parse.github import OPEN, SOURCE, Json, login, many, repository, status_of
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Parser, Payload, Tables

FOLDER = ".github/workflows/"
TRIGGERS = {
    "push": "push",
    "schedule": "schedule",
    "workflow_dispatch": "manual",
    "repository_dispatch": "api",
    "pull_request": "pull_request",
    "pull_request_target": "pull_request",
    "merge_group": "pull_request",
    "workflow_run": "upstream",
    "workflow_call": "upstream",
}


def pipeline_of(repository: str, run: Mapping[str, Any]) -> str:
    """Return the full name of a run's workflow: repository and file, `acme/shop/ci.yml`.

    A workflow is its file: GitHub begins a new one where the file is renamed. Old servers do not
    tell the file; the workflow's number then stands in.
    """
    path = str(run.get("path") or run["workflow_id"]).partition("@")[0]
    return f"{repository}/{path.removeprefix(FOLDER)}"


def build_of(pipeline: str, run: Mapping[str, Any]) -> str:
    """Return pipeline, number and, from the second on, attempt of a run."""
    attempt = run.get("run_attempt") or 1
    return f"{pipeline}#{run['run_number']}" + (f"@{attempt}" if attempt > 1 else "")


def queued_at(run: Mapping[str, Any]) -> str:
    """Return when an attempt was asked for: a later one has the first one's `created_at`."""
    is_later = (run.get("run_attempt") or 1) > 1
    return (run.get("run_started_at") if is_later else None) or run["created_at"]


def runs(payload: Payload) -> Tables:
    """Return the builds and pipelines of a page of runs, or of one run or attempt."""
    found = many(payload, "workflow_runs")
    return {
        "core.builds": frame("core.builds", (_build(payload, run) for run in found)),
        "core.pipelines": frame("core.pipelines", _pipelines(payload, found)),
    }


def _build(payload: Payload, run: Json) -> Json:
    pipeline = f"{payload.instance.name}:{pipeline_of(repository(payload), run)}"
    status = status_of(run)
    queued, started = instant(queued_at(run)), instant(run.get("run_started_at"))
    started = None if status == "queued" else started or queued
    ended = None if status in OPEN else instant(run.get("updated_at"))
    return {
        "build_id": build_of(pipeline, run), "pipeline_id": pipeline,
        "project_id": payload.instance.project_id, "source": SOURCE,
        "number": run["run_number"], "attempt": run.get("run_attempt") or 1,
        "commit_sha": run.get("head_sha"), "branch": run.get("head_branch"),
        "trigger": TRIGGERS.get(run.get("event") or "", "other"),
        "triggered_by": login(run.get("triggering_actor") or run.get("actor")),
        "status": status, "is_unstable": False,
        "queued_at": queued, "started_at": started, "finished_at": ended,
        "duration_s": seconds(started, ended), "queue_s": seconds(queued, started),
        "url": run.get("html_url"), "is_simulated": False,
    }  # fmt: skip


def _pipelines(payload: Payload, found: Iterable[Json]) -> Iterator[Json]:
    for run in found:
        name = pipeline_of(repository(payload), run)
        page, _, _ = str(run.get("html_url") or "").partition("/actions/")
        file = name.removeprefix(f"{repository(payload)}/")
        yield {
            "pipeline_id": f"{payload.instance.name}:{name}",
            "project_id": payload.instance.project_id, "source": SOURCE, "name": name,
            "url": f"{page}/actions/workflows/{file}" if page else None, "is_deleted": False,
        }  # fmt: skip


def jobs(payload: Payload) -> Tables:
    """Return the stages of one attempt: each job, and its steps as `job / step`.

    `build` and `day` are of the build; `first` is the ordinal of this page's first stage.
    """
    first = int(payload.context.get("first", 0))
    rows = [
        {
            "build_id": payload.context["build"], "ordinal": first + number, "attempt": 1,
            "day": day_of(payload.context["day"]), "project_id": payload.instance.project_id,
            "name": name, "status": status_of(one), "started_at": one.get("started_at"),
            "duration_s": seconds(instant(one.get("started_at")), instant(one.get("completed_at"))),
        }
        for number, (name, one) in enumerate(stages(many(payload, "jobs")))
    ]  # fmt: skip
    return {"core.stages": frame("core.stages", rows)}


def day_of(queued: str) -> date | None:
    """Return the day that core.builds has for an attempt queued at that time."""
    at = instant(queued)
    return at.date() if at else None


def stages(found: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """Yield the jobs in the order in which they were made, each before its steps."""
    for job in sorted(found, key=lambda one: one["id"]):
        yield job["name"], job
        for step in job.get("steps") or ():
            yield f"{job['name']} / {step['name']}", step


PARSERS: dict[str, Parser] = {"runs": runs, "jobs": jobs}
