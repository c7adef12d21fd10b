"""One build: what it built, its stages in time, and the tests that failed in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

BUILD = """
select
    build.build_id, build.pipeline_id, coalesce(pipeline.name, build.pipeline_id) as pipeline,
    build.number, build.attempt, build.branch, build.status, build.is_unstable, build.day,
    build.queued_at, build.started_at, build.finished_at, build.duration_s, build.queue_s,
    build.runner, build.trigger, build.triggered_by, build.url, build.cost_usd, build.commit_sha,
    entry.subject, entry.author_name
from core.builds as build
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
left join core.commits as entry
    on build.commit_sha = entry.sha and build.project_id = entry.project_id
where build.build_id = $build and build.project_id = $project
limit 1
"""
STAGES = """
select ordinal, attempt, name, status, started_at, duration_s
from core.stages
where build_id = $build and project_id = $project and day = $day
order by ordinal, attempt
"""
RESULTS = """
select
    count(*) as attempts,
    count(distinct test_id) as tests,
    count(*) filter (where status = 'skipped') as skipped
from core.test_results
where project_id = $project and build_id = $build and day between $first and $last
"""
FAILED = """
select
    result.test_id, test.class_name, test.name, test.parameters, result.environment,
    count(*) as attempts,
    arg_max(result.status, result.attempt) as final_status,
    sum(result.duration_s) as duration_s,
    any_value(flaky.verdict) as verdict,
    any_value(flaky.probability) as probability,
    arg_max(failure.type, result.attempt) as type,
    arg_max(failure.message, result.attempt) as message
from core.test_results as result
left join core.tests as test on result.test_id = test.test_id
left join core.failures as failure on result.failure_id = failure.failure_id
left join predictions.flaky as flaky
    on result.test_id = flaky.test_id and result.project_id = flaky.project_id
where
    result.project_id = $project and result.build_id = $build
    and result.day between $first and $last
group by result.test_id, test.class_name, test.name, test.parameters, result.environment
having count(*) filter (where result.status in ('failed', 'error')) > 0
order by final_status <> 'passed' desc, probability nulls first, test.name
"""
OUTCOME_WORDS = {
    "queued": "is waiting for a runner",
    "running": "is running",
    "passed": "passed",
    "failed": "failed",
    "error": "ended with an error",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
}


def draw(scope: Scope, build_id: str) -> None:
    """Draw what is known of a build of the project."""
    found = data.rows(BUILD, build=build_id, project=scope.project.id)
    _back()
    if found.is_empty:
        charts.empty(
            "No such build in this project",
            f"{build_id} is not known. It may belong to another project.",
        )
        return
    build = found.first()
    _head(build, found, scope)
    stages = data.rows(STAGES, build=build_id, project=scope.project.id, day=build["day"])
    if not stages.is_empty:
        _stages(stages)
    _tests(scope, build)


def _back() -> None:
    if st.button("All builds", icon=":material/arrow_back:", type="tertiary", key="back"):
        del st.query_params["build"]
        st.rerun()


def _head(build: Mapping[str, Any], found: Rows, scope: Scope) -> None:
    again = f", attempt {build['attempt']}" if build["attempt"] > 1 else ""
    at = words.moment(build["started_at"] or build["queued_at"], scope.zone)
    outcome = "failed its tests" if build["is_unstable"] else OUTCOME_WORDS[build["status"]]
    charts.headline(
        f"{build['pipeline']} {build['number']}{again} {outcome}",
        f"{words.branch(build['branch'])}, {at}, "
        f"started by {build['triggered_by'] or build['trigger'] or 'an unknown trigger'}.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        sha = build["commit_sha"]
        subject = (
            escape(build["subject"] or "not in any repository read here")
            if sha
            else "No commit is known"
        )
        author = (
            f" <span class='gl-quiet'>by {escape(build['author_name'])}</span>"
            if build["author_name"]
            else ""
        )
        mark = f"<span class='gl-mono'>{words.short(sha)}</span> " if sha else ""
        st.html(f"<div class='gl-line'>{mark}{subject}{author}</div>", width="stretch")
        if build["url"]:
            st.link_button(
                "Open where it ran", build["url"], icon=":material/open_in_new:", type="tertiary"
            )
        charts.sql_of(found, title="Build", key="build")
    charts.metrics(
        [
            ("Duration", words.duration(build["duration_s"]), "running"),
            ("Waited", words.duration(build["queue_s"]), "for a runner"),
            ("Cost", words.money(_price(build)), _basis(build)),
            ("Runner", build["runner"] or words.NOTHING, ""),
        ]
    )


def _price(build: Mapping[str, Any]) -> float | None:
    if build["cost_usd"] is not None:
        return float(build["cost_usd"])
    rate = data.rates().usd_per_machine_minute
    return build["duration_s"] / 60 * rate if rate and build["duration_s"] else None


def _basis(build: Mapping[str, Any]) -> str:
    rate = data.rates().usd_per_machine_minute
    return "as reported" if build["cost_usd"] is not None else f"at ${rate:g} a machine minute"


def _stages(stages: Rows) -> None:
    frame = stages.frame.with_columns(
        label=pl.col("name")
        + pl.when(pl.col("attempt") > 1).then(pl.format(" ({})", "attempt")).otherwise(pl.lit("")),
        end_s=pl.col("duration_s").fill_null(0).cum_sum(),
    ).with_columns(start_s=pl.col("end_s") - pl.col("duration_s").fill_null(0))
    began = frame["started_at"].min()
    if frame["started_at"].null_count() == 0:
        offset = (pl.col("started_at") - began).dt.total_milliseconds() / 1000
        frame = frame.with_columns(start_s=offset, end_s=offset + pl.col("duration_s").fill_null(0))
    with charts.figure(
        "Stages",
        stages,
        key="stages",
        note=f"n = {words.plural(frame.height, 'stage')}, seconds since the first",
    ):
        order = frame["label"].to_list()
        chart = (
            alt.Chart(frame)
            .mark_bar(cornerRadius=4, height=16)
            .encode(
                x=alt.X("start_s:Q", title=None, axis=alt.Axis(tickCount=6)),
                x2="end_s:Q",
                y=alt.Y(
                    "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, grid=False)
                ),
                color=charts.status_colour("status"),
                tooltip=[
                    "name:N",
                    "status:N",
                    alt.Tooltip("duration_s:Q", format=".1f", title="seconds"),
                ],
            )
            .properties(height=24 + 28 * frame.height)
        )
        charts.plain(chart, key="stages", alternative="Stages of the build in order of time")
        st.html(
            theme.legend(
                {word: theme.STATUS[word] for word in theme.STATUS if word in set(frame["status"])}
            )
        )


def _tests(scope: Scope, build: Mapping[str, Any]) -> None:
    at = build["started_at"] or build["queued_at"]
    span = {
        "project": scope.project.id,
        "build": build["build_id"],
        "first": (at - timedelta(days=1)).date(),
        "last": ((build["finished_at"] or at) + timedelta(days=1)).date(),
    }
    counts = data.rows(RESULTS, **span).first()
    failed = data.rows(FAILED, **span)
    note = (
        f"n = {words.plural(counts['tests'], 'test')}, "
        f"{words.plural(counts['attempts'], 'attempt')}, {words.number(counts['skipped'])} skipped"
    )
    with charts.figure(
        "Failed tests", failed, key="failed-tests", note=note if counts["tests"] else ""
    ):
        if failed.is_empty:
            text = "No test failed." if counts["tests"] else "No test results came with this build."
            st.html(f"<p class='gl-quiet'>{text}</p>")
            return
        st.html(
            f"<div class='gl-list'>{''.join(_failed(row) for row in failed.dicts()[:50])}</div>"
        )
        names = {
            row["test_id"]: words.test_title(row["name"], row["parameters"])
            for row in failed.dicts()
        }
        with st.container(horizontal=True):
            for test_id, name in list(names.items())[:3]:
                charts.link(name, "tests", icon=":material/history:", test=test_id)


def _failed(row: Mapping[str, Any]) -> str:
    word = "flaky" if row["final_status"] == "passed" else row["final_status"]
    marks = [theme.code(words.test_title(row["name"], row["parameters"]))]
    marks += [theme.status_chip(row["verdict"])] if row["verdict"] not in (None, "healthy") else []
    marks += [theme.quiet("passed on retry")] if row["final_status"] == "passed" else []
    marks += [theme.quiet(escape(row["environment"]))] if row["environment"] else []
    reason = f"<b>{escape(row['type'] or '')}</b> {escape(words.first_line(row['message']))}"
    return theme.entry(
        word, [" ".join(marks), theme.quiet(escape(row["class_name"] or "")), reason]
    )
