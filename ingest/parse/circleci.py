"""CircleCI's API v2 to rows: workflows as builds, jobs as stages, tests, artifacts, deployments.

A workflow of a project is a pipeline in our words, a run of it a build with the number of the
CircleCI pipeline that it is part of. A workflow of the same name in the same pipeline is an attempt
of that build. When a workflow began to run is known from its jobs only, so the pull hands pipeline
and workflow to the parser of the jobs. Machines and costs are in further requests, one a job, and
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingest.parse import tests
from ingest.parse.environments import environment_kind
from ingest.parse.hosted import own, part
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

STATUS = {
    "success": "passed",
    "running": "running",
    "failing": "running",
    "on_hold": "queued",
    "queued": "queued",
    "blocked": "queued",
    "not_running": "queued",
    "failed": "failed",
    "timedout": "failed",
    "error": "error",
    "infrastructure_fail": "error",
    "terminated-unknown": "error",
    "unauthorized": "error",
    "retried": "error",
    "canceled": "cancelled",
    "not_run": "skipped",
}
"""Of workflows and jobs; on hold is what waits for a person."""
OPEN = frozenset({"queued", "running"})
TRIGGER = {
    "webhook": "push",
    "decoupled ingestion system": "push",
    "api": "api",
    "explicit": "api",
    "schedule": "schedule",
    "scheduled_pipeline": "schedule",
}
TEST_STATUS = {"success": "passed", "failure": "failed", "error": "error", "skipped": "skipped"}
DEPLOYS = r"(?i)(?<![a-z])deploy(?:ment)?(?![a-z])"
"""Names of jobs that deploy, where nothing else is said: `deploy-eu`, not `undeploy`."""
SEPARATORS = " \t-_/.:"


SHORT = {"github": "gh", "bitbucket": "bb"}


def short(slug: str) -> str:
    """Return a slug as the API writes it: addresses and hooks have `github` where it has `gh`."""
    vcs, _, rest = slug.partition("/")
    return f"{SHORT.get(vcs, vcs)}/{rest}"


def slim(pipeline: Mapping[str, Any]) -> Json:
    """Return what a pipeline tells of the builds in it."""
    kept = {name: pipeline.get(name) for name in ("id", "number", "created_at")}
    vcs, git = part(pipeline, "vcs"), part(pipeline, "trigger_parameters", "git")
    trigger = part(pipeline, "trigger")
    return kept | {
        "sha": vcs.get("revision") or git.get("checkout_sha"),
        "branch": vcs.get("branch") or vcs.get("tag") or git.get("branch") or git.get("tag"),
        "is_request": bool(vcs.get("review_id")), "trigger": trigger.get("type"),
        "login": part(trigger, "actor").get("login"),
    }  # fmt: skip


def status_of(one: Mapping[str, Any]) -> str:
    """Return the word for the state of a workflow or a job."""
    return STATUS.get(str(one.get("status")), "error")


def is_over(one: Mapping[str, Any]) -> bool:
    """Tell whether a workflow or job has ended; one that waits for a person has not."""
    return status_of(one) not in OPEN


def numbered(found: Iterable[Json]) -> Iterator[tuple[int, Json]]:
    """Yield attempt and workflow: the same name again is a re-run. Their times tell the order."""
    attempts: dict[str, int] = {}
    for one in sorted(found, key=lambda each: (str(each["created_at"]), str(each["id"]))):
        attempts[one["name"]] = attempts.get(one["name"], 0) + 1
        yield attempts[one["name"]], one


def ran_here(workflow: Json, job: Json) -> bool:
    """Tell whether a job ran in the workflow: a re-run from failed shows the others' old runs."""
    started, made = instant(job.get("started_at")), instant(workflow["created_at"])
    return started is not None and made is not None and started >= made


def pipeline_id(payload: Payload, name: str = "") -> str:
    """Return the id of the workflow of that name, or of the project where there is none."""
    slug = payload.context["project"]
    return f"{payload.instance.name}:{slug}" + (f"/{name}" if name else "")


def build_id(payload: Payload, name: str, number: object, attempt: int) -> str:
    """Return the id of a build."""
    later = f"@{attempt}" if attempt > 1 else ""
    return f"{pipeline_id(payload, name)}#{number}{later}"


def page_of(payload: Payload) -> str:
    """Return the address of the project's pipelines for people."""
    url = str(payload.instance.options.get("url") or "https://circleci.com")
    host = "https://app.circleci.com" if url == "https://circleci.com" else url
    return f"{host}/pipelines/{payload.context['project']}"


def _pipeline(payload: Payload, name: str = "") -> Json:
    slug = payload.context["project"]
    return own(payload) | {
        "pipeline_id": pipeline_id(payload, name), "name": f"{slug}/{name}" if name else slug,
        "url": page_of(payload), "is_deleted": False,
    }  # fmt: skip


def workflows(payload: Payload) -> Tables:
    """Return the pipelines that the workflows of a CircleCI pipeline are runs of."""
    names = sorted({str(one["name"]) for one in payload.objects("items")})
    rows = [_pipeline(payload, name) for name in names]
    return {"core.pipelines": frame("core.pipelines", rows)}


def pipelines(payload: Payload) -> Tables:
    """Return builds of pipelines that never became workflows, as with a wrong configuration."""
    rows = [
        _build(payload, slim(one), "", 1) | {
            "status": "error", "queued_at": one["created_at"], "finished_at": one["updated_at"],
            "url": f"{page_of(payload)}/{one['number']}",
        }
        for one in payload.objects("items")
        if one.get("state") == "errored"
    ]  # fmt: skip
    if not rows:
        return {}
    return {
        "core.pipelines": frame("core.pipelines", [_pipeline(payload)]),
        "core.builds": frame("core.builds", rows),
    }


def _build(payload: Payload, pipeline: Json, name: str, attempt: int) -> Json:
    """Return the cells of a build that its pipeline tells."""
    word = TRIGGER.get(str(pipeline["trigger"]).lower(), "other")
    return own(payload) | {
        "build_id": build_id(payload, name, pipeline["number"], attempt),
        "pipeline_id": pipeline_id(payload, name), "number": pipeline["number"],
        "attempt": attempt, "commit_sha": pipeline["sha"], "branch": pipeline["branch"],
        "trigger": "pull_request" if word == "push" and pipeline["is_request"] else word,
        "triggered_by": pipeline["login"] or None, "is_unstable": False, "is_simulated": False,
    }  # fmt: skip


def jobs(payload: Payload) -> Tables:
    """Return the build that the workflow in the context is, its stages and its deployments.

    Without an `attempt` (from a webhook) it is not known which build it is.
    """
    found = payload.objects("items")
    if not payload.context["attempt"]:
        return {"core.deployments": frame("core.deployments", _deployments(payload, found))}
    return {
        "core.builds": frame("core.builds", [_run(payload, found)]),
        "core.stages": frame("core.stages", _stages(payload, found)),
        "core.deployments": frame("core.deployments", _deployments(payload, found)),
    }


def _run(payload: Payload, found: list[Json]) -> Json:
    """Return the cells of the build of a workflow; `found` are its jobs."""
    pipeline, one = payload.context["pipeline"], payload.context["workflow"]
    status, queued = status_of(one), instant(one["created_at"])
    begun = (instant(job["started_at"]) for job in found if ran_here(one, job))
    started = min(filter(None, begun), default=None)
    ended = instant(one.get("stopped_at")) if status not in OPEN else None
    return _build(payload, pipeline, one["name"], payload.context["attempt"]) | {
        "status": status, "queued_at": queued, "started_at": started, "finished_at": ended,
        "duration_s": seconds(started, ended), "queue_s": seconds(queued, started),
        "url": f"{page_of(payload)}/{pipeline['number']}/workflows/{one['id']}",
    }  # fmt: skip


def _of(payload: Payload) -> str:
    """Return the id of the build that the context names."""
    told = payload.context
    return build_id(payload, told["workflow"]["name"], told["pipeline"]["number"], told["attempt"])


def _stages(payload: Payload, found: list[Json]) -> list[Json]:
    day = instant(payload.context["workflow"]["created_at"])
    return [
        {
            "build_id": _of(payload), "ordinal": ordinal, "attempt": 1,
            "day": day.date() if day else None, "project_id": payload.instance.project_id,
            "name": one["name"], "status": status_of(one), "started_at": one.get("started_at"),
            "duration_s": taken(one),
        }
        for ordinal, one in enumerate(found)
    ]  # fmt: skip


def taken(job: Json) -> float | None:
    """Return the running time of a job in seconds, null until it is over."""
    return seconds(instant(job.get("started_at")), instant(job.get("stopped_at")))


def _deployments(payload: Payload, found: list[Json]) -> list[Json]:
    workflow = payload.context["workflow"]
    ours = (job for job in found if job.get("type") != "approval" and ran_here(workflow, job))
    return [_deployment(payload, job) for job in ours if deploys(payload, job)]


def deploys(payload: Payload, job: Json) -> bool:
    """Tell whether a job deploys, by its name."""
    pattern = str(payload.instance.options.get("deployment_jobs", DEPLOYS))
    return bool(pattern) and re.search(pattern, job["name"]) is not None


def environment(payload: Payload, name: str, workflow: str) -> tuple[str | None, str | None]:
    """Return the environment that a job deploys to, null if it is not told, and what it is for.

    It is what the name of the job says beside that it deploys (`deploy-eu`: eu). What it is for is
    told by these words, else by those of the workflow's name, where `test` means another thing.
    """
    pattern = str(payload.instance.options.get("deployment_jobs", DEPLOYS))
    words = [part.strip(SEPARATORS) for part in re.sub(pattern, "\n", name).split("\n")]
    where = " ".join(filter(None, words)) or None
    kind = environment_kind(workflow)
    return where, environment_kind(where) or (None if kind == "testing" else kind)


def _deployment(payload: Payload, job: Json) -> Json:
    pipeline, slug = payload.context["pipeline"], payload.context["project"]
    workflow = payload.context["workflow"]
    where, kind = environment(payload, job["name"], workflow["name"])
    started, ended = instant(job.get("started_at")), instant(job.get("stopped_at"))
    given: dict[str, str] = payload.instance.options.get("git_sources") or {}
    named = {short(one): source for one, source in given.items()}
    return own(payload) | {
        "deployment_id": f"{payload.instance.name}:{job['id']}", "service": slug,
        "repository_id": named.get(slug) or pipeline_id(payload), "environment": where,
        "environment_kind": kind, "status": status_of(job), "commit_sha": pipeline["sha"],
        "build_id": _of(payload) if payload.context["attempt"] else None,
        "branch": pipeline["branch"], "queued_at": workflow["created_at"],
        "started_at": started, "finished_at": ended, "duration_s": seconds(started, ended),
        "creator": pipeline["login"] or None,
        "url": f"{page_of(payload)}/{pipeline['number']}/workflows/{workflow['id']}",
    }  # fmt: skip


def job_tests(payload: Payload) -> Tables:
    """Return results, tests and failures of a job; its name keeps apart what two jobs run."""
    told, found = payload.context, payload.objects("items")
    columns = {
        "class_name": [one.get("classname") for one in found],
        "name": [one.get("name") for one in found],
        "status": [TEST_STATUS.get(str(one.get("result")), "error") for one in found],
        "duration_s": [_float(one.get("run_time")) for one in found],
        "started_at": [instant(told["job"]["started_at"]) for _ in found],
        "message": [_first_line(one.get("message")) for one in found],
        "details": [(one.get("message") or "")[:LIMIT] or None for one in found],
        "file": [one.get("file") or None for one in found],
        "environment": told["job"]["name"], "build_id": _of(payload),
        "commit_sha": told["pipeline"]["sha"], "branch": told["pipeline"]["branch"],
        "report_id": payload.id,
    }  # fmt: skip
    return tests.frames(columns, payload.instance.project_id)


LIMIT = 64 * 1024
"""Characters of a message that are kept."""


def _float(value: float | str | None) -> float | None:
    return None if value in (None, "") else float(value or 0)


def _first_line(text: str | None) -> str | None:
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else None


def artifacts(payload: Payload) -> Tables:
    """Return the files that a job kept; sizes are not told."""
    told, build = payload.context, _of(payload)
    day = instant(told["workflow"]["created_at"])
    rows = [
        {
            "artifact_id": f"{build}:{told['job']['number']}:{one['node_index']}:{one['path']}",
            "build_id": build, "project_id": payload.instance.project_id,
            "day": day.date() if day else None, "path": one["path"], "url": one.get("url"),
            "created_at": told["job"].get("stopped_at"),
        }
        for one in payload.objects("items")
    ]  # fmt: skip
    return {"core.artifacts": frame("core.artifacts", rows)}


PARSERS: dict[str, Parser] = {
    "pipelines": pipelines,
    "workflows": workflows,
    "jobs": jobs,
    "tests": job_tests,
    "artifacts": artifacts,
}
