"""Rows in the form that a client asks for: JSON, CSV, Arrow or Parquet, by the Accept header."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, time
from functools import lru_cache

import polars as pl
from fastapi import HTTPException

JSON, CSV = "application/json", "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


DAYS = date(1, 1, 1), date(9999, 12, 31)
TIMES = datetime.combine(DAYS[0], time.min), datetime.combine(DAYS[1], time.max)
"""What text forms can say of time; SQL also knows days before and after, and infinity."""


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as text forms can say them, for JSON and CSV.

    Whole numbers named `…_id` become text: they have 64 bits, and most readers of JSON hold numbers
    as doubles, which keep 53 (RFC 8259, 6). Bytes become hex, times are in UTC, and a time that
    no calendar has (infinity) becomes null, as NaN does.
    """
    return frame.with_columns(_told(tuple(frame.schema.items())))


@lru_cache(maxsize=256)
def _told(columns: tuple[tuple[str, pl.DataType], ...]) -> list[pl.Expr]:
    """Return what makes columns plain; those that are so already are left out."""
    return [
        _plain(pl.col(name), name, dtype).alias(name)
        for name, dtype in columns
        if dtype.is_nested() or dtype.is_temporal() or dtype == pl.Binary or _is_id(name, dtype)
    ]


def _is_id(name: str, dtype: pl.DataType) -> bool:
    return dtype.is_integer() and name.endswith("_id")


def _plain(column: pl.Expr, name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List | pl.Array):
        return _of_list(column, name, dtype)
    if isinstance(dtype, pl.Struct):
        fields = [
            _plain(column.struct.field(one.name), one.name, one.dtype).alias(one.name)
            for one in dtype.fields
            if isinstance(one.dtype, pl.DataType)
        ]
        return pl.when(column.is_not_null()).then(pl.struct(fields))
    if _is_id(name, dtype):
        return column.cast(pl.String)
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    return _in_calendar(column, dtype)


def _of_list(column: pl.Expr, name: str, dtype: pl.List | pl.Array) -> pl.Expr:
    inner = dtype.inner
    if not isinstance(inner, pl.DataType):
        return column
    items = column.arr.to_list() if isinstance(dtype, pl.Array) else column
    return items.list.eval(_plain(pl.element(), name, inner))


def _in_calendar(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        naive = column.dt.replace_time_zone(None)
        return pl.when(naive.is_between(*TIMES)).then(naive.dt.replace_time_zone("UTC"))
    if dtype == pl.Date:
        return pl.when(column.is_between(*DAYS)).then(column)
    return column


def _json(frame: pl.DataFrame) -> bytes:
    return plain(frame).write_json().encode()


def _csv(frame: pl.DataFrame) -> bytes:
    """Return CSV; lists and structs are written as JSON text."""
    told = plain(frame)
    nested = [name for name, dtype in told.schema.items() if dtype.is_nested()]
    text = told.with_columns(_as_json(pl.col(name)).alias(name) for name in nested)
    return text.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").encode()


def _as_json(column: pl.Expr) -> pl.Expr:
    text = pl.struct(column.alias("cell")).struct.json_encode()
    cell = text.str.strip_prefix('{"cell":').str.strip_suffix("}")
    return pl.when(column.is_not_null()).then(cell)


def _arrow(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


FORMS: dict[str, Callable[[pl.DataFrame], bytes]] = {
    JSON: _json, CSV: _csv, ARROW: _arrow, PARQUET: _parquet,
}  # fmt: skip


def chosen(accept: str) -> str:
    """Return the media type that an Accept header likes best (RFC 9110, 12.5.1).

    Raises HTTPException 406 where none of FORMS is acceptable.
    """
    if not accept.strip():
        return JSON
    wishes = [_wish(part) for part in accept.split(",")]
    best, liked = "", 0.0
    for form in FORMS:
        fitting = [(exact, weight) for one, weight in wishes if (exact := _fits(one, form))]
        weight = max(fitting)[1] if fitting else 0.0
        if weight > liked:
            best, liked = form, weight
    if not best:
        raise HTTPException(406, f"there are: {', '.join(FORMS)}")
    return best


def _wish(part: str) -> tuple[str, float]:
    name, *parameters = (one.strip().lower() for one in part.split(";"))
    weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return name, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return name, 0.0


def _fits(wish: str, form: str) -> int:
    """Return how exactly a wish names a form: 3 by name, 2 by its kind, 1 by any, 0 not at all."""
    kind = form.partition("/")[0]
    return {form: 3, f"{kind}/*": 2, "*/*": 1}.get(wish, 0)
