"""Logs of one record a line that are no JSON: syslog of RFC 5424, web servers, logfmt. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from golive_core.errors import SourceDataError
from ingest.parse.logs_entry import BY_SEVERITY, ENTRY, attributes, level_of
from ingest.parse.logs_time import BEFORE, FORMS, Form, times
from ingest.parse.rows import instant

SYSLOG = re.compile(
    r"^(?:\d+ )?<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(.*)$"
)
STRUCTURED = re.compile(r'([^\s=\]"]+)="((?:[^"\\]|\\.)*)"')
TEXT = r'(?:[^"\\]|\\.)*'
ACCESS = (
    r"^(?P<remote>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<when>[^\]]+)\] "
    rf'"(?P<request>{TEXT})" (?P<status>\d{{3}}) (?P<bytes>\d+|-)'
    rf'(?: "(?P<referer>{TEXT})" "(?P<agent>{TEXT})")?'
)
"""Combined Log Format of nginx and Apache; the common one lacks referer and agent."""
BY_STATUS = {"1": "info", "2": "info", "3": "info", "4": "warning", "5": "error"}
PAIR = re.compile(r'([A-Za-z_][\w.\-/@]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
LOGFMT = r'^(?:[A-Za-z_][\w.\-/@]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)){2}'
TIMES = ("time", "ts", "t", "timestamp", "at", "date")
LEVELS = ("level", "lvl", "severity", "loglevel")
MESSAGES = ("msg", "message", "event")
SERVICES = ("service", "app", "component", "logger")


def access(lines: pl.Series, *, now: datetime) -> pl.DataFrame:
    """Return the requests that a web server logged, levels by their status; other lines as text."""
    frame = lines.alias("line").to_frame().with_row_index("number")
    parts = frame.with_columns(pl.col("line").str.extract_groups(ACCESS).alias("part"))
    parts = parts.unnest("part").filter(pl.col("line").str.strip_chars() != "")
    at = times(parts["when"], Form("access", BEFORE + FORMS["access"]), zone="UTC", now=now)
    request = pl.col("request")
    fields = pl.struct(
        "remote", "user", request.str.extract(r"^(\S+)").alias("method"),
        request.str.extract(r"^\S+ (\S+)").alias("path"), pl.col("status").cast(pl.Int64),
        pl.col("bytes").cast(pl.Int64, strict=False), "referer", "agent",
    )  # fmt: skip
    is_request = pl.col("status").is_not_null()
    said = pl.format('"{}" {}', "request", "status")
    level = pl.col("status").str.head(1).replace_strict(BY_STATUS, default=None)
    return parts.select(
        pl.col("number").cast(pl.Int64), pl.lit(0, pl.Int64).alias("part"), at.alias("at"),
        level.cast(pl.String).alias("level"), pl.lit(None, pl.String).alias("service"),
        pl.when(is_request).then(said).otherwise("line").alias("message"),
        pl.when(is_request).then(fields.struct.json_encode()).alias("attributes"),
    )  # fmt: skip


def syslog(lines: Sequence[str]) -> pl.DataFrame:
    """Return the entries of RFC 5424; other lines are entries without a time."""
    return pl.DataFrame(list(_syslog(lines)), schema=ENTRY, orient="row")


def _syslog(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines):
        found = SYSLOG.match(line)
        if found is None:
            if line.strip():
                yield {"number": number, "part": 0, "message": line}
            continue
        priority, when, host, app, pid, kind, data, message = found.groups()
        fields = {"host": host, "pid": pid, "kind": kind, **dict(STRUCTURED.findall(data))}
        yield {
            "number": number, "part": 0, "at": _time(when), "level": BY_SEVERITY[int(priority) % 8],
            "service": None if app == "-" else app, "message": message.removeprefix("\ufeff"),
            "attributes": attributes(fields),
        }  # fmt: skip


def logfmt(lines: Sequence[str]) -> pl.DataFrame:
    """Return the entries of key=value lines; what is no pair is the message."""
    return pl.DataFrame(list(_logfmt(lines)), schema=ENTRY, orient="row")


def _logfmt(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines):
        if line.strip():
            found = {key: _unquoted(value) for key, value in PAIR.findall(line)}
            words = PAIR.sub("", line).strip()
            when, level, message, service = (
                _first(found, names) for names in (TIMES, LEVELS, MESSAGES, SERVICES)
            )
            yield {
                "number": number, "part": 0, "at": _time(when), "level": level_of(level),
                "service": service, "message": message or words or line,
                "attributes": attributes(found),
            }  # fmt: skip


def _first(found: dict[str, str], names: Sequence[str]) -> str | None:
    """Take the first of the fields that is there."""
    return next((found.pop(name) for name in names if found.get(name)), None)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", lambda one: {"n": "\n", "t": "\t"}.get(one[1], one[1]), value[1:-1])


def _time(text: str | None) -> datetime | None:
    try:
        return instant(text) if text and text != "-" else None
    except SourceDataError:
        return None
