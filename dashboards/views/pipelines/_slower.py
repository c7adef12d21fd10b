"""Builds and stages that became slower or faster for good, with the commit at which that began."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.scope import Scope

SHOWN = 6
CHANGES = """
select
    change.subject_kind, change.subject_id, coalesce(pipeline.name, change.pipeline_id) as pipeline,
    change.pipeline_id, change.before_s, change.after_s, change.ratio, change.cost_s_week,
    change.since_sha, change.since_at, change.last_good_sha, change.day, change.days_before,
    change.days_after, entry.subject, entry.author_name
from predictions.change_points as change
left join core.pipelines as pipeline on change.pipeline_id = pipeline.pipeline_id
left join core.commits as entry
    on change.project_id = entry.project_id and change.since_sha = entry.sha
where change.project_id = $project and change.subject_kind in ('build', 'stage')
order by abs(change.cost_s_week) desc, change.subject_id
limit 50
"""


def draw(scope: Scope) -> None:
    """Draw the lasting changes that cost or save most, if there are any."""
    found = data.rows(CHANGES, project=scope.project.id)
    if found.is_empty:
        return
    note = (
        "Medians of passed builds before and since; the price is time a week. The cause is between "
        "the last good commit and this one. All: golive slow --builds --stages"
    )
    with charts.figure("Slower or faster for good", found, key="changed", note=note):
        charts.narrow(found.frame.head(SHOWN))
        st.html(theme.listed(_change(row, scope) for row in found.dicts()[:SHOWN]))


def _change(row: Mapping[str, Any], scope: Scope) -> str:
    slower = row["ratio"] > 1
    name = row["subject_id"].replace(row["pipeline_id"], row["pipeline"], 1)
    weekly = words.duration(abs(row["cost_s_week"] or 0.0))
    lines = [
        f"<b>{escape(name)}</b> {words.duration(row['before_s'])} → "
        f"{words.duration(row['after_s'])} ({100 * (row['ratio'] - 1):+.0f} %)",
        f"{'slower' if slower else 'faster'} since {_commit(row)}",
        theme.quiet(
            escape(
                f"{words.ago(row['since_at'], scope.now)}; {'costs' if slower else 'saves'} "
                f"{weekly} a week; n = {row['days_before']} days before, {row['days_after']} since"
            )
        ),
    ]
    return theme.entry("degraded" if slower else "ok", lines)


def _commit(row: Mapping[str, Any]) -> str:
    if not row["since_sha"]:
        return escape(f"{row['day']:%-d %b}")
    said = f" {escape(row['subject'])}" if row["subject"] else ""
    by = theme.quiet(f" by {escape(row['author_name'])}") if row["author_name"] else ""
    return f"{theme.code(words.short(row['since_sha']))}{said}{by}"
