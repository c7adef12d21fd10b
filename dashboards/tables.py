"""Rows as a plain HTML table, written by the names of their columns: `_s` is a time, `_usd` money.

For reports, where no page shapes the rows. Keys and addresses are for machines and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from html import escape
from typing import cast

import polars as pl

from dashboards import words

ROWS, COLUMNS = 8, 7
HIDDEN = ("_id", "_sha", "url", "uri", "class_name", "file", "rank")
SHARES = ("share", "rate", "probability", "low", "high", "change")
Cell = object


def html(frame: pl.DataFrame) -> str:
    """Return the first rows and columns of a frame as a table, and how many rows there are."""
    if frame.is_empty():
        return "<p class='quiet'>None.</p>"
    names = [name for name in frame.columns if _is_shown(name, frame[name])][:COLUMNS]
    if not names:
        return ""
    numeric = {name for name in names if frame[name].dtype.is_numeric()}
    head = "".join(f"<th{_side(name, numeric)}>{escape(_title(name))}</th>" for name in names)
    body = "".join(_row(row, names, numeric) for row in frame.head(ROWS).to_dicts())
    more = frame.height - ROWS
    rest = f"<p class='quiet'>and {words.plural(more, 'more row')}</p>" if more > 0 else ""
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>{rest}"


def _is_shown(name: str, column: pl.Series) -> bool:
    return not name.endswith(HIDDEN) and column.null_count() < column.len()


def _title(name: str) -> str:
    for ending in ("_at", "_usd", "_bytes", "_s"):
        name = name.removesuffix(ending)
    return name.replace("_", " ").capitalize()


def _side(name: str, numeric: set[str]) -> str:
    return " class=n" if name in numeric else ""


def _row(row: Mapping[str, Cell], names: list[str], numeric: set[str]) -> str:
    cells = (f"<td{_side(name, numeric)}>{escape(written(name, row[name]))}</td>" for name in names)
    return f"<tr>{''.join(cells)}</tr>"


def written(name: str, value: Cell) -> str:
    """Return a value as people read it, by the name of its column."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(name, value)
    if isinstance(value, date):
        return words.moment(value, UTC) if isinstance(value, datetime) else f"{value:%-d %b %Y}"
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[Cell]", value)[:4]))
    return words.NOTHING if value is None else words.first_line(str(value))


def _number(name: str, value: float) -> str:
    endings: dict[str, Callable[[float], str]] = {
        "_s": words.duration, "_usd": words.money, "_bytes": words.size,
        "_minutes": lambda minutes: words.duration(minutes * 60),
    }  # fmt: skip
    for ending, write in endings.items():
        if name.endswith(ending):
            return write(value)
    if isinstance(value, float) and any(word in name for word in SHARES):
        return words.percent(value, digits=1)
    return f"{value:,.2f}" if isinstance(value, float) else words.number(value)
