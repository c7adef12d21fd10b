"""Dicts of one shape to a frame of a core table: times, days, lists and empty values put right.

A parser says what a field means (`{"opened_at": one["created_at"]}`); how it becomes a column is
said here once. All of a page's rows become one frame: there is no object per event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import polars as pl

from golive_core import schema
from golive_core.errors import SourceDataError

NO_TIME = ("", "0001-01-01T00:00:00Z")
"""What some servers write where there is no time (the second is Go's zero)."""


def frame(table: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return `rows` as a frame with all columns of the core table; what a row lacks is null.

    Columns of times take ISO 8601 text or aware datetimes; `day` may be left out where the table
    has one, it is then that of the first of `at`, `queued_at`, `opened_at`, `started_at`,
    `committed_at` and `created_at`. Raises SourceDataError for a value that does not fit.
    """
    spec, found = schema.find(table), list(rows)
    extra = {name for row in found for name in row} - spec.schema.keys()
    if extra:
        raise SourceDataError(f"{table} has no {', '.join(sorted(extra))}")
    columns = {name: _column(dtype, name, found) for name, dtype in spec.schema.items()}
    if "day" in columns:
        columns["day"] = _days(columns)
    try:
        return pl.DataFrame(columns, schema=spec.schema)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise SourceDataError(f"a value does not fit {table}: {error}") from error


DAY_OF = ("at", "queued_at", "opened_at", "started_at", "committed_at", "created_at")


def _column(dtype: pl.DataType, name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the cells of a column: a column at a time takes half of the time of rows."""
    cells = [row.get(name) for row in rows]
    if isinstance(dtype, pl.Datetime):
        return [instant(cell) for cell in cells]
    if dtype == pl.Float64:
        return [_float(cell) for cell in cells]
    return cells


def _float(cell: Any) -> Any:  # noqa: ANN401 - JSON in, a cell out
    return float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _days(columns: Mapping[str, list[Any]]) -> list[Any]:
    """Return the days that are told, else that of the first time that there is."""
    times = [columns[name] for name in DAY_OF if name in columns]
    return [
        day if day is not None else next((at.date() for at in told if at), None)
        for day, *told in zip(columns["day"], *times, strict=True)
    ]


def instant(value: str | datetime | None) -> datetime | None:
    """Return the aware UTC time of ISO 8601 text; without a zone it is UTC, null stays null.

    Raises SourceDataError for text that is no time.
    """
    if value is None or value in NO_TIME:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise SourceDataError(f"{value!r} is not a time") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def epoch(value: float | str | None, *, per_second: int = 1) -> datetime | None:
    """Return the UTC time of seconds since 1970 (`per_second` 1000: milliseconds, 10**9: nanos)."""
    if value in (None, ""):
        return None
    try:
        return datetime.fromtimestamp(float(value or 0) / per_second, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SourceDataError(f"{value!r} is not a time") from error


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end, null where one is missing."""
    return (end - start).total_seconds() if start and end else None


def names(values: Iterable[object] | None, key: str = "name") -> list[str]:
    """Return the sorted distinct names of a JSON list of objects or of texts."""
    found = [_named(one, key) for one in values or ()]
    return sorted({one for one in found if one})


def _named(one: object, key: str) -> str:
    value = cast("dict[str, object]", one).get(key) if isinstance(one, dict) else one
    return str(value) if value else ""
