"""Alerts and incidents as Prometheus and its Alertmanager tell of them: ids, words, rows. Pure.

Rows are made twice: by the parser of a list, and by the pull, which remembers them so that what is
not in the next list can be told to be over (`gone`). Times in them are ISO text until the frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from golive_core.settings import Instance
from ingest.parse.rows import frame, instant
from ingest.payload import Payload, Tables

Row = dict[str, Any]
ALERT, INCIDENT = "alert ", "incident "
"""What the keys of remembered rows begin with."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SERVICES = ("service", "service_name", "app", "application", "component", "deployment", "job")
SUMMARIES = ("summary", "message", "description", "title")
SEVERITIES = {
    "critical": "critical", "page": "critical", "fatal": "critical", "emergency": "critical",
    "disaster": "critical", "p1": "critical", "error": "high", "high": "high", "major": "high",
    "p2": "high", "warning": "medium", "warn": "medium", "medium": "medium", "minor": "medium",
    "p3": "medium", "info": "low", "low": "low", "notice": "low", "none": "low", "p4": "low",
    "p5": "low",
}  # fmt: skip
"""Words of the label `severity`, which everybody chooses, as core.incidents has them."""
ORDER = ("critical", "high", "medium", "low")
OFFSET, PRIME, BYTES = 0xCBF29CE484222325, 0x100000001B3, 2**64


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the FNV-1a hash by which Prometheus and Alertmanager know a set of labels.

    Names and values in the order of the names, each followed by the byte 255; 16 hexadecimal
    digits (https://pkg.go.dev/github.com/prometheus/common/model#LabelSet.Fingerprint).
    """
    found = OFFSET
    for name in sorted(labels):
        for byte in b"".join((name.encode(), b"\xff", labels[name].encode(), b"\xff")):
            found = (found ^ byte) * PRIME % BYTES
    return f"{found:016x}"


def start(text: str) -> datetime:
    """Return a start in whole milliseconds, as the API of Alertmanager cuts it and hooks do not."""
    at = instant(text) or EPOCH
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def dated(instance: Instance, key: str, at: datetime) -> str:
    """Return the id of what is known by `key` and began at a time."""
    return f"{instance.name}:{key}:{(at - EPOCH) // timedelta(milliseconds=1)}"


def first(labels: Mapping[str, str], names: Iterable[str]) -> str | None:
    """Return the first of the named labels that is there."""
    return next((labels[name] for name in names if labels.get(name)), None)


def alert(labels: Mapping[str, str], annotations: Mapping[str, str], **more: object) -> Row:
    """Return the cells of an alert that its labels and annotations say, beside `more`."""
    return {
        "name": labels.get("alertname"), "service": first(labels, SERVICES),
        "severity": labels.get("severity"), "summary": first(annotations, SUMMARIES),
        "labels": dict(sorted(labels.items())), **more,
    }  # fmt: skip


def worst(severities: Iterable[str | None]) -> str | None:
    """Return the worst of severities in the words of core.incidents, null if none is known."""
    known = {SEVERITIES.get((one or "").lower()) for one in severities}
    return next((one for one in ORDER if one in known), None)


def tables(payload: Payload, rows: Mapping[str, Row]) -> Tables:
    """Return the frames of rows by key; a kind that there is none of is left out."""
    alerts = [
        {**_own(payload), "instance": payload.instance.name, **row,
         "labels": json.dumps(row["labels"], ensure_ascii=False)}
        for key, row in rows.items() if key.startswith(ALERT)
    ]  # fmt: skip
    incidents = [{**_own(payload), **row} for key, row in rows.items() if key.startswith(INCIDENT)]
    made = {"core.alerts": alerts, "core.incidents": incidents}
    return {name: frame(name, found) for name, found in made.items() if found}


def gone(payload: Payload) -> Tables:
    """Return remembered rows as over at the time at which a list did not show them any more."""
    at = instant(str(payload.context["at"])) or EPOCH
    return tables(payload, {key: over(row, at) for key, row in payload.object().items()})


def over(row: Row, at: datetime) -> Row:
    """Return the row as resolved, not before it began: clocks differ."""
    ended = max(at, instant(row["started_at"]) or at).isoformat()
    more = {"updated_at": ended} if "updated_at" in row else {}
    return {**row, "status": "resolved", "resolved_at": ended, **more}


def _own(payload: Payload) -> Row:
    return {"project_id": payload.instance.project_id, "source": payload.instance.type}
