"""The sentence of an answer: what was asked for, its number with the unit, the period, and n."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from golive_agents import statements
from golive_agents.plan import Plan
from golive_agents.semantic_layer import Subject

if TYPE_CHECKING:
    import polars as pl

SECONDS = {"s": 1.0, "min": 60.0}
WRITTEN = {"usd": "${:,.2f}", "%": "{:.1f} %", "bytes": "{:,.0f} bytes"}
MINUTE, TWO_DAYS_H = 60, 48
SHA = re.compile("[0-9a-f]{40,64}")
MAX_CELL = 80
"""Characters of a cell in a sentence."""
AGGREGATES = {"total": "Total", "average": "Average", "median": "Median", "longest": "Largest",
              "shortest": "Smallest", "p90": "90th percentile of", "p95": "95th percentile of",
              "p99": "99th percentile of"}  # fmt: skip


def sentence(
    subject: Subject, plan: Plan, rows: pl.DataFrame, period: str, earlier: float | None = None
) -> str:
    """Return the answer in words; `earlier` is the number of the period before, if compared."""
    when = f" {_when(period)}" if period else ""
    if plan.shape == "list":
        return _of_list(subject, plan, rows, when)
    unit = subject.amounts[plan.amount].unit if plan.amount else subject.measures[plan.measure].unit
    what = _what(subject, plan)
    name = statements.value_name(subject, plan)
    if rows.is_empty() or (plan.shape == "value" and rows.item(0, 0) is None):
        return f"Nothing to count: no {_rows_of(subject, plan)}{when}."
    if plan.shape == "value":
        return (
            f"{what}{when}: {said(rows.item(0, 0), unit)}{_n(rows)}.{_change(rows, earlier, unit)}"
        )
    first = rows.row(0, named=True)
    if plan.shape == "series":
        newest = said(rows[name][-1], unit)
        return f"{what} by {plan.grain}{when}: {rows.height} {plan.grain}s, the newest {newest}."
    groups = [*([plan.grain] if plan.grain else []), *plan.dimensions]
    keys = " / ".join(str(first[key]) for key in groups)
    end = "highest" if plan.is_descending else "lowest"
    return (
        f"{what} by {' and '.join(groups)}{when}: {end} is {keys} with {said(first[name], unit)}."
    )


def said(value: object, unit: str) -> str:
    """Return a number as people say it: 1,234; 12.3 %; 4 min 5 s."""
    if not isinstance(value, int | float):
        return "unknown" if value is None else str(value)
    if unit in SECONDS:
        return duration(SECONDS[unit] * value)
    if unit in WRITTEN:
        return WRITTEN[unit].format(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < MINUTE:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < MINUTE:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < TWO_DAYS_H else f"{hours / 24:.1f} days"


def _what(subject: Subject, plan: Plan) -> str:
    name = (
        f"{AGGREGATES[plan.aggregate or 'median']} {subject.amounts[plan.amount].label}"
        if plan.amount
        else subject.measures[plan.measure].label
    )
    if plan.amount:
        text = f"{name} of {_rows_of(subject, plan)}"
    elif subject.measures[plan.measure].label == subject.label:
        text = _rows_of(subject, plan)
    else:
        text = f"{name}{_which(subject, plan)}"
    return text[0].upper() + text[1:]


def _which(subject: Subject, plan: Plan) -> str:
    words = [subject.filters[name].label for name in telling(subject, plan)]
    words += [f"{name} {value}" for name, value in plan.values]
    return f" ({', '.join(words)})" if words else ""


def telling(subject: Subject, plan: Plan) -> list[str]:
    """Return the filters that leave something out."""
    return [
        name for name in plan.filters if subject.filters[name].sql not in ("true", subject.where)
    ]


def _rows_of(subject: Subject, plan: Plan) -> str:
    """Return what rows are meant: "failed builds (branch main)"."""
    filters = telling(subject, plan)
    if len(filters) == 1 and "_" not in filters[0]:
        values = _which(subject, replace(plan, filters=()))
        return f"{filters[0]} {subject.label}{values}"
    return f"{subject.label}{_which(subject, plan)}"


def _of_list(subject: Subject, plan: Plan, rows: pl.DataFrame, when: str) -> str:
    what = _rows_of(subject, plan)
    if rows.is_empty():
        return f"No {what}{when}."
    count = f"The first {rows.height}" if rows.height == plan.limit else f"{rows.height}"
    return f"{count} {what}{when}{_order(subject, plan)}.{_first(subject, plan, rows)}"


def _order(subject: Subject, plan: Plan) -> str:
    if plan.amount:
        end = "highest" if plan.is_descending else "lowest"
        return f", {end} {subject.amounts[plan.amount].label} first"
    return f", {'newest' if plan.is_descending else 'oldest'} first" if subject.newest else ""


def _first(subject: Subject, plan: Plan, rows: pl.DataFrame) -> str:
    """Return the first row in words, where the subject says how."""
    if not subject.says:
        return ""
    row = rows.row(0, named=True)
    text = subject.says.format_map({name: _cell(value) for name, value in row.items()})
    if plan.amount in row:
        part = subject.amounts[plan.amount]
        text = f"{text}; {part.label} {said(row[plan.amount], part.unit)}"
    return f" First: {text}."


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, str) and SHA.fullmatch(value):
        return value[:10]
    text = "unknown" if value is None else str(value)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _when(period: str) -> str:
    plain = (
        "in ",
        "on ",
        "from ",
        "since ",
        "before ",
        "of ",
        "today",
        "yesterday",
        "now",
        "last ",
        "this ",
    )
    return period if period.startswith(plain) else f"in {period}"


def _n(rows: pl.DataFrame) -> str:
    return f" (n = {rows.item(0, 'n'):,})" if "n" in rows.columns else ""


def _change(rows: pl.DataFrame, earlier: float | None, unit: str) -> str:
    now = rows.item(0, 0)
    if earlier is None:
        return ""
    text = f" The period before: {said(earlier, unit)}"
    return f"{text} ({100 * (now - earlier) / earlier:+.0f} %)." if earlier else f"{text}."
