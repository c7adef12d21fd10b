"""Hours in which a metric was unusually high or low: on its chart, and as a list of episodes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.scope import Scope

SHOWN = 8
HOURS = """
select one.began_at, one.observed, one.expected, one.low, one.high, one.p_value
from predictions.anomalies as one
where one.project_id = $project and one.subject_kind = 'metric' and one.subject = $series
    and one.day between $first and $last
order by one.began_at
"""
EPISODES = """
with hours as (
    select
        one.*,
        coalesce(one.began_at > lag(one.ended_at) over series + interval 1 hour, true) as is_first
    from predictions.anomalies as one
    where one.project_id = $project and one.subject_kind = 'metric'
        and one.day between $first and $last
    window series as (partition by one.instance, one.subject order by one.began_at)
),
numbered as (
    select
        hours.*,
        sum(hours.is_first::integer) over (
            partition by hours.instance, hours.subject order by hours.began_at
        ) as episode
    from hours
)
select
    subject, any_value(service) as service, min(began_at) as began_at, max(ended_at) as ended_at,
    count(*) as unusual_hours, arg_min(observed, p_value) as observed,
    arg_min(expected, p_value) as expected, arg_min(low, p_value) as low,
    arg_min(high, p_value) as high, min(p_value) as p_value
from numbered
group by instance, subject, episode
order by began_at desc, subject
limit 200
"""


def marks(asked: Mapping[str, Any], series: str, scope: Scope) -> alt.Chart | None:
    """Return a diamond at each unusual hour of a series, None where there is none."""
    rows = data.rows(HOURS, **asked, series=series)
    if rows.is_empty:
        return None
    local = rows.frame.with_columns(
        hour_at=pl.col("began_at").dt.convert_time_zone(str(scope.zone)).dt.replace_time_zone(None)
    )
    return (
        alt.Chart(local)
        .mark_point(shape="diamond", filled=True, size=70, color=theme.STATUS["error"], opacity=1)
        .encode(
            x="hour_at:T",
            y="observed:Q",
            tooltip=[
                alt.Tooltip("hour_at:T", format="%d %b %H:%M"),
                alt.Tooltip("observed:Q", format=".3g"),
                alt.Tooltip("expected:Q", format=".3g"),
                alt.Tooltip("low:Q", format=".3g"),
                alt.Tooltip("high:Q", format=".3g"),
            ],
        )
    )


def draw(scope: Scope, asked: Mapping[str, Any]) -> None:
    """Draw the episodes of the period, the newest first, if there are any."""
    rows = data.rows(EPISODES, **asked)
    if rows.is_empty:
        return
    note = (
        f"{words.plural(rows.height, 'episode')}, each hour against the same hour of such days in "
        "the 28 before; at most 1 % are meant to be false alarms."
    )
    with charts.figure("Unusual metrics", rows, key="unusual", note=note):
        charts.narrow(rows.frame.head(SHOWN))
        st.html(theme.listed(_episode(row, scope) for row in rows.dicts()[:SHOWN]))


def _episode(row: Mapping[str, Any], scope: Scope) -> str:
    more = row["observed"] > row["expected"]
    span = words.span(row["ended_at"] - row["began_at"])
    expected = f"expected {row['expected']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    when = f"{words.moment(row['began_at'], scope.zone)}, for {span}"
    lines = [
        f"{theme.code(row['subject'])} <b>{row['observed']:.3g}</b>",
        theme.quiet(escape(f"{when}: {'higher' if more else 'lower'} than usual, {expected}")),
    ]
    return theme.entry("degraded" if more else "paused", lines)
