"""Days on which a kind of line, or the errors of a service, were unusually many or few."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

SHOWN = 6
UNUSUAL = """
select
    one.day, one.service, one.template_id, coalesce(one.template, 'all errors') as template,
    one.observed, one.expected, one.low, one.high, one.p_value, one.reasons
from predictions.anomalies as one
where one.project_id = $project and one.subject_kind = 'log' and one.day between $first and $last
    and ($service = '' or one.service = $service)
    and ($template = 0 or one.template_id = $template)
    and ($said = '' or contains(lower(one.template), $said))
    and (one.template_id is not null or not exists (
        select 1 from predictions.anomalies as line
        where line.project_id = one.project_id and line.subject_kind = 'log'
            and line.service = one.service and line.day = one.day
            and line.template_id is not null and line.observed > one.observed / 2
    ))
order by one.day desc, one.p_value
limit 200
"""


def found(asked: Mapping[str, Any], *, service: str, template: int, said: str) -> Rows:
    """Return the unusual days of the search, the newest first."""
    return data.rows(UNUSUAL, **asked, service=service, template=template, said=said)


def marks(rows: Rows) -> alt.Chart:
    """Return a diamond over each day with something unusual, and what it was."""
    days = rows.frame.group_by("day").agg(
        pl.len().alias("unusual"),
        pl.format("{}: {}", pl.col("service").fill_null(""), "template").first().alias("most"),
    )
    return (
        alt.Chart(days)
        .mark_point(shape="diamond", filled=True, size=90, color=theme.STATUS["error"], opacity=1)
        .encode(
            x=alt.X("yearmonthdate(day):T", bandPosition=0.5),
            y=alt.value(6),
            tooltip=[alt.Tooltip("day:T", format="%d %b"), "unusual:Q", "most:N"],
        )
    )


def draw(rows: Rows, scope: Scope) -> None:
    """Draw the unusual days as a list, if there are any."""
    if rows.is_empty:
        return
    note = (
        f"{words.plural(rows.height, 'line and day', 'lines and days')} in {scope.days} days, each "
        "against such days of the 28 before; at most 1 % of them are meant to be false alarms."
    )
    with charts.figure("Unusual", rows, key="unusual", note=note):
        charts.narrow(rows.frame.head(SHOWN))
        st.html(theme.listed(_line(row) for row in rows.dicts()[:SHOWN]))


def _line(row: Mapping[str, Any]) -> str:
    more = row["observed"] > row["expected"]
    counted = words.plural(round(row["observed"]), "line")
    low, high = words.number(row["low"]), words.number(row["high"])
    expected = f"{low} to {high} expected" if row["high"] else "none expected"
    service = escape(row["service"] or "no service named")
    lines = [
        f"{theme.code(words.first_line(row['template'], 110))} <b>{counted}</b>",
        theme.quiet(f"{service}, {row['day']:%-d %b}: {'more' if more else 'fewer'} than usual, "
                    f"{expected}"),
    ]  # fmt: skip
    return theme.entry("degraded" if more else "paused", lines)
