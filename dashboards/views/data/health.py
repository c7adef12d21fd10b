"""Data health: is what the other pages say fresh and sound, and what to mend where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Data health"
ICON = ":material/monitor_heart:"
SECTION = "Data"
ORDER = 90
QUESTION = "How fresh and how sound is the data, and what is to be mended?"
READS = ("marts.source_freshness", "ops.source_health", "ops.check_results", "ops.quarantine")
NEEDS_PROJECT = False
SIZES_SHOWN = 14
USD_PER_GB_MONTH = 0.023
"""Standard storage of the large clouds, list price of the first terabytes."""
LOW_SHARE = 0.1
"""Part of a quota below which little is left."""

SOURCES = """
select
    instance, source, project_id, status, checked_at, succeeded_at, newest_at, requests, rows_new,
    quota_limit, quota_remaining, quota_resets_at, pause_ends_at, error, hint
from ops.source_health
order by status = 'ok', instance
"""
COUNTED = "select instance, core_rows, quarantined from marts.source_freshness order by instance"
CHECKS = """
select
    day, table_name,
    count(*) as checks,
    count(*) filter (where not passed and severity = 'error') as errors,
    count(*) filter (where not passed and severity <> 'error') as warnings,
    max(rows_checked) as rows_checked
from ops.check_results
where day > (select max(day) from ops.check_results) - $days
group by day, table_name
order by day, table_name
"""
BROKEN_CHECKS = """
select
    result.at, result.table_name, result.expectation, result.column_name, result.severity,
    result.observed, result.rows_checked, result.rows_failed
from ops.check_results as result
where not result.passed and result.day > (select max(day) from ops.check_results) - $days
order by result.at desc
limit 100
"""
KEPT_OUT = """
select
    kept.table_name, kept.instance, kept.stream, kept.reason, count(*) as kept_out,
    max(kept.at) as last_at, arg_max(kept.uri, kept.at) as example
from ops.quarantine as kept
group by kept.table_name, kept.instance, kept.stream, kept.reason
order by last_at desc
limit 100
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    sources = data.rows(SOURCES)
    _summary(sources, scope)
    _sources(sources, scope)
    _checks(scope)
    _quarantine(scope)
    _sizes()


def _summary(sources: Rows, scope: Scope) -> None:
    if sources.is_empty:
        charts.headline(
            "No source has been asked yet",
            "Simulated projects and loaded files have no source to ask.",
        )
        return
    ill = sources.frame.filter(~pl.col("status").is_in(["ok", "paused"])).height
    paused = sources.frame.filter(pl.col("status") == "paused").height
    good = "Every source answers" if sources.height > 1 else "The source answers"
    if paused:
        good = f"{words.plural(paused, 'source is', 'sources are')} paused, nothing is to be mended"
    checked = sources.frame["checked_at"].max()
    charts.headline(
        f"{words.plural(ill, 'source needs', 'sources need')} mending" if ill else good,
        f"{words.plural(sources.height, 'source')}, last asked {words.ago(checked, scope.now)}.",  # pyright: ignore[reportArgumentType] - a column of times
    )


def _sources(sources: Rows, scope: Scope) -> None:
    with charts.figure(
        "Sources",
        sources,
        key="sources",
        note=""
        if sources.is_empty
        else "What is left of a quota is as of the last visit; golive status tells it as of now.",
    ):
        if sources.is_empty:
            charts.empty(
                "No sources",
                "Name one in golive.toml, or let GoLive look around in a repository.",
                "golive init",
            )
            return
        counted = {row["instance"]: row for row in data.rows(COUNTED).dicts()}
        items = (_source(row, counted.get(row["instance"], {}), scope) for row in sources.dicts())
        st.html(f"<div class='gl-list' style='row-gap:1.1rem'>{''.join(items)}</div>")


def _source(row: Mapping[str, Any], counted: Mapping[str, Any], scope: Scope) -> str:
    out = counted.get("quarantined") or 0
    kind = f"{row['source']}, project {row['project_id']}"
    newest = row["newest_at"]
    facts = [
        f"asked {words.ago(row['checked_at'], scope.now)}",
        f"last success {words.ago(row['succeeded_at'], scope.now)}",
        f"lag {words.span(scope.now - newest)} (newest event)" if newest else "no event yet",
        f"{words.plural(counted['core_rows'], 'commit or build', 'commits and builds')}"
        if counted.get("core_rows")
        else "",
        f"{words.plural(out, 'row')} kept out" if out else "",
    ]
    lines = [
        f"<span class='gl-title'>{escape(row['instance'])}</span> {theme.quiet(escape(kind))} "
        f"{theme.status_chip(row['status'])}",
        theme.quiet(" · ".join(fact for fact in facts if fact)),
    ]
    lines += _limits(row, scope)
    lines += [_error(row)] if row["error"] else []
    lines += [f"<b>Next:</b> {escape(row['hint'])}"] if row["hint"] else []
    return theme.entry(row["status"], lines)


def _error(row: Mapping[str, Any]) -> str:
    """Return the last error; that a source is paused is no reason to shout."""
    said = escape(words.first_line(row["error"], 300))
    return theme.quiet(said) if row["status"] == "paused" else f"<b>{said}</b>"


def _limits(row: Mapping[str, Any], scope: Scope) -> list[str]:
    """Return what the server lets us ask: until when nothing, and what is left of the quota."""
    until, ends = row["pause_ends_at"], row["quota_resets_at"]
    lines: list[str] = []
    if until and until > scope.now:
        left = words.span(until - scope.now)
        lines.append(f"<b>Paused</b> until {words.moment(until, scope.zone)}, in {left}.")
    remaining, limit = row["quota_remaining"], row["quota_limit"]
    if remaining is None or not limit or (ends and ends <= scope.now):
        return lines
    share = remaining / limit
    told = f"{words.number(remaining)} of {words.number(limit)} requests left"
    again = f", full again in {words.span(ends - scope.now)}" if ends else ""
    tone = theme.HEALTH["degraded" if share < LOW_SHARE else "ok"]
    return [*lines, theme.quiet(told + again) + theme.meter(share, tone, told)]


def _checks(scope: Scope) -> None:
    checks = data.rows(CHECKS, days=scope.days)
    note = (
        "Great Expectations on the rows that each run brought. "
        "An error stops the marts of that table; a warning does not."
    )
    with charts.figure("Checks", checks, key="checks", note=note):
        if checks.is_empty:
            st.html(theme.aside("No check has run yet. They run with the assets: golive run"))
            return
        charts.plain(
            _check_cells(checks.frame),
            key="checks",
            alternative="Outcome of checks by table and day",
        )
        st.html(theme.legend(CHECK_COLOURS))
    broken = data.rows(BROKEN_CHECKS, days=scope.days)
    if not broken.is_empty:
        _broken_checks(broken, scope)


CHECK_COLOURS = {
    "all hold": theme.HEALTH["ok"],
    "warnings": theme.HEALTH["degraded"],
    "errors": theme.HEALTH["failed"],
}


def _check_cells(frame: pl.DataFrame) -> alt.Chart:
    outcome = (
        pl.when(pl.col("errors") > 0)
        .then(pl.lit("errors"))
        .when(pl.col("warnings") > 0)
        .then(pl.lit("warnings"))
        .otherwise(pl.lit("all hold"))
    )
    colour = alt.Color(
        "outcome:N",
        scale=alt.Scale(domain=list(CHECK_COLOURS), range=list(CHECK_COLOURS.values())),
        legend=None,
    )
    return (
        alt.Chart(frame.with_columns(outcome=outcome))
        .mark_rect(cornerRadius=4)
        .encode(
            x=alt.X(
                "yearmonthdate(day):O",
                title=None,
                scale=alt.Scale(paddingInner=0.14),
                axis=alt.Axis(format="%-d %b", labelOverlap=True, labelAngle=0),
            ),
            y=alt.Y(
                "table_name:N",
                title=None,
                scale=alt.Scale(paddingInner=0.14),
                axis=alt.Axis(labelLimit=240),
            ),
            color=colour,
            tooltip=[
                "table_name:N",
                alt.Tooltip("day:T", format="%-d %b %Y"),
                "checks:Q",
                "errors:Q",
                "warnings:Q",
                alt.Tooltip("rows_checked:Q", title="rows", format=","),
            ],
        )
        .properties(height=24 + 30 * frame["table_name"].n_unique())
    )


def _broken_checks(broken: Rows, scope: Scope) -> None:
    with charts.figure(
        "Checks that did not hold",
        broken,
        key="broken-checks",
        note=f"n = {broken.height}, {scope.days} days, newest first",
    ):
        st.dataframe(
            broken.frame.with_columns(pl.col("at").dt.convert_time_zone(str(scope.zone))),
            hide_index=True,
            height=charts.table_height(broken.height),
            column_config={
                "at": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm", width=110),
                "table_name": "Table",
                "expectation": st.column_config.TextColumn("Expectation", width=300),
                "column_name": "Column",
                "severity": st.column_config.TextColumn("Severity", width=80),
                "observed": "Seen",
                "rows_checked": st.column_config.NumberColumn("Rows", format="localized"),
                "rows_failed": st.column_config.NumberColumn("Broken rows", format="localized"),
            },
        )


def _quarantine(scope: Scope) -> None:
    found = data.rows(KEPT_OUT)
    with charts.figure(
        "Kept out",
        found,
        key="kept-out",
        note=""
        if found.is_empty
        else "Rows and files that broke a rule. Once they are mended, golive ingest takes them in.",
    ):
        if found.is_empty:
            st.html("<p class='gl-quiet'>No row and no file had to be kept out.</p>")
            return
        st.dataframe(
            found.frame.with_columns(pl.col("last_at").dt.convert_time_zone(str(scope.zone))),
            hide_index=True,
            height=charts.table_height(found.height),
            column_config={
                "table_name": "Meant for",
                "instance": "Source",
                "stream": "Stream",
                "reason": st.column_config.TextColumn("Reason", width=300),
                "kept_out": st.column_config.NumberColumn("Rows"),
                "last_at": st.column_config.DatetimeColumn("Last", format="D MMM, HH:mm"),
                "example": st.column_config.TextColumn("Example", width=260),
            },
        )


def _sizes() -> None:
    sizes = data.table_sizes()
    if not sizes:
        return
    frame = pl.DataFrame(
        [(size.table, size.rows, size.files, size.size_bytes) for size in sizes],
        schema={"table": pl.String, "rows": pl.Int64, "files": pl.Int64, "size_bytes": pl.Int64},
        orient="row",
    )
    rows = Rows(
        frame,
        "-- Sizes are of the files in .golive/lake, older versions included.\nshow all tables",
    )
    total = words.size(float(frame["size_bytes"].sum()))
    files = words.plural(int(frame["files"].sum()), "file")
    monthly = words.money(float(frame["size_bytes"].sum()) / 1e9 * USD_PER_GB_MONTH)
    note = (
        f"{total} in {files}, older versions included; {monthly} a month at "
        f"${USD_PER_GB_MONTH:g} a gigabyte, what object stores ask. Rows are those of the newest "
        "version."
    )
    with charts.figure("Size of the lake", rows, key="sizes", note=note):
        top = frame.head(SIZES_SHOWN).with_columns(
            label=pl.col("size_bytes").map_elements(words.size, pl.String)
        )
        charts.plain(_size_bars(top), key="sizes", alternative="Size on disk by table")
    st.link_button(
        "Lineage and runs in Dagster",
        f"{data.dagster_url()}/asset-groups",
        icon=":material/account_tree:",
        type="tertiary",
    )


def _size_bars(top: pl.DataFrame) -> charts.Drawn:
    base = alt.Chart(top).encode(
        y=alt.Y("table:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, grid=False)),
        x=alt.X(
            "size_bytes:Q",
            title=None,
            axis=None,
            scale=alt.Scale(domainMax=1.2 * max(top["size_bytes"].to_list(), default=1)),
        ),
        tooltip=[
            "table:N",
            alt.Tooltip("label:N", title="size"),
            alt.Tooltip("rows:Q", format=","),
            alt.Tooltip("files:Q", format=","),
        ],
    )
    bars = base.mark_bar(cornerRadius=4, height=14, color=theme.SERIES[0], opacity=0.85)
    text = base.mark_text(align="left", dx=7, fontSize=12, color=boards.TEXT).encode(text="label:N")
    return alt.layer(bars, text).properties(height=26 * top.height)
