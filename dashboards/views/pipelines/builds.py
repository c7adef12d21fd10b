"""Builds: how healthy each pipeline is by day, how long it takes and waits, and the latest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.pipelines import _build, _expected, _slower

TITLE = "Builds"
ICON = ":material/deployed_code:"
SECTION = "Pipelines"
ORDER = 20
QUESTION = "Which pipelines are healthy, how long do they take, what happened in one build?"
READS = (
    "marts.build_health_daily",
    "marts.pipeline_state",
    "core.builds",
    "core.stages",
    "core.commits",
    "core.test_results",
    "core.tests",
    "core.failures",
    "predictions.flaky",
    "predictions.build_duration",
    "predictions.change_points",
)
NEWEST = 200
MATRIX_ROWS = 25

HEALTH = """
select
    pipeline_id, pipeline_name, day, builds, passed, failed, errored, cancelled, running,
    failure_rate, median_duration_s, p95_duration_s, median_queue_s, total_duration_s, cost_usd
from marts.build_health_daily
where project_id = $project and day between $first and $last
order by pipeline_name, day
"""
LATEST = """
select
    build.build_id, pipeline.name as pipeline, build.number, build.attempt, build.branch,
    build.status, coalesce(build.started_at, build.queued_at) as started_at, build.duration_s,
    build.queue_s,
    build.commit_sha, build.trigger, told.median_s as expected_s, told.high_90_s,
    told.expected_end_at
from core.builds as build
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
left join predictions.build_duration as told on build.build_id = told.build_id
where build.project_id = $project and build.day between $first and $last
order by build.queued_at desc
limit $newest
"""


def render(scope: Scope) -> None:
    """Draw one build if the URL names one, else all of them."""
    wanted = charts.focus("build")
    if wanted:
        _build.draw(scope, wanted)
        return
    span = {"project": scope.project.id, "first": scope.first_day, "last": scope.last_day}
    health = data.rows(HEALTH, **span)
    if health.is_empty:
        charts.empty(
            f"No builds in {scope.period}",
            "A Jenkins server or test reports fill this page. Add a source to golive.toml, or load "
            "reports by hand.",
            f"golive ingest junit PATH --project {scope.project.id}",
        )
        return
    _summary(scope, health.frame)
    _expected.running(scope)
    _matrix(scope, health)
    _durations(scope, health)
    _expected.late(scope)
    _slower.draw(scope)
    _latest(scope, data.rows(LATEST, newest=NEWEST, **span))


# ---------------------------------------------------------------- all builds


def _summary(scope: Scope, health: pl.DataFrame) -> None:
    total = health.select(pl.col(pl.Int64, pl.Float64).sum()).row(0, named=True)
    verdicts = total["passed"] + total["failed"] + total["errored"]
    share = total["passed"] / verdicts if verdicts else None
    pipelines = health["pipeline_id"].n_unique()
    charts.headline(
        f"{words.percent(share)} of {words.plural(verdicts, 'build')} passed"
        if verdicts
        else "No build came to a verdict",
        f"{words.plural(pipelines, 'pipeline')} of {scope.project.name}, {scope.period}.",
    )
    busy = health.filter(pl.col("median_duration_s").is_not_null())
    charts.metrics(
        [
            (
                "Typical duration",
                words.duration(_weighted(busy, "median_duration_s")),
                "median of the days, by builds",
            ),
            (
                "Typical wait",
                words.duration(_weighted(busy, "median_queue_s")),
                "before a runner was free",
            ),
            (
                "Machine time",
                words.duration(total["total_duration_s"]),
                f"{words.plural(total['builds'], 'build')}, {_price(total)}",
            ),
            ("Still running", words.number(total["running"]), "or queued"),
        ]
    )


def _price(total: Mapping[str, Any]) -> str:
    """Return what the builds cost: as they report it, else at the rate of the settings."""
    rate = data.rates().usd_per_machine_minute
    if total["cost_usd"]:
        return f"{words.money(total['cost_usd'])} as reported"
    if not rate or not total["total_duration_s"]:
        return "no rate is set"
    return f"{words.money(total['total_duration_s'] / 60 * rate)} at ${rate:g} a minute"


def _weighted(health: pl.DataFrame, column: str) -> float | None:
    """Return the median of a daily median, each day counted by its builds."""
    rows = health.select(column, "builds").drop_nulls().sort(column)
    if rows.is_empty():
        return None
    half = rows["builds"].sum() / 2
    return float(rows.filter(pl.col("builds").cum_sum() >= half)[column][0])


def _matrix(scope: Scope, health: Rows) -> None:
    frame = health.frame.with_columns(outcome=_outcome())
    ranked = (
        frame.group_by("pipeline_name").agg(pl.col("builds").sum()).sort("builds", descending=True)
    )
    names = ranked["pipeline_name"].head(MATRIX_ROWS).to_list()
    hidden = ranked.height - len(names)
    total = words.plural(int(frame["builds"].sum()), "build")
    note = f"Each cell: one UTC day; the number: builds that failed. n = {total}."
    note += f" The {hidden} least used pipelines are not drawn." if hidden else ""
    with charts.figure("Health by pipeline and day", health, key="matrix", note=note):
        charts.plain(
            _cells(frame.filter(pl.col("pipeline_name").is_in(names)), names, scope),
            key="matrix",
            alternative="Outcome of builds by pipeline and day",
        )
        st.html(theme.legend(OUTCOMES))


OUTCOMES = {
    "all passed": theme.STATUS["passed"],
    "some failed": theme.VERDICT["flaky"],
    "all failed": theme.STATUS["failed"],
    "no verdict": theme.STATUS["skipped"],
}


def _outcome() -> pl.Expr:
    bad = pl.col("failed") + pl.col("errored")
    return (
        pl.when(bad + pl.col("passed") == 0)
        .then(pl.lit("no verdict"))
        .when(bad == 0)
        .then(pl.lit("all passed"))
        .when(pl.col("passed") == 0)
        .then(pl.lit("all failed"))
        .otherwise(pl.lit("some failed"))
    )


def _cells(frame: pl.DataFrame, names: list[str], scope: Scope) -> charts.Drawn:
    bad = pl.col("failed") + pl.col("errored")
    base = alt.Chart(
        frame.with_columns(
            bad=bad, label=pl.when(bad > 0).then(bad.cast(pl.String)).otherwise(pl.lit(""))
        )
    ).encode(
        x=alt.X(
            "yearmonthdate(day):O",
            title=None,
            scale=alt.Scale(
                domain=charts.all_days(scope.first_day, scope.last_day), paddingInner=0.14
            ),
            axis=alt.Axis(format="%-d %b", labelOverlap=True, labelAngle=0, grid=False),
        ),
        y=alt.Y(
            "pipeline_name:N",
            title=None,
            sort=names,
            scale=alt.Scale(paddingInner=0.14),
            axis=alt.Axis(labelLimit=220, grid=False),
        ),
    )
    colour = alt.Color(
        "outcome:N",
        scale=alt.Scale(domain=list(OUTCOMES), range=list(OUTCOMES.values())),
        legend=None,
    )
    tooltip = [
        alt.Tooltip("pipeline_name:N", title="pipeline"),
        alt.Tooltip("day:T", format="%-d %b %Y"),
        alt.Tooltip("builds:Q"),
        alt.Tooltip("passed:Q"),
        alt.Tooltip("bad:Q", title="failed"),
        alt.Tooltip("median_duration_s:Q", title="median, s", format=".1f"),
    ]
    cells = base.mark_rect(cornerRadius=4).encode(color=colour, tooltip=tooltip)
    readable = alt.ExprRef("bandwidth('x') < 17 ? 0 : 11")
    numbers = base.mark_text(fontSize=readable, fontWeight=600, color="#ffffff").encode(
        text="label:N", tooltip=tooltip
    )
    return alt.layer(cells, numbers).properties(height=24 + 30 * len(names))


def _durations(scope: Scope, health: Rows) -> None:
    left, right = st.columns(2, gap="large")
    frame = health.frame.filter(pl.col("median_duration_s").is_not_null())
    shares = frame.group_by("pipeline_name").agg(pl.col("total_duration_s").sum())
    names = shares.sort("total_duration_s", descending=True)["pipeline_name"].head(5).to_list()
    top = frame.filter(pl.col("pipeline_name").is_in(names))
    figures = (
        (
            left,
            "Duration",
            "median_duration_s",
            "duration",
            "Median running time of finished builds, minutes",
        ),
        (
            right,
            "Queue",
            "median_queue_s",
            "queue",
            "Median time before a runner was free, minutes",
        ),
    )
    for place, title, column, key, what in figures:
        with (
            place,
            charts.figure(
                title, health, key=key, note=f"{what}. The five pipelines with most machine time."
            ),
        ):
            known = top.filter(pl.col(column).is_not_null())
            if known.is_empty():
                st.html(theme.aside("No source tells this of these builds."))
                continue
            charts.plain(_lines(known, column, names), key=key, alternative=what)
            st.html(theme.legend(dict(zip(names, theme.SERIES, strict=False))))


def _lines(frame: pl.DataFrame, column: str, names: list[str]) -> alt.Chart:
    return (
        alt.Chart(frame.with_columns(minutes=pl.col(column) / 60))
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=1.8)
        .encode(
            x=alt.X("day:T", title=None, axis=alt.Axis(format="%-d %b", tickCount=5, grid=False)),
            y=alt.Y(
                "minutes:Q", title=None, axis=alt.Axis(tickCount=4), scale=alt.Scale(zero=True)
            ),
            color=alt.Color(
                "pipeline_name:N",
                sort=names,
                scale=alt.Scale(domain=names, range=list(theme.SERIES[: len(names)])),
                legend=None,
            ),
            tooltip=[
                "pipeline_name:N",
                alt.Tooltip("day:T", format="%-d %b %Y"),
                alt.Tooltip("minutes:Q", format=".2f"),
                "builds:Q",
            ],
        )
        .properties(height=190)
    )


def _latest(scope: Scope, latest: Rows) -> None:
    builds = words.plural(latest.height, "build")
    note = (
        f"The newest {builds} of {scope.period}. Select one to look into it. Expected: as told "
        "when the build was asked for."
    )
    with charts.figure("Latest builds", latest, key="latest", note=note):
        shown = latest.frame.select(
            boards.marked("status").alias("mark"),
            "pipeline",
            _build_label().alias("build"),
            pl.col("branch").fill_null(words.NOTHING),
            pl.col("started_at").dt.convert_time_zone(str(scope.zone)),
            boards.told("duration_s", "duration"),
            _expected.told(scope),
            boards.told("queue_s", "waited"),
            pl.col("commit_sha").str.head(7).fill_null(words.NOTHING).alias("commit"),
        )
        row = boards.board(shown, LATEST_COLUMNS, key="latest-builds")
        if row >= 0:
            boards.look_at("build", latest.frame["build_id"][row])


LATEST_COLUMNS = {
    "mark": st.column_config.TextColumn("Outcome", width=105),
    "pipeline": st.column_config.TextColumn("Pipeline"),
    "build": st.column_config.TextColumn("Build", width=110),
    "branch": st.column_config.TextColumn("Branch"),
    "started_at": st.column_config.DatetimeColumn("Started", format="D MMM, HH:mm"),
    "duration": st.column_config.TextColumn("Duration", alignment="right"),
    "expected": st.column_config.TextColumn("Expected", alignment="right", width=120),
    "waited": st.column_config.TextColumn("Waited", alignment="right"),
    "commit": st.column_config.TextColumn("Commit", width=80),
}


def _build_label() -> pl.Expr:
    again = (
        pl.when(pl.col("attempt") > 1)
        .then(pl.format(" (attempt {})", "attempt"))
        .otherwise(pl.lit(""))
    )
    return pl.format("{}", "number") + again
