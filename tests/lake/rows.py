"""Rows for the lake's tests: readable ones by hand, and random ones for any declared table."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from golive_core.schema import Table

FIRST = date(2024, 1, 30)
DAYS = 4
TEXT = st.text(string.ascii_lowercase + " é#/\"'\x00", max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "String": TEXT | st.none(),
    "Int64": st.integers(-(2**63), 2**63 - 1) | st.none(),
    "Float64": st.floats(allow_nan=False) | st.none(),
    "Boolean": st.booleans() | st.none(),
    "List(String)": st.lists(TEXT, max_size=2) | st.none(),
    "Binary": st.binary(max_size=4) | st.none(),
    "Date": st.dates(date(2020, 1, 1), date(2026, 1, 1)),
}


def results(
    day: date, tests: int, *, build: str = "ci#1", status: str = "passed", first: int = 0
) -> pl.DataFrame:
    """Return one result of each of `tests` test cases in one build on `day`."""
    at = datetime.combine(day, time(12), UTC)
    return pl.DataFrame(
        {
            "project_id": "shop",
            "build_id": build,
            "test_id": range(first, first + tests),
            "attempt": 1,
            "day": day,
            "status": status,
            "duration_s": 0.5,
            "started_at": at,
            "environment": "",
        },
        schema_overrides={"started_at": pl.Datetime("us", "UTC")},
    )


def builds(day: date, numbers: range, *, status: str = "passed") -> pl.DataFrame:
    """Return builds with these numbers of the pipeline `ci`."""
    return pl.DataFrame(
        {
            "build_id": [f"ci#{number}" for number in numbers],
            "pipeline_id": "ci",
            "project_id": "shop",
            "day": day,
            "number": list(numbers),
            "status": status,
        }
    )


def value(dtype: pl.DataType, day: date) -> st.SearchStrategy[Any]:
    """Return random values of a dtype; times lie on `day`."""
    if isinstance(dtype, pl.Datetime):
        start = datetime.combine(day, time(), UTC)
        return st.integers(0, 86_399_999_999).map(lambda us: start + timedelta(microseconds=us))
    return VALUES[str(dtype)]


@st.composite
def row(draw: st.DrawFn, spec: Table) -> dict[str, Any]:
    """Return a random row; its key comes from a small pool, and its day follows from its key."""
    number = draw(st.integers(0, 11))
    day = FIRST + timedelta(days=number % DAYS)
    cells = {name: draw(value(dtype, day)) for name, dtype in spec.schema.items()}
    for position, name in enumerate(spec.key):
        part = number if position == 0 else number % 3
        cells[name] = f"k{part}" if spec.schema[name] == pl.String else part
    if "day" in cells:
        cells["day"] = day
    return cells


def frames(spec: Table) -> st.SearchStrategy[pl.DataFrame]:
    """Return random frames of a table; keys occur once."""
    unique = lambda item: tuple(item[name] for name in spec.key)  # noqa: E731 - hypothesis wants a function
    rows = st.lists(row(spec), max_size=12, unique_by=unique)
    return rows.map(lambda found: pl.DataFrame(found, schema=spec.schema))


def keyed(spec: Table, frame: pl.DataFrame) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return a frame as a dict from key to row."""
    rows = frame.select(list(spec.schema)).rows(named=True)
    return {tuple(cells[name] for name in spec.key): tuple(cells.values()) for cells in rows}
