"""Entries of log stores, which number no lines, to rows of core.log_lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from ingest.parse.rows import frame
from ingest.payload import Payload

LONGEST = 16 * 1024
"""Characters of a message that are kept."""
CONTROL = r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]"


def clean(message: pl.Expr) -> pl.Expr:
    """Return the message without control sequences, cut to what is kept."""
    return message.str.replace_all(CONTROL, "").str.slice(0, LONGEST)


def line_frame(payload: Payload, lines: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows of core.log_lines; a line has its service, `line`, time, level, message."""
    known = {
        "source": payload.instance.type, "instance": payload.instance.name,
        "project_id": payload.instance.project_id,
    }  # fmt: skip
    rows = frame("core.log_lines", ({**known, **line} for line in lines))
    return rows.with_columns(clean(pl.col("message")))
