"""The log of one build: what is new in it against the builds that passed, errors, every line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, filters, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

MOST_LINES = 5_000
"""Lines of a log that are read; the end of a longer one."""
SHOWN_LINES = 300
TONES = {"error": theme.STATUS["failed"], "warning": theme.VERDICT["flaky"]}

LINES = """
select
    entry.line, entry.at as said_at, coalesce(entry.level, '') as level, entry.message,
    entry.template_id, entry.service
from core.log_lines as entry
where
    entry.project_id = $project and entry.build_id = $build
    and entry.day between $first and $last
order by entry.line desc
limit $most
"""
NEW = """
select
    template_id, template, log_lines, errors, warnings, first_line, example, last_good_build_id,
    builds, seen_builds, telling
from marts.new_templates_by_build
where project_id = $project and build_id = $build and day between $first and $last
order by telling desc, first_line
"""
TEMPLATES = """
select
    given.template_id, template.template, given.log_lines, given.errors, given.warnings,
    given.first_line
from marts.build_templates as given
inner join core.log_templates as template on given.template_id = template.template_id
where given.project_id = $project and given.build_id = $build and given.day between $first and $last
order by given.errors desc, given.log_lines desc
"""


def draw(scope: Scope, build: Mapping[str, Any]) -> None:
    """Draw what a build logged, the lines that no good build logged before first."""
    at = build["started_at"] or build["queued_at"]
    span = {
        "project": scope.project.id,
        "build": build["build_id"],
        "first": at.date(),
        "last": ((build["finished_at"] or at) + timedelta(days=1)).date(),
    }
    lines = data.rows(LINES, most=MOST_LINES, **span)
    new = data.rows(NEW, **span)
    with charts.figure("Log", lines, key="log", note=_note(lines, new)):
        if lines.is_empty:
            st.html(
                theme.aside(
                    "No log of this build was read. Jenkins, GitHub and GitLab bring theirs with "
                    "the stream logs; files come with: golive ingest logs PATH"
                )
            )
            return
        _lines(lines.frame.reverse(), new)
    if not new.is_empty:
        _new(new)
    _templates(data.rows(TEMPLATES, **span))


def _note(lines: Rows, new: Rows) -> str:
    if lines.is_empty:
        return ""
    known = {row["last_good_build_id"] for row in new.dicts()} - {None}
    against = f", against {min(known)} and the good builds of 30 days before it" if known else ""
    cut = ", its end" if lines.height == MOST_LINES else ""
    return f"n = {words.plural(lines.height, 'line')}{cut}{against}."


def _lines(lines: pl.DataFrame, new: Rows) -> None:
    fresh = set(new.frame["template_id"].to_list()) if new.height else set[int]()
    parts = {
        "new": lines.filter(pl.col("template_id").is_in(list(fresh))),
        "errors": lines.filter(pl.col("level").is_in(list(TONES))),
        "all": lines,
    }
    names = {
        name: f"{name} ({words.number(part.height)})" for name, part in parts.items() if part.height
    }
    shown = parts[filters.segments("lines", names)]
    if shown.height > SHOWN_LINES:
        st.caption(f"The last {SHOWN_LINES} of them; all are in the data behind this figure.")
    rows = "".join(_line(row, fresh) for row in shown.tail(SHOWN_LINES).to_dicts())
    st.html(f"<div class='gl-log' tabindex='0' role='log' aria-label='Log lines'>{rows}</div>")


def _line(row: Mapping[str, Any], fresh: set[int]) -> str:
    tone = TONES.get(row["level"], "")
    level = f"<b style='color:{tone}'>{escape(row['level'])}</b> " if tone else ""
    mark = "<em>new</em> " if row["template_id"] in fresh else ""
    return (
        f"<div><span>{words.number(row['line'])}</span>"
        f"<code>{mark}{level}{escape(row['message'] or '')}</code></div>"
    )


def _new(new: Rows) -> None:
    note = (
        "Templates that no build of this pipeline that passed in the 30 days before had logged. "
        "First what tells most: rare, loud, and near the rarest new error."
    )
    with charts.figure("New in this log", new, key="new-templates", note=note):
        st.html(theme.listed(_template(row) for row in new.dicts()[:12]))


def _template(row: Mapping[str, Any]) -> str:
    word = "error" if row["errors"] else "warning" if row["warnings"] else "info"
    chip = theme.chip(word, TONES.get(word, theme.STATUS["cancelled"]))
    where = f"{words.plural(row['log_lines'], 'line')}, first {words.number(row['first_line'])}"
    seen = row["seen_builds"]
    again = (
        f"in {words.number(seen)} of {words.plural(row['builds'], 'earlier build')} too, all bad"
        if seen
        else f"in none of {words.plural(row['builds'], 'earlier build')}"
    )
    return (
        f"<div class='gl-item'><span class='gl-line'>{chip} {theme.code(row['template'])}<br>"
        f"{theme.quiet(escape(words.first_line(row['example'])))}</span>"
        f"<span class='gl-quiet'>{where}<br>{again}</span></div>"
    )


def _templates(templates: Rows) -> None:
    if templates.is_empty:
        return
    with st.expander(
        f"{words.plural(templates.height, 'template')} of this log", icon=":material/segment:"
    ):
        st.dataframe(
            templates.frame.drop("template_id"),
            hide_index=True,
            height=charts.table_height(templates.height, 10),
            column_config={
                "template": st.column_config.TextColumn("Template", width=560),
                "log_lines": st.column_config.NumberColumn("Lines"),
                "errors": st.column_config.NumberColumn("Errors"),
                "warnings": st.column_config.NumberColumn("Warnings"),
                "first_line": st.column_config.NumberColumn("First at line"),
            },
        )
        charts.sql_of(templates, title="Templates", key="templates")
