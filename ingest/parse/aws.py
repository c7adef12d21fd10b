"""Answers of AWS to core rows: CodeBuild, CloudWatch logs and metrics, Cost Explorer. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, cast

from golive_core.ids import content_id
from golive_core.redact import masked
from ingest.parse.logs_entry import attributes
from ingest.parse.logs_json import of_text
from ingest.parse.logs_store import line_frame
from ingest.parse.rows import epoch, frame, instant, seconds
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]
STATUSES = {
    "SUCCEEDED": "passed", "FAILED": "failed", "FAULT": "error", "TIMED_OUT": "error",
    "CLIENT_ERROR": "error", "STOPPED": "cancelled", "IN_PROGRESS": "running", "QUEUED": "queued",
}  # fmt: skip
TRIGGERS = (
    ("codepipeline/", "upstream"), ("github-hookshot/", "push"), ("bitbucket-webhooks/", "push"),
    ("gitlab-webhook/", "push"), ("rule/", "schedule"), ("scheduler/", "schedule"),
)  # fmt: skip
"""How an initiator begins, in lower case; any other is a person or a role."""
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HEAD = re.compile(r"(?:refs/heads/)?(?P<branch>[^^]+?)(?:\^\{(?P<sha>[0-9a-f]{7,64})\})?$")
WAITING = ("SUBMITTED", "QUEUED")


def projects(payload: Payload) -> Tables:
    """Return a pipeline for each project; one that is gone is marked."""
    found = payload.object()
    return {"core.pipelines": frame("core.pipelines", [
        {
            "pipeline_id": f"{payload.instance.name}:{name}", "name": name, "source": "aws",
            "project_id": payload.instance.project_id, "is_deleted": key == "gone",
            "url": _console(payload, f"codebuild/projects/{name}"),
        }
        for key in ("projects", "gone") for name in found[key]
    ])}  # fmt: skip


def builds(payload: Payload) -> Tables:
    """Return the builds with their phases as stages."""
    found = payload.objects("builds")
    rows = [_build(payload, one) for one in found]
    stages = [
        {**stage, "build_id": row["build_id"], "project_id": row["project_id"],
         "day": row["queued_at"].date()}
        for row, one in zip(rows, found, strict=True) for stage in _stages(one)
    ]  # fmt: skip
    return {"core.builds": frame("core.builds", rows), "core.stages": frame("core.stages", stages)}


def _build(payload: Payload, one: Json) -> Json:
    pipeline = f"{payload.instance.name}:{one['projectName']}"
    queued, ended = instant(one["startTime"]), instant(one.get("endTime"))
    started = _began(one) or (ended if one.get("buildComplete") else None)
    branch, sha, is_request = version(one)
    trigger, by = initiator(str(one.get("initiator") or ""))
    return {
        "build_id": f"{pipeline}#{one.get('buildNumber') or one['id']}", "pipeline_id": pipeline,
        "project_id": payload.instance.project_id, "source": "aws",
        "number": one.get("buildNumber"), "attempt": 1, "commit_sha": sha, "branch": branch,
        "trigger": "pull_request" if is_request else trigger, "triggered_by": by,
        "status": _status(one), "is_unstable": False, "queued_at": queued, "started_at": started,
        "finished_at": ended, "duration_s": seconds(started, ended),
        "queue_s": seconds(queued, started), "runner": _runner(one), "parameters": _variables(one),
        "url": _console(payload, f"codebuild/{_account(one)}projects/{one['projectName']}/build/"
                                 f"{one['id']}/"),
    }  # fmt: skip


def _status(one: Mapping[str, Any]) -> str:
    """Return our word; a build that waits for a machine is queued."""
    status = STATUSES.get(str(one.get("buildStatus")), "error")
    is_waiting = status == "running" and one.get("currentPhase") in WAITING
    return "queued" if is_waiting else status


def _began(one: Json) -> datetime | None:
    """Return when the first phase began that is not waiting."""
    phases = cast("list[Json]", one.get("phases") or [])
    times = [instant(phase.get("startTime")) for phase in phases
             if phase.get("phaseType") not in WAITING]  # fmt: skip
    return min((at for at in times if at), default=None)


def _stages(one: Json) -> Iterator[Json]:
    phases = [p for p in one.get("phases") or () if p.get("phaseType") != "COMPLETED"]
    for ordinal, phase in enumerate(phases):
        status = STATUSES.get(str(phase.get("phaseStatus") or "IN_PROGRESS"), "error")
        length = phase.get("durationInSeconds")
        yield {
            "ordinal": ordinal, "attempt": 1, "name": phase["phaseType"], "status": status,
            "started_at": phase.get("startTime"),
            "duration_s": length if length is not None
            else seconds(instant(phase.get("startTime")), instant(phase.get("endTime"))),
        }  # fmt: skip


def version(one: Mapping[str, Any]) -> tuple[str | None, str | None, bool]:
    """Return branch and commit of a build, and whether it is of a pull request."""
    asked = str(one.get("sourceVersion") or "")
    resolved = str(one.get("resolvedSourceVersion") or "")
    sha = resolved if SHA.fullmatch(resolved) else asked if SHA.fullmatch(asked) else None
    if asked.startswith(("pr/", "mr/", "refs/pull/")):
        return None, sha, True
    match = HEAD.fullmatch(asked)
    if not match or SHA.fullmatch(asked) or asked.startswith("arn:"):
        return None, sha, False
    return match["branch"], sha or match["sha"], False


def initiator(text: str) -> tuple[str, str | None]:
    """Return trigger and who it was."""
    found = next((word for start, word in TRIGGERS if text.lower().startswith(start)), "manual")
    return (found if text else "other"), text or None


def _runner(one: Json) -> str | None:
    place = cast("Json", one.get("environment") or {})
    words = [str(place[name]) for name in ("computeType", "image") if place.get(name)]
    return " ".join(words) or None


def _variables(one: Json) -> str | None:
    """Return the variables of a build; of one from a secret store its place stands here alone."""
    given = cast("list[Json]", (one.get("environment") or {}).get("environmentVariables") or [])
    found = {str(item["name"]): item.get("value") for item in given}
    return json.dumps(masked(found), ensure_ascii=False) if found else None


def _account(one: Json) -> str:
    parts = str(one.get("arn") or "").split(":")
    return f"{parts[4]}/" if len(parts) > 5 and parts[4] else ""  # noqa: PLR2004 - parts of an ARN


def _console(payload: Payload, path: str) -> str:
    region = payload.context["region"]
    return f"https://{region}.console.aws.amazon.com/codesuite/{path}"


def events(payload: Payload) -> Tables:
    """Return the lines of a log group; an event is known by its id."""
    group = str(payload.context["group"])
    return {
        "core.log_lines": line_frame(
            payload, (_line(group, one) for one in payload.objects("events"))
        )
    }


def _line(group: str, one: Json) -> Json:
    said = of_text(str(one["message"]).rstrip("\n"))
    more = {"stream": one.get("logStreamName"), "ingested": one.get("ingestionTime")}
    return {
        "at": epoch(one["timestamp"], per_second=1000), "level": said["level"], "service": group,
        "line": content_id(str(one["eventId"])), "message": said["message"],
        "attributes": attributes({**json.loads(said.get("attributes") or "{}"), **more}),
    }  # fmt: skip


def points(payload: Payload) -> Tables:
    """Return the points of an answer; what was asked for stands in the context."""
    queries: dict[str, Json] = payload.context["queries"]
    rows = [
        {**series, "at": at, "value": value}
        for one in payload.objects("MetricDataResults")
        for series in [_series(payload, queries[one["Id"]]["MetricStat"])]
        for at, value in zip(one["Timestamps"], one["Values"], strict=True)
    ]
    return {"core.metric_points": frame("core.metric_points", rows)}


def _series(payload: Payload, asked: Json) -> Json:
    named = asked["Metric"]
    labels = {one["Name"]: one["Value"] for one in named["Dimensions"]}
    labels |= {"namespace": named["Namespace"], "stat": asked["Stat"]}
    text = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
    return {
        "instance": payload.instance.name, "project_id": payload.instance.project_id,
        "source": "aws", "metric": named["MetricName"],
        "labels": json.dumps(labels, sort_keys=True),
        "series": f"{named['MetricName']}{{{text}}}",
    }  # fmt: skip


def costs(payload: Payload) -> Tables:
    """Return what each service cost an account on a day."""
    rows = [
        _cost(payload, [str(day["TimePeriod"]["Start"]), *group["Keys"]], group["Metrics"])
        for day in payload.objects("ResultsByTime")
        for group in day.get("Groups") or ()
    ]
    return {"core.costs": frame("core.costs", rows)}


def costs_gone(payload: Payload) -> Tables:
    """Return what AWS no longer bills."""
    rows = [_cost(payload, key, {}) | {"is_deleted": True} for key in payload.object()["gone"]]
    return {"core.costs": frame("core.costs", rows)}


def _cost(payload: Payload, key: list[str], amounts: Mapping[str, Json]) -> Json:
    day, service, account = key
    start = instant(day)
    cost = _amount(amounts, "AmortizedCost")
    unit = amounts.get("AmortizedCost", {}).get("Unit", "USD")
    digest = hashlib.sha256("\0".join((payload.instance.name, *key)).encode()).hexdigest()
    return {
        "cost_id": digest[:32], "project_id": payload.instance.project_id, "source": "aws",
        "day": date.fromisoformat(day), "provider": "AWS", "account": account, "service": service,
        "kind": "usage", "is_correction": False, "started_at": start,
        "ended_at": start + timedelta(days=1) if start else None, "cost": cost, "currency": unit,
        "cost_usd": cost if unit == "USD" else None,
        "billed_cost": _amount(amounts, "UnblendedCost"),
        "quantity": _amount(amounts, "UsageQuantity"), "is_deleted": False,
    }  # fmt: skip


def _amount(amounts: Mapping[str, Json], name: str) -> float:
    return float(amounts.get(name, {}).get("Amount") or 0)


PARSERS: Mapping[str, Parser] = {
    "projects": projects, "builds": builds, "events": events, "points": points, "costs": costs,
    "costs.gone": costs_gone,
}  # fmt: skip
