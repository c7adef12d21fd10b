"""Logs of plain text and classic syslog: time, level, then words; traces below their line. Pure.

Where lines begin with times, what has none belongs to the line above (a stack trace, a statement
over several lines). Where no line has one, what is indented or is of a trace does.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from ingest.parse.logs_entry import BY_SEVERITY, ENTRY, LEVELS
from ingest.parse.logs_time import Form, form_of, times
from ingest.parse.logs_trace import TRACE, goes_on

SAMPLE = 400
LINES_JOINED = 1_000
"""Lines of one entry that are kept."""
LEVEL = (
    r"TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRIT|CRITICAL|FATAL|SEVERE|ALERT|EMERG|PANIC"
)
AT_HEAD = rf"^[\s\-|:,]*[\[<(]?(?i:(?:[\w.]+:)?({LEVEL}))[\]>)]?(?:[\s:|,\-]+|$)"
LATER = rf"^.{{0,120}}?[\s\[|(]({LEVEL})[\]\s:|)]"
"""A level right behind the time in any case, else in capitals near it."""
TAKEN_OFF = rf"^[\s\-|:,]*(?:\[(?i:(?:[\w.]+:)?(?:{LEVEL}))\]|<?(?:{LEVEL})>?)(?:[\s:|,\-]+|$)"
"""A level that is no word of the message."""
LETTER = r"^\s*\d+\s+\d+\s+([VDIWEF])\s"
"""Android's: process, thread, letter."""
GLOG = r"^\[?([IWEF])\d{4} "
PROGRAM = r"^(\S+) ([^\s:\[\]]+)(?:\[(\d+)\])?: ?"
"""Syslog behind the time: host, program, process."""
PRIORITY = r"^<(\d{1,3})>"


def entries(lines: pl.Series, *, zone: str, now: datetime) -> pl.DataFrame:
    """Return the entries of a log; `zone` is that of its times, `now` when it was read."""
    form = form_of(lines.filter(~lines.str.contains(TRACE)).head(SAMPLE))
    frame = lines.alias("line").to_frame().with_row_index("number")
    if form is None:
        frame = frame.with_columns(pl.lit(None, ENTRY["at"]).alias("at"), is_new=~goes_on())
        return _read(_joined(frame), None)
    at = times(lines, form, zone=zone, now=now)
    is_new = lines.str.contains(form.pattern).fill_null(value=False)
    return _read(_joined(frame.with_columns(at.alias("at"), is_new.alias("is_new"))), form)


def _joined(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row an entry: what follows its first line is in `below`."""
    joined = frame.group_by(pl.col("is_new").cum_sum().alias("entry"), maintain_order=True).agg(
        pl.col("number").first().cast(pl.Int64), pl.col("at").first(), pl.col("line").first(),
        pl.col("line").slice(1, LINES_JOINED).str.join("\n").str.strip_chars_end().alias("below"),
    )  # fmt: skip
    return joined.filter((pl.col("line").str.strip_chars() != "") | (pl.col("below") != ""))


def _read(frame: pl.DataFrame, form: Form | None) -> pl.DataFrame:
    text = pl.col("line")
    if form:
        before = "" if form.name == "bsd" else "${before}"
        text = text.str.replace(form.pattern, before).str.replace(r"^[\]|,;:]?[ \t]*", "")
    program = pl.col("text").str.extract_groups(PROGRAM)
    is_syslog = pl.lit(form is not None and form.name == "bsd") & program.struct[0].is_not_null()
    host, service, pid = (pl.when(is_syslog).then(program.struct[part]) for part in range(3))
    read = frame.with_columns(text.alias("text")).with_columns(
        host.alias("host"), service.alias("service"), pid.alias("pid"),
        pl.when(is_syslog).then(pl.col("text").str.replace(PROGRAM, ""))
        .otherwise(pl.col("text")).alias("text"),
    )  # fmt: skip
    text = pl.col("text")
    said = pl.when(pl.col("service").is_null()).then(text.str.replace(TAKEN_OFF, ""))
    read = read.with_columns(_level().alias("level"), said.otherwise(text).alias("text"))
    whole = pl.when(pl.col("below") == "").then("text").otherwise(
        pl.concat_str("text", "below", separator="\n")
    )  # fmt: skip
    host_only = pl.struct(host="host", pid="pid").struct.json_encode()
    return read.select(
        "number", pl.lit(0, pl.Int64).alias("part"), "at", "level", "service",
        whole.str.strip_chars().alias("message"),
        pl.when(pl.col("host").is_not_null()).then(host_only).alias("attributes"),
    )  # fmt: skip


def _level() -> pl.Expr:
    """Return the level: of a priority, a word right behind the time or one near it."""
    text, line = pl.col("text"), pl.col("line")
    word = pl.coalesce(
        text.str.extract(AT_HEAD), line.str.extract(GLOG), text.str.extract(LETTER),
        text.str.extract(LATER),
    )  # fmt: skip
    severity = line.str.extract(PRIORITY).cast(pl.Int64, strict=False) % 8
    named = word.str.to_lowercase().replace_strict(LEVELS, default=None, return_dtype=pl.String)
    by_number = dict(enumerate(BY_SEVERITY))
    return pl.coalesce(
        severity.replace_strict(by_number, default=None, return_dtype=pl.String), named
    )
