"""The telling lines of a failure's text, of a build's log and of a file, as they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from golive_agents.explanation import ShownLine
from golive_core.errors import UsageError
from ingest.parse import jenkins_log, signature
from models import cause_lines
from models.cause_lines import Line

LARGEST = 64 * 1024 * 1024
"""Bytes of a log file that are read: its end, where it is longer."""
Row = Mapping[str, Any]


def read(path: Path) -> pl.Series:
    """Return the lines of a log without control sequences; raises UsageError."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - LARGEST))
            return jenkins_log.plain_lines(file.read())
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(path)) from error


def of_text(
    lines: pl.Series, source: str, *, good: pl.Series | None = None, limit: int = 5
) -> tuple[ShownLine, ...]:
    """Return the telling lines of a text, by contrast with a good run's where one is given."""
    known = None if good is None else cause_lines.said_before(lines, good)
    return tuple(_shown(one, source) for one in cause_lines.rank(lines, known=known, limit=limit))


def of_failure(failure: Row, limit: int) -> tuple[ShownLine, ...]:
    """Return the telling lines of a failure's message and details, message first."""
    text = "\n".join(part for part in (failure["message"], failure["details"]) if part)
    if not text:
        return ()
    lines = pl.Series(text.splitlines(), dtype=pl.String)
    return of_text(lines, f"failure {failure['failure_id']}", limit=limit)


def of_log(rows: pl.DataFrame, build_id: str, limit: int) -> tuple[ShownLine, ...]:
    """Return the telling lines of a build's log; columns are those of lines.sql."""
    split = rows.with_columns(pl.col("message").str.split("\n")).explode("message")
    known = split["is_known"] if split["is_known"].null_count() < split.height else None
    found = cause_lines.rank(split["message"], known=known, limit=limit)
    places = split.select("service", "line").rows()
    return tuple(_logged(one, places[one.number - 1], build_id) for one in found)


def as_failure(lines: Sequence[ShownLine]) -> dict[str, Any]:
    """Return what the telling lines say as a failure without a type, as core.failures has it."""
    said = "\n".join(one.text for one in lines)
    return {
        "signature_id": None, "failure_id": None, "type": None, "message": said, "details": "",
        "signature": signature.signature(None, lines[0].text, None) if lines else "",
    }  # fmt: skip


def _logged(one: Line, place: tuple[str | None, int], build_id: str) -> ShownLine:
    service, number = place
    source = f"log of {build_id}{f' ({service})' if service else ''}"
    return ShownLine(source, number, one.text, one.level, one.score, one.reasons)


def _shown(one: Line, source: str) -> ShownLine:
    return ShownLine(source, one.number, one.text, one.level, one.score, one.reasons)
