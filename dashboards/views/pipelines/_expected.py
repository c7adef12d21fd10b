"""How long builds were expected to take, as told when they were asked for, beside what came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.scope import Scope

SHOWN = 5
OF_BUILD = """
select median_s, low_90_s, high_90_s, runs, told_by, expected_end_at
from predictions.build_duration
where project_id = $project and build_id = $build
limit 1
"""
RUNNING = """
select
    build.build_id, coalesce(pipeline.name, build.pipeline_id) as pipeline, build.number,
    build.status, build.branch, build.started_at, told.median_s, told.low_90_s, told.high_90_s,
    told.runs, told.expected_end_at
from core.builds as build
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
inner join predictions.build_duration as told on build.build_id = told.build_id
where build.project_id = $project and build.status in ('queued', 'running')
    and build.day between $first and $last
order by told.expected_end_at
limit 20
"""
LATE = """
select
    build.build_id, coalesce(pipeline.name, build.pipeline_id) as pipeline, build.number,
    build.status, build.branch, build.started_at, build.duration_s, told.median_s, told.low_90_s,
    told.high_90_s, told.runs, count(*) over () as late_builds
from core.builds as build
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
inner join predictions.build_duration as told on build.build_id = told.build_id
where build.project_id = $project and build.day between $first and $last
    and build.status in ('passed', 'failed') and build.duration_s > told.high_90_s
    and build.duration_s > 1.1 * told.median_s + 5
order by build.duration_s - told.median_s desc
limit 20
"""
HELD = """
select
    count(*) as builds,
    count(*) filter (where build.duration_s between told.low_90_s and told.high_90_s) as held
from core.builds as build
inner join predictions.build_duration as told on build.build_id = told.build_id
where build.project_id = $project and build.day between $first and $last
    and build.status in ('passed', 'failed') and build.duration_s is not null
"""


def running(scope: Scope) -> None:
    """Draw what runs or waits now, with its expected end."""
    rows = data.rows(RUNNING, **_span(scope))
    if rows.is_empty:
        return
    note = "Ranges hold 9 of 10 builds."
    with charts.figure("Running now", rows, key="running", note=note):
        charts.narrow(rows.frame.head(SHOWN))
        st.html(theme.listed(_running(row, scope) for row in rows.dicts()[:SHOWN]))


def _span(scope: Scope) -> dict[str, str | date]:
    return {"project": scope.project.id, "first": scope.first_day, "last": scope.last_day}


def late(scope: Scope) -> None:
    """Draw which builds took longer than told."""
    rows, held = data.rows(LATE, **_span(scope)), data.rows(HELD, **_span(scope)).first()
    if rows.is_empty or not held.get("builds"):
        return
    count = int(rows.first()["late_builds"])
    note = (
        f"{words.plural(count, 'build')} of {words.number(held['builds'])} took longer than the "
        "range told before, and a tenth longer than expected; "
        f"{words.percent(held['held'] / held['builds'])} of all were within it (90 % is meant)."
    )
    with charts.figure("Slower than expected", rows, key="late", note=note):
        charts.narrow(rows.frame.head(SHOWN))
        st.html(theme.listed(_late(row, scope) for row in rows.dicts()[:SHOWN]))


def told(scope: Scope) -> pl.Expr:
    """Return the column `expected` of a frame of builds: seconds in words, or the expected end."""
    end = pl.col("expected_end_at").dt.convert_time_zone(str(scope.zone))
    seconds = pl.col("expected_s").map_elements(words.duration, pl.String, skip_nulls=False)
    return pl.coalesce(end.dt.strftime("ends %H:%M"), seconds).alias("expected")


def of_build(build: Mapping[str, Any], scope: Scope) -> str:
    """Return what was expected of a build in words, empty where nothing was told."""
    asked = {"project": scope.project.id, "build": build["build_id"]}
    row = data.rows(OF_BUILD, **asked).first()
    if not row:
        return ""
    span = f"{_range(row)}, n = {words.number(row['runs'])}"
    end = row["expected_end_at"]
    if end is not None and build["finished_at"] is None:
        return f"ends about {end.astimezone(scope.zone):%H:%M}; {span}"
    return f"expected {words.duration(row['median_s'])} ({span})"


def _range(row: Mapping[str, Any]) -> str:
    return f"{words.duration(row['low_90_s'])} to {words.duration(row['high_90_s'])}"


def _name(row: Mapping[str, Any]) -> str:
    return f"<b>{escape(row['pipeline'])} {row['number']}</b> {escape(words.branch(row['branch']))}"


def _running(row: Mapping[str, Any], scope: Scope) -> str:
    end = row["expected_end_at"]
    if end is None:
        when = f"expected to take {words.duration(row['median_s'])} once it runs"
    elif (overdue := (scope.now - row["started_at"]).total_seconds() - row["high_90_s"]) > 0:
        when = f"expected to end at {_clock(end, scope)}, by now {words.duration(overdue)} over"
    else:
        when = f"expected to end at {_clock(end, scope)}"
    span = f"{_range(row)} in all, n = {words.number(row['runs'])}"
    return theme.entry(row["status"], [f"{_name(row)} {escape(when)}", theme.quiet(escape(span))])


def _clock(at: datetime, scope: Scope) -> str:
    return f"{at.astimezone(scope.zone):%H:%M}"


def _late(row: Mapping[str, Any], scope: Scope) -> str:
    took = f"took <b>{words.duration(row['duration_s'])}</b>"
    expected = f"expected {words.duration(row['median_s'])}, {_range(row)}"
    quiet = (
        f"{expected}; n = {words.number(row['runs'])}, {words.ago(row['started_at'], scope.now)}"
    )
    return theme.entry("degraded", [f"{_name(row)} {took}", theme.quiet(escape(quiet))])
