"""Rows as frames of the tables of `golive_core.schema`; times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from golive_core import schema

Frames = dict[str, pl.DataFrame]
SOURCE = "simulated"


def instants(values: Iterable[float]) -> pl.Series:
    """Return seconds since 1970 as Datetime(us, UTC)."""
    micros = pl.Series([round(value * 1_000_000) for value in values], dtype=pl.Int64)
    return micros.cast(pl.Datetime("us", "UTC"))


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of the table `name`; an `at` or `*_at` cell is seconds since 1970."""
    spec = schema.find(name)
    columns: dict[str, pl.Series] = {}
    for column in spec.columns:
        cells = [row.get(column.name) for row in rows]
        if column.name.endswith("_at") or column.name == "at":
            cells = [None if cell is None else round(cell * 1_000_000) for cell in cells]
            columns[column.name] = pl.Series(cells, dtype=pl.Int64).cast(column.dtype)
        elif column.name != "day":
            columns[column.name] = pl.Series(cells, dtype=column.dtype)
    return schema.conform(spec, pl.DataFrame(columns))


def with_day(name: str, rows: list[dict[str, Any]], key: str) -> pl.DataFrame:
    """Return rows as a frame of the table `name` whose day is the UTC date of `row[key]`."""
    return frame(name, rows).with_columns(day=instants(row[key] for row in rows).dt.date())
