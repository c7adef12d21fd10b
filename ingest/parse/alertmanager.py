"""Answers and webhooks of Alertmanager to rows: alerts, and groups of them as incidents. Pure.

A group is what one receiver is told of at once: a receiver and labels. It is an incident from the
start of its first alert until none of its alerts is left; the start is remembered by the pull
(`open` in the context), since that alert may be over before the others. An alert of several groups
belongs to the first. An incident whose alerts are all silenced or inhibited is acknowledged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from golive_core.errors import SourceDataError
from golive_core.settings import Instance
from ingest.parse import alerts
from ingest.parse.alerts import ALERT, INCIDENT, Row
from ingest.parse.hosted import Hooked, event
from ingest.parse.metric_points import written
from ingest.parse.rows import instant
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]
VERSION = "4"
STATES = {"active": "firing", "unprocessed": "firing", "suppressed": "suppressed"}
NAMED = 3
"""Alerts that a title names."""


def found(groups: Iterable[Json], instance: Instance, opened: Mapping[str, str]) -> dict[str, Row]:
    """Return rows of alerts and incidents by key; `opened` are starts by number of a group."""
    rows: dict[str, Row] = {}
    for number, (group, told) in sorted(_by_number(groups).items()):
        made = [_alert(one, instance) for one in told]
        incident = _incident(number, group, made, instance, opened.get(number))
        rows[f"{INCIDENT}{incident['incident_id']}"] = incident
        for row in made:
            key = f"{ALERT}{row['alert_id']}"
            rows.setdefault(key, {**row, "incident_id": incident["incident_id"]})
    return rows


def _by_number(groups: Iterable[Json]) -> dict[str, tuple[Json, list[Json]]]:
    """Return groups with their alerts; those of several routes with one receiver are one."""
    found: dict[str, tuple[Json, list[Json]]] = {}
    for group in groups:
        if group["alerts"]:
            found.setdefault(number_of(group), (group, []))[1].extend(group["alerts"])
    return found


def alone(told: Iterable[Json], instance: Instance) -> dict[str, Row]:
    """Return rows of alerts by key, from a list that has no groups."""
    rows = (_alert(one, instance) for one in told)
    return {f"{ALERT}{row['alert_id']}": row for row in rows}


def number_of(group: Json) -> str:
    """Return receiver and labels of a group, by which people know it."""
    return written(str(group["receiver"]["name"]), group["labels"])


def groups(payload: Payload) -> Tables:
    """Return alerts and incidents of a list of groups."""
    opened = payload.context["open"]
    return alerts.tables(payload, found(payload.objects(), payload.instance, opened))


def plain(payload: Payload) -> Tables:
    """Return the alerts of a list."""
    return alerts.tables(payload, alone(payload.objects(), payload.instance))


def hooks(body: bytes) -> list[Hooked]:
    """Return a webhook as one payload; raises SourceDataError for another body."""
    told = event(body)
    if told.get("version") != VERSION or not isinstance(told.get("alerts"), list):
        raise SourceDataError(
            "not a webhook of Alertmanager (version 4)", where="webhook",
            hint="Let webhook_configs of Alertmanager itself name this address",
        )  # fmt: skip
    return [({"kind": "alerts.hook"}, body)] if told["alerts"] else []


def hook(payload: Payload) -> Tables:
    """Return the alerts of a webhook and their incident, which began with the first that it names.

    The name of the receiver comes with its signs escaped as for a regular expression.
    """
    told = payload.object()
    group = {
        "labels": told["groupLabels"], "alerts": told["alerts"],
        "receiver": {"name": re.sub(r"\\(.)", r"\1", told["receiver"])},
    }  # fmt: skip
    rows = found([group], payload.instance, {})
    if told.get("truncatedAlerts") and told["status"] == "firing":
        is_open = {"status": "open", "resolved_at": None}
        rows = {key: {**row, **is_open} if key.startswith(INCIDENT) else row
                for key, row in rows.items()}  # fmt: skip
    return alerts.tables(payload, rows)


def _alert(one: Json, instance: Instance) -> Row:
    at, ended = alerts.start(one["startsAt"]), _ended(one)
    mark = one.get("fingerprint") or alerts.fingerprint(one["labels"])
    row = alerts.alert(
        one["labels"], one.get("annotations") or {},
        alert_id=alerts.dated(instance, mark, at), status=_status(one), resolved_at=None,
        started_at=at.isoformat(), updated_at=at.isoformat(), url=one.get("generatorURL") or None,
    )  # fmt: skip
    return alerts.over(row, ended) if ended else row


def _status(one: Json) -> str:
    told = one["status"]
    return STATES[told["state"]] if isinstance(told, dict) else str(told)


def _ended(one: Json) -> datetime | None:
    """Return when an alert was over; the end of one that fires is when it is given up unheard."""
    end, heard = instant(one.get("endsAt")), instant(one.get("updatedAt"))
    is_over = one["status"] == "resolved" or (end and heard and end <= heard)
    return alerts.start(end.isoformat()) if end and is_over else None


def _incident(
    number: str, group: Json, made: list[Row], instance: Instance, opened: str | None
) -> Row:
    started = opened or min(row["started_at"] for row in made)
    mark = hashlib.sha256(number.encode()).hexdigest()[:16]
    services = {row["service"] for row in made}
    at = instant(started)
    row: Row = {
        "incident_id": alerts.dated(instance, mark, at or alerts.EPOCH), "number": number,
        "title": _title(group["labels"], made), "severity": alerts.worst(_severities(made)),
        "service": services.pop() if len(services) == 1 else None, "started_at": started,
        "resolved_at": None, "status": _standing({row["status"] for row in made}),
        "url": _link(group, instance),
    }  # fmt: skip
    if row["status"] == "resolved":
        row["resolved_at"] = max(row["resolved_at"] for row in made)
    return row


def _severities(made: list[Row]) -> list[str | None]:
    """Return the severities of alerts that are not over, or of all if all are."""
    live = [row["severity"] for row in made if row["status"] != "resolved"]
    return live or [row["severity"] for row in made]


def _standing(statuses: set[str]) -> str:
    if "firing" in statuses:
        return "open"
    return "acknowledged" if "suppressed" in statuses else "resolved"


def _title(labels: Mapping[str, str], made: list[Row]) -> str:
    """Return the names of the alerts, and what else the alerts of the group have in common."""
    names = sorted({str(row["name"]) for row in made})
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    shared = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())
                       if key != "alertname" and value)  # fmt: skip
    return ", ".join(names[:NAMED]) + more + (f" ({shared})" if shared else "")


def _link(group: Json, instance: Instance) -> str:
    base = str(instance.options.get("url") or "").rstrip("/")
    labels = written("", {key: value for key, value in group["labels"].items() if value})
    return f"{base}/#/alerts?receiver={quote(group['receiver']['name'])}&filter={quote(labels)}"


PARSERS: Mapping[str, Parser] = {
    "alerts": plain, "alerts.gone": alerts.gone, "alerts.groups": groups,
    "alerts.groups.gone": alerts.gone, "alerts.hook": hook,
}  # fmt: skip
