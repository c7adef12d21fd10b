"""Answers of SonarQube to rows: issues, hotspots, users, measures and quality gates over time.

A page of measures has the history of one project metric by metric; `context` says whose it is and
which commit was analysed when (`revisions`). Percentages become shares, durations seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from golive_core.settings import Instance
from ingest.parse.rows import frame, instant
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

SEVERITIES = {
    "BLOCKER": "critical", "CRITICAL": "high", "HIGH": "high", "MAJOR": "medium",
    "MEDIUM": "medium", "MINOR": "low", "LOW": "low", "INFO": "info",
}  # fmt: skip
KINDS = {"BUG": "bug", "VULNERABILITY": "vulnerability", "CODE_SMELL": "code_smell"}
STATUSES = {
    "OPEN": "open", "CONFIRMED": "confirmed", "REOPENED": "reopened", "RESOLVED": "resolved",
    "CLOSED": "resolved", "ACCEPTED": "ignored", "FALSE_POSITIVE": "ignored", "FIXED": "resolved",
}  # fmt: skip
IGNORED = frozenset({"FALSE-POSITIVE", "WONTFIX", "SAFE", "ACKNOWLEDGED"})
"""Resolutions by which people say that a finding stays as it is."""
GATES = {"OK": "passed", "WARN": "passed", "ERROR": "failed"}
OPERATORS = {"GT": "GREATER_THAN", "LT": "LESS_THAN"}
TOTALS = {
    "line_coverage": "lines_to_cover", "branch_coverage": "conditions_to_cover",
    "duplicated_lines_density": "lines",
}  # fmt: skip
"""Metrics that are percentages of what another metric counts."""
SHARES = frozenset({*TOTALS, "coverage"})
GATE = ("alert_status", "quality_gate_details")
"""Metrics that are the verdict of the quality gate and its conditions."""
EFFORT = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)min)?")
KEPT = (
    "key", "ruleKey", "component", "project", "vulnerabilityProbability", "message", "line",
    "author", "creationDate", "updateDate",
)  # fmt: skip
"""What is remembered of a hotspot, to say what is gone when it is."""


def issues(payload: Payload) -> Tables:
    """Return the findings of a page of issues."""
    rows = [_issue(one, payload.instance) for one in payload.objects("issues")]
    return {"core.code_findings": frame("core.code_findings", rows)}


def _issue(one: Json, at: Instance) -> Json:
    place: Json = one.get("textRange") or {}
    severity = one.get("severity") or _impact(one)
    return {
        **_finding(one, str(one["rule"]), at),
        "kind": KINDS.get(str(one.get("type")), "other"),
        "severity": SEVERITIES.get(str(severity)), "original_severity": severity,
        "line": one.get("line") or place.get("startLine"), "end_line": place.get("endLine"),
        "effort_s": effort_s(one.get("effort") or one.get("debt")),
        "resolved_at": one.get("closeDate"),
        "url": _url(at, "project/issues", one, "issues"),
    }  # fmt: skip


def _impact(one: Json) -> str | None:
    """Return the severity of the first quality that an issue harms, where it has no own one."""
    impacts: list[Json] = one.get("impacts") or [{}]
    return impacts[0].get("severity")


def hotspots(payload: Payload) -> Tables:
    """Return the findings of a page of security hotspots."""
    rows = [_hotspot(one, payload.instance) for one in payload.objects("hotspots")]
    return {"core.code_findings": frame("core.code_findings", rows)}


def gone(payload: Payload) -> Tables:
    """Return hotspots that an analysis did not find any more."""
    rows = [
        _hotspot(one, payload.instance) | {"status": "resolved"}
        for one in payload.object().values()
    ]
    return {"core.code_findings": frame("core.code_findings", rows)}


def _hotspot(one: Json, at: Instance) -> Json:
    place: Json = one.get("textRange") or {}
    likely = one.get("vulnerabilityProbability")
    return {
        **_finding(one, str(one.get("ruleKey") or ""), at), "kind": "hotspot",
        "severity": SEVERITIES.get(str(likely)), "original_severity": likely,
        "status": _status({"TO_REVIEW": "OPEN", "REVIEWED": "RESOLVED"}.get(
            str(one.get("status")), "OPEN"), one.get("resolution")),
        "line": one.get("line") or place.get("startLine"), "end_line": place.get("endLine"),
        "url": _url(at, "security_hotspots", one, "hotspots"),
    }  # fmt: skip


def _finding(one: Json, rule: str, at: Instance) -> Json:
    """Return what issues and hotspots have in common."""
    repository = rule.partition(":")[0]
    engine = repository.removeprefix("external_")
    path = str(one["component"]).removeprefix(f"{one['project']}:")
    return {
        "finding_id": f"{at.name}:{one['key']}", "project_id": at.project_id,
        "source": "sonarqube", "tool": engine if engine != repository else "sonarqube",
        "rule_id": rule or None, "status": _status(str(one.get("status")), one.get("resolution")),
        "message": one.get("message"), "path": path if path != one["project"] else None,
        "author": one.get("author") or None, "created_at": one.get("creationDate"),
        "updated_at": one.get("updateDate"),
    }  # fmt: skip


def _status(status: str, resolution: str | None) -> str | None:
    found = STATUSES.get(status)
    return "ignored" if found == "resolved" and resolution in IGNORED else found


def _url(at: Instance, page: str, one: Json, param: str) -> str:
    base = str(at.options.get("url") or "").rstrip("/")
    return f"{base}/{page}?id={one['project']}&{param}={one['key']}"


def effort_s(text: str | None) -> float | None:
    """Return the seconds of "1d 2h 5min" in working time: a day has eight hours."""
    match = EFFORT.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    days, hours, minutes = (int(one or 0) for one in match.groups())
    return float(((days * 8 + hours) * 60 + minutes) * 60)


def users(payload: Payload) -> Tables:
    """Return the accounts of a page of users."""
    at = payload.instance
    rows = [
        {
            "account_id": f"{at.name}:{one['login']}", "project_id": at.project_id,
            "source": "sonarqube", "login": one["login"], "name": one.get("name"),
            "email": one.get("email"), "is_active": one.get("active"),
        }
        for one in payload.objects("users")
    ]  # fmt: skip
    return {"core.accounts": frame("core.accounts", rows)}


def analyses(_: Payload) -> Tables:
    """Return nothing: what an analysis found is in the measures that its page led to."""
    return {}


def measures(payload: Payload) -> Tables:
    """Return the measures of a project over time, and the verdicts of its quality gate."""
    known = {str(one["metric"]): one["history"] for one in payload.objects("measures")}
    by_metric = {name: dict(_points(history)) for name, history in known.items()}
    rows = [
        row
        for name, points in by_metric.items()
        if name not in GATE
        for row in _measures(name, points, by_metric.get(TOTALS.get(name, ""), {}), payload)
    ]
    verdicts, details = (by_metric.get(name, {}) for name in GATE)
    gates = [
        _gate(payload, at, status, _conditions(details.get(at))) for at, status in verdicts.items()
    ]
    return {
        "core.code_measures": frame("core.code_measures", rows),
        "core.quality_gates": frame("core.quality_gates", filter(None, gates)),
    }


def _points(history: Iterable[Json]) -> Iterator[tuple[str, str]]:
    return ((str(one["date"]), str(one["value"])) for one in history if "value" in one)


def _measures(
    name: str, points: Mapping[str, str], totals: Mapping[str, str], payload: Payload
) -> Iterator[Json]:
    revisions: Json = payload.context.get("revisions") or {}
    for at, value in points.items():
        total = totals.get(at)
        yield {
            "instance": payload.instance.name, "component": payload.context["component"],
            "metric": name, "at": at, "project_id": payload.instance.project_id,
            "source": "sonarqube", "kind": "project", "commit_sha": revisions.get(at),
            "value": float(value) / 100 if name in SHARES else float(value),
            "total": float(total) if total else None,
        }  # fmt: skip


def _gate(payload: Payload, at: str, status: str, conditions: str | None) -> Json | None:
    """Return a row of core.quality_gates; None where no gate judged."""
    if status not in GATES:
        return None
    component, when = str(payload.context["component"]), instant(at)
    revisions: Json = payload.context.get("revisions") or {}
    return {
        "gate_id": f"{payload.instance.name}:{component}:{when.isoformat() if when else ''}",
        "project_id": payload.instance.project_id, "source": "sonarqube", "component": component,
        "at": when, "status": GATES[status], "conditions": conditions,
        "commit_sha": revisions.get(at),
    }  # fmt: skip


def _conditions(details: str | None) -> str | None:
    """Return the conditions of the measure quality_gate_details, in the words of a webhook."""
    value: object = json.loads(details) if details else None
    found: list[Json] = cast("Json", value).get("conditions", []) if value else []
    return _listed(
        {
            "metric": one["metric"], "operator": OPERATORS.get(one["op"], one["op"]),
            "threshold": one.get("error"), "value": one.get("actual"), "status": one.get("level"),
        }
        for one in found
    )  # fmt: skip


def _listed(conditions: Iterable[Json]) -> str | None:
    found = sorted(conditions, key=lambda one: str(one["metric"]))
    return json.dumps(found) if found else None


def hook(payload: Payload) -> Tables:
    """Return the verdict of the quality gate that a webhook tells of."""
    value = payload.object()
    gate: Json = value["qualityGate"]
    conditions = _listed(
        {
            "metric": one["metric"], "operator": one.get("operator"),
            "threshold": one.get("errorThreshold"), "value": one.get("value"),
            "status": one.get("status"),
        }
        for one in cast("list[Json]", gate.get("conditions") or [])
    )  # fmt: skip
    row = _gate(payload, str(value["analysedAt"]), str(gate["status"]), conditions)
    return {"core.quality_gates": frame("core.quality_gates", [row] if row else [])}


PARSERS: dict[str, Parser] = {
    "issues": issues, "hotspots": hotspots, "hotspots.gone": gone, "users": users,
    "analyses": analyses, "measures": measures, "hook": hook,
}  # fmt: skip
"""By the `kind` of a payload's context."""
