"""Tests that became slower or faster for good, with the commit at which that began."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, optional, theme, words
from dashboards.scope import Scope

SHOWN = 8
CHANGES = """
select
    change.test_id, health.name, health.parameters, change.before_s, change.after_s, change.ratio,
    change.cost_s_week, change.since_sha, change.since_at, change.day, change.days_after
from predictions.change_points as change
inner join marts.test_health as health
    on change.project_id = health.project_id and change.test_id = health.test_id
where change.project_id = $project
order by abs(change.cost_s_week) desc, change.test_id
limit $shown
"""


def draw(scope: Scope) -> None:
    """Draw the lasting changes of durations that cost or save most, if there are any."""
    found = optional.rows(
        CHANGES, "predictions.change_points", project=scope.project.id, shown=SHOWN
    )
    if found.is_empty:
        return
    note = "Medians of the days before and since; the price is time a week. All: golive slow"
    with charts.figure("Slower or faster for good", found, key="changed", note=note):
        st.html(theme.listed(_change(row, scope) for row in found.dicts()))


def _change(row: Mapping[str, Any], scope: Scope) -> str:
    slower = row["ratio"] > 1
    sha = row["since_sha"]
    since = f"since {theme.code(words.short(sha))}, " if sha else "since "
    weekly = words.duration(abs(row["cost_s_week"] or 0.0))
    lines = [
        f"{theme.code(words.test_title(row['name'], row['parameters']))} "
        f"<b>{words.duration(row['before_s'])} → {words.duration(row['after_s'])}</b>",
        theme.quiet(
            since + escape(words.ago(row["since_at"], scope.now))
            + f"; {'costs' if slower else 'saves'} {weekly} a week"
        ),
    ]  # fmt: skip
    return theme.entry("degraded" if slower else "ok", lines)
