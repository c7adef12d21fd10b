"""Chunks of logs to rows of core.log_lines: which form a chunk has, and what all forms share. Pure.

The form is told by content, anew for each chunk: JSON, syslog of RFC 5424, access logs, logfmt;
the rest is text, classic syslog among it. `template_id` stays null: templates are mined over many
lines (`models/log_templates.py`), not line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from golive_core.errors import SourceDataError
from golive_core.ids import content_id
from golive_core.schema import LOG_LINES
from ingest.parse import logs_json, logs_lines, logs_text
from ingest.parse.logs_entry import ENTRY
from ingest.parse.logs_store import clean
from ingest.payload import Payload

FORMS = ("json", "syslog", "access", "logfmt", "text")
SAMPLE = 100
FILE_BITS, LINE_BITS, PART_BITS = 22, 26, 14
"""Of a line's number where the service is not its file: several files may have one service."""


def rows(payload: Payload) -> Mapping[str, pl.DataFrame]:
    """Return rows of core.log_lines for a chunk; its context is made by the source."""
    known, instance = payload.context, payload.instance
    now = datetime.fromtimestamp(known["written_at"], UTC)
    lines = lines_of(payload.body)
    found = entries(lines, form=known["form"], zone=known["zone"], now=now)
    if found.height == 0 and any(line.strip() for line in lines):
        raise SourceDataError(f"no entry of the form {known['form']!r}", where=payload.uri)
    at = pl.col("at").forward_fill().fill_null(pl.lit(now, ENTRY["at"]))
    frame = found.with_columns(at.alias("at"), _number(known).alias("line"))
    made = frame.select(
        pl.lit(instance.type).alias("source"), pl.lit(instance.name).alias("instance"),
        pl.col("service").fill_null(known["service"]),
        pl.lit(instance.project_id).alias("project_id"),
        pl.lit(None, pl.String).alias("build_id"), pl.lit(None, pl.Int64).alias("test_id"),
        "line", pl.col("at").dt.date().alias("day"), "at", "level",
        pl.lit(None, pl.Int64).alias("template_id"),
        pl.lit(None, LOG_LINES.schema["parameters"]).alias("parameters"),
        clean(pl.col("message")), "attributes",
    )  # fmt: skip
    return {"core.log_lines": made}


def lines_of(body: bytes) -> list[str]:
    """Return the lines of a chunk; bytes that are no UTF-8 become U+FFFD."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").removesuffix("\n")
    return [line.removesuffix("\r") for line in text.split("\n")] if text else []


def entries(lines: list[str], *, form: str, zone: str, now: datetime) -> pl.DataFrame:
    """Return the entries (columns of ENTRY) of lines in a form of FORMS, or `auto`."""
    chosen = form_of(lines) if form == "auto" else form
    if chosen == "json":
        whole = logs_json.document("\n".join(lines)) if _is_document(lines) else None
        return logs_json.entries(lines) if whole is None else whole
    if chosen == "syslog":
        return logs_lines.syslog(lines)
    if chosen == "logfmt":
        return logs_lines.logfmt(lines)
    series = pl.Series("line", lines, pl.String)
    if chosen == "access":
        return logs_lines.access(series, now=now)
    return logs_text.entries(series, zone=zone, now=now)


def form_of(lines: list[str]) -> str:
    """Return the form that most of the first lines have."""
    sample = pl.Series(
        [line for line in lines[: SAMPLE * 4] if line.strip()][:SAMPLE], dtype=pl.String
    )
    if not len(sample):
        return "text"
    if _is_document(lines) and logs_json.document("\n".join(lines)) is not None:
        return "json"
    shares = {
        "json": sample.str.contains(r"^\s*\{.*\}\s*$"),
        "syslog": sample.str.contains(r"^(?:\d+ )?<\d{1,3}>1 "),
        "access": sample.str.contains(logs_lines.ACCESS),
        "logfmt": sample.str.contains(logs_lines.LOGFMT),
    }
    return next((form for form, has in shares.items() if has.sum() * 2 > len(sample)), "text")


def _is_document(lines: list[str]) -> bool:
    """Tell whether the lines may be one JSON document: the first one ends inside of it."""
    first = next((line.strip() for line in lines if line.strip()), "")
    return first in ("{", "[") or (first[:1] == "[" and first[1:2] == "{")


def _number(known: Mapping[str, Any]) -> pl.Expr:
    """Return the number of each line, unique among the lines of its service."""
    plain = pl.col("number") + int(known["line"])
    file = content_id(known["log"]) & ((1 << FILE_BITS) - 1)
    packed = (file << (LINE_BITS + PART_BITS)) + plain * (1 << PART_BITS) + pl.col("part")
    is_told = pl.col("service").is_not_null() | (pl.col("part").max().over("number") > 0)
    return pl.when(is_told | (known["service"] != known["log"])).then(packed).otherwise(plain)
