"""Answers of Loki's query_range to rows of core.log_lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from golive_core.ids import content_id
from ingest.parse.logs_entry import attributes, level_of
from ingest.parse.logs_json import of_text
from ingest.parse.logs_store import line_frame
from ingest.parse.rows import epoch
from ingest.payload import Payload, Tables

SERVICES = ("service_name", "service", "app", "job", "container")
LEVELS = ("level", "detected_level", "severity")


def rows(payload: Payload) -> Tables:
    """Return the lines of an answer; labels and structured metadata are attributes."""
    streams = payload.object()["data"]["result"]
    found = (
        _line(payload, stream["stream"], value) for stream in streams for value in stream["values"]
    )
    return {"core.log_lines": line_frame(payload, found)}


def _line(payload: Payload, labels: dict[str, str], value: list[Any]) -> dict[str, Any]:
    when, text, *more = value
    known: dict[str, Any] = {**labels, **(more[0] if more else {})}
    said = of_text(text)
    level, service = (next(_given(known, names), None) for names in (LEVELS, SERVICES))
    return {
        "at": epoch(int(when) / 1000, per_second=10**6),
        "level": level_of(level) or said["level"],
        "service": service or said.get("service") or payload.instance.name,
        "line": content_id(json.dumps(labels, sort_keys=True), str(when), text),
        "message": said["message"],
        "attributes": attributes({**json.loads(said.get("attributes") or "{}"), **known}),
    }  # fmt: skip


def _given(known: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    return (known[name] for name in names if known.get(name))
