"""Console logs of Jenkins, to rows of core.log_lines. One frame a chunk, in polars throughout.

Jenkins hides its own notes in the text as escape sequences (base64 after `ESC[8mha:`), colours
stand there as ANSI codes, and the Timestamper plugin may put a time before each line.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from golive_core.schema import LOG_LINES
from ingest.parse.console import CONTROL, LONGEST, level, lines

NOTE = r"\x1b\[8mha:.*?\x1b\[0m"
TIME = r"^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)\] ?"
"""Timestamper's form in pipelines (`timestamps()`), always UTC."""


def rows(
    body: bytes, *, instance: str, project_id: str, service: str, build_id: str,
    at: datetime, line: int,
) -> pl.DataFrame:  # fmt: skip
    """Return rows of core.log_lines for a chunk whose first line is number `line`.

    A line without a time of its own has that of the last one before it, else `at`, the start of
    the build.
    """
    frame = plain_lines(body).to_frame()
    time = (
        pl.col("message")
        .str.extract(TIME)
        .str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    )
    frame = frame.with_columns(
        time.forward_fill().fill_null(pl.lit(at, LOG_LINES.schema["at"])).alias("at"),
        pl.col("message").str.replace(TIME, "").str.slice(0, LONGEST),
    )
    return frame.select(
        pl.lit("jenkins").alias("source"), pl.lit(instance).alias("instance"),
        pl.lit(service).alias("service"), pl.lit(project_id).alias("project_id"),
        pl.lit(build_id).alias("build_id"),
        pl.int_range(line, line + pl.len(), dtype=pl.Int64).alias("line"),
        pl.col("at").dt.date().alias("day"), "at", level().alias("level"), "message",
    )  # fmt: skip


def plain_lines(body: bytes) -> pl.Series:
    """Return the lines of a console as `message`, without hidden notes and control sequences."""
    clean = pl.col("message").str.replace_all(NOTE, "").str.replace_all(CONTROL, "")
    return lines(body).select(clean).to_series()
