"""Rows in the form that a client asks for: JSON, CSV, Arrow or Parquet, by the Accept header."""

from __future__ import annotations

import io
from collections.abc import Callable

import polars as pl
from fastapi import HTTPException

JSON, CSV = "application/json", "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def _json(frame: pl.DataFrame) -> bytes:
    return frame.write_json().encode()


def _csv(frame: pl.DataFrame) -> bytes:
    """Return CSV; lists are written as JSON text."""
    lists = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    text = frame.with_columns(
        pl.col(name).map_elements(_listed, return_dtype=pl.String) for name in lists
    )
    return text.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").encode()


def _listed(cell: pl.Series) -> str:
    return pl.DataFrame({"cell": [cell]}).write_json()[len('[{"cell":') : -len("}]")]


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
