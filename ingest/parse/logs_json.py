"""Logs of one JSON object a line, in the words of common loggers; OpenTelemetry's among them. Pure.

    time      @timestamp (ECS, logstash), ts (zap), time (pino, slog, docker), @t (Serilog), ...
    level     words, or the numbers of bunyan and pino
    service   service, service.name, app, ...
    message   message, msg, log (docker), MESSAGE (journald); a trace in its own field goes below

An object with `resourceLogs` is OTLP: its records are entries with resource and scope as
attributes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import polars as pl

from golive_core.errors import SourceDataError
from ingest.parse.logs_entry import BY_SEVERITY, ENTRY, attributes, level_of
from ingest.parse.rows import epoch, instant
from ingest.payload import WRONG

Json = dict[str, Any]
TIMES = (
    "@timestamp", "timestamp", "time", "ts", "@t", "datetime", "date", "eventTime", "asctime",
    "timeMillis", "__REALTIME_TIMESTAMP", "t",
)  # fmt: skip
LEVELS = (
    "level", "severity", "log.level", "lvl", "levelname", "loglevel", "@l", "severity_text",
    "log_level",
)  # fmt: skip
MESSAGES = (
    "message", "msg", "log", "MESSAGE", "@m", "@mt", "event", "short_message", "text", "body",
)  # fmt: skip
SERVICES = ("service", "service.name", "service_name", "app", "application", "SYSLOG_IDENTIFIER")
TRACES = (
    "stack_trace", "stack", "exception", "exc_info", "stacktrace", "error.stack_trace", "@x",
    "traceback",
)  # fmt: skip
BY_FOUR = ("trace", "debug", "info", "warn", "error", "fatal")
"""Words by the severity numbers of OpenTelemetry, 1 to 24, four each."""
OLDEST_S = 1e8
"""Smaller numbers are no times."""
UNITS = ((1e17, 10**9), (1e14, 10**6), (1e11, 1000), (0, 1))
"""Parts of a second by the size of a time since 1970."""


def entries(lines: Sequence[str]) -> pl.DataFrame:
    """Return the entries; a line that is no JSON object is its own message."""
    found = (
        {"number": number, "part": part, **one}
        for number, line in enumerate(lines)
        if line.strip()
        for part, one in enumerate(_of_line(line))
    )
    return pl.DataFrame(list(found), schema=ENTRY, orient="row")


def document(text: str) -> pl.DataFrame | None:
    """Return the entries of one JSON document over many lines; None if it is none."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    objects = cast("list[object]", value) if isinstance(value, list) else [value]
    found = (one for each in objects if isinstance(each, dict) for one in _of(cast(Json, each)))
    rows = [{"number": 0, "part": part, **one} for part, one in enumerate(found)]
    return pl.DataFrame(rows, schema=ENTRY, orient="row")


def of_text(line: str) -> Json:
    """Return what one line says that is JSON or words."""
    (first, *_) = _of_line(line)
    return {"level": None, **first}


def _of_line(line: str) -> list[Json]:
    """Return the records of a line; one that is not what it seems is its own message."""
    try:
        value: object = json.loads(line)
        if isinstance(value, dict):
            return list(_of(cast(Json, value)))
    except (*WRONG, RecursionError):
        pass
    return [{"message": line}]


def _of(one: Json) -> Iterator[Json]:
    if isinstance(one.get("resourceLogs"), list):
        yield from _otlp(one)
    else:
        yield entry(one)


def entry(one: Json) -> Json:
    """Return what a JSON object says; the fields that it says it with are taken out of it."""
    when, level, message, service = (
        _first(one, names) for names in (TIMES, LEVELS, MESSAGES, SERVICES)
    )
    trace = _first(one, TRACES)
    if level is None and "PRIORITY" in one:
        level = BY_SEVERITY[int(one["PRIORITY"]) % 8]
    rest = attributes(one)
    return {
        "at": when_of(when), "level": level_of(level), "service": _name(service),
        "message": _with_trace(_text(message), trace) or rest or "", "attributes": rest,
    }  # fmt: skip


def _first(one: Json, names: Sequence[str]) -> object:
    """Take the first field that is there, by its name or by its path."""
    for name in names:
        if one.get(name) not in (None, ""):
            return one.pop(name)
        outer, _, inner = name.partition(".")
        nested = one.get(outer)
        if inner and isinstance(nested, dict) and cast(Json, nested).get(inner):
            return cast(Json, nested).pop(inner)
    return None


def _name(service: object) -> str | None:
    if isinstance(service, dict):
        service = cast(Json, service).get("name")
    return service if isinstance(service, str) and service else None


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return (value or "").rstrip("\r\n")
    return json.dumps(value, ensure_ascii=False)


def _with_trace(message: str, trace: object) -> str:
    if isinstance(trace, dict):
        inner = cast(Json, trace)
        trace = _first(inner, ("stacktrace", "stackTrace", "stack", "message"))
    return "\n".join(part for part in (message, _text(trace)) if part)


def when_of(value: object) -> datetime | None:
    """Return the time that ISO text or a number since 1970 of any unit stands for, else null."""
    if isinstance(value, dict):
        value = cast(Json, value).get("$date") or cast(Json, value).get("epochSecond")
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            return instant(value.replace(",", "."))
        number = float(cast(float, value)) if value is not None else 0.0
        unit = next(parts for least, parts in UNITS if abs(number) >= least)
        return epoch(number, per_second=unit) if number > OLDEST_S else None
    except (SourceDataError, TypeError, ValueError):
        return None


def _otlp(one: Json) -> Iterator[Json]:
    for resource in cast("list[Json]", one["resourceLogs"]):
        known = _values(resource.get("resource", {}).get("attributes"))
        service = _name(known.pop("service.name", None))
        scopes = resource.get("scopeLogs") or resource.get("instrumentationLibraryLogs")
        for scope in cast("list[Json]", scopes or []):
            origin = cast(Json, scope.get("scope") or scope.get("instrumentationLibrary") or {})
            for record in cast("list[Json]", scope.get("logRecords") or []):
                yield _record(record, {**known, "scope": origin.get("name")}, service)


def _record(record: Json, known: Mapping[str, Any], service: str | None) -> Json:
    fields = {**known, **_values(record.get("attributes"))}
    trace = fields.pop("exception.stacktrace", None)
    ids = {"trace_id": record.get("traceId"), "span_id": record.get("spanId")}
    number = int(record.get("severityNumber") or 0)
    level = level_of(BY_FOUR[(number - 1) // 4 % 6] if number else record.get("severityText"))
    return {
        "at": _nanos(record.get("timeUnixNano")) or _nanos(record.get("observedTimeUnixNano")),
        "level": level, "service": service,
        "message": _with_trace(_text(_value(record.get("body") or {})), trace),
        "attributes": attributes({**fields, **ids}),
    }  # fmt: skip


def _nanos(value: object) -> datetime | None:
    number = int(cast(str, value) or 0)
    return epoch(number / 1000, per_second=10**6) if number else None


def _values(pairs: object) -> Json:
    found = cast("list[Json]", pairs or [])
    return {one["key"]: _value(one.get("value") or {}) for one in found}


def _value(value: Json) -> object:
    """Return what OTLP's AnyValue holds."""
    for name, inner in value.items():
        if name == "arrayValue":
            return [_value(one) for one in inner.get("values", ())]
        if name == "kvlistValue":
            return _values(inner.get("values"))
        return int(inner) if name == "intValue" else inner
    return None
