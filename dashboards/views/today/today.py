"""Today: what broke since which commit, is it new, what did it cost, what to do, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, triage, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.today import _broken, _did

TITLE = "Today"
ICON = ":material/wb_sunny:"
SECTION = "Overview"
ORDER = 10
QUESTION = "What broke, since which commit, is it flaky, what did it cost, what to do next?"
READS = (
    "marts.pipeline_state",
    "marts.build_health_daily",
    "marts.test_health",
    "marts.flaky_tests",
    "marts.failure_signatures",
    "marts.commit_activity_daily",
    "core.test_results",
    "core.builds",
    "core.tests",
    "core.failures",
    "predictions.flaky",
    "ops.audit_log",
    "ops.notifications",
    "ops.quarantine",
    "ops.model_runs",
)
PIPELINES = """
select
    pipeline_id, pipeline_name, branch, is_main_line, last_build_id, last_number, last_status,
    last_at, url, failing_since_at, failing_since_build_id, failing_since_commit_sha,
    failing_since_author, failing_since_subject, failing_builds, last_good_build_id,
    last_good_commit_sha, last_good_at
from marts.pipeline_state
where project_id = $project
order by failing_since_at, pipeline_name
"""
DAYS = """
select
    day, sum(passed)::bigint as passed, sum(failed)::bigint as failed,
    sum(errored)::bigint as error,
    sum(cancelled)::bigint as cancelled, sum(builds)::bigint as builds,
    sum(failed_duration_s) as failed_s, sum(total_duration_s) as total_s, sum(cost_usd) as cost_usd
from marts.build_health_daily
where project_id = $project and day between $first and $last
group by day
order by day
"""
FLAKY = """
select
    test_id, class_name, name, parameters, probability, rate, rate_low, rate_high, attempts, flakes,
    wasted_minutes, cost_usd, last_failed_at
from marts.flaky_tests
where project_id = $project and verdict = 'flaky'
order by rank
"""
COMMITS = """
select sum(commits)::bigint as commits
from marts.commit_activity_daily
where project_id = $project
"""
SIGNATURES = """
select
    signature_id, type, message, failures, tests, builds, first_seen_at, last_seen_at, is_new,
    is_back, example_test_id, first_commit_sha
from marts.failure_signatures
where project_id = $project and (is_new or is_back)
order by is_new desc, builds desc, last_seen_at desc
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    pipelines = data.rows(PIPELINES, project=scope.project.id)
    if pipelines.is_empty:
        _without_builds(scope)
        return
    state = pipelines.frame.filter(pl.col("is_main_line"))
    failing = state.filter(pl.col("last_status").is_in(["failed", "error"])).to_dicts()
    days = data.rows(DAYS, project=scope.project.id, first=scope.first_day, last=scope.last_day)
    flaky = data.rows(FLAKY, project=scope.project.id)
    title = (
        triage.status_sentence(failing, state.height, scope.now)
        if state.height
        else "No build ran on the main line yet"
    )
    charts.headline(title, _lead(scope, pipelines, days))
    _numbers(scope, days, flaky)
    left, right = st.columns([1.55, 1], gap="large")
    with left:
        _broken.now(scope, pipelines, failing)
        _broken.branches(pipelines, scope)
        _new_failures(scope)
    with right:
        _by_day(scope, days)
        _flaky(flaky)
        _did.draw(scope)


def _without_builds(scope: Scope) -> None:
    commits = data.rows(COMMITS, project=scope.project.id).first().get("commits")
    known = f"{words.plural(commits, 'commit')} are in, but no" if commits else "There is no"
    charts.empty(
        "No builds yet",
        f"{known} build or test report of {scope.project.name}. Reports of any CI will do; a "
        "Jenkins server is one [source] in golive.toml.",
        f"golive ingest junit PATH --project {scope.project.id}",
    )


def _lead(scope: Scope, pipelines: Rows, days: Rows) -> str:
    newest = pipelines.frame["last_at"].max()
    builds = int(days.frame["builds"].sum()) if days.height else 0
    shown = words.ago(newest, scope.now)  # pyright: ignore[reportArgumentType] - a column of times
    count = words.plural(builds, "build")
    return f"{scope.project.name}: newest build {shown}, {count} in {scope.period}."


def _numbers(scope: Scope, days: Rows, flaky: Rows) -> None:
    if days.is_empty:
        return
    total = days.frame.sum().row(0, named=True)
    verdicts = total["passed"] + total["failed"] + total["error"]
    share = total["passed"] / verdicts if verdicts else None
    rate = data.rates().usd_per_machine_minute
    wasted = float(flaky.frame["wasted_minutes"].sum()) if flaky.height else 0.0
    usd = total["cost_usd"] or None
    price = (
        usd * total["failed_s"] / total["total_s"]
        if usd and total["total_s"]
        else total["failed_s"] / 60 * rate
    )
    basis = "at the cost that builds report" if usd else f"at ${rate:g} a machine minute"
    charts.metrics(
        [
            (
                "Builds that passed",
                words.percent(share),
                f"of {words.number(verdicts)} with a verdict",
            ),
            ("Time lost to failed builds", words.duration(total["failed_s"]), f"{scope.days} days"),
            ("Cost of that time", words.money(price), basis),
            (
                "Flaky tests",
                words.number(flaky.height),
                f"{words.duration(wasted * 60)} wasted in 30 days",
            ),
        ]
    )


# ---------------------------------------------------------------- the right column


def _by_day(scope: Scope, days: Rows) -> None:
    if days.is_empty:
        return
    shown = ["passed", "failed", "error", "cancelled"]
    total = int(days.frame["builds"].sum())
    with charts.figure(
        "Builds by day",
        days,
        key="builds-by-day",
        note=f"n = {words.plural(total, 'build')}, UTC days, {scope.period}",
    ):
        long = days.frame.unpivot(shown, index="day", variable_name="status", value_name="count")
        order = pl.col("status").replace_strict(
            {word: n for n, word in enumerate(shown)}, return_dtype=pl.Int64
        )
        chart = (
            alt.Chart(long.filter(pl.col("count") > 0).with_columns(order=order))
            .mark_bar(cornerRadius=1.5)
            .encode(
                x=alt.X(
                    "yearmonthdate(day):O",
                    title=None,
                    scale=alt.Scale(domain=charts.all_days(scope.first_day, scope.last_day)),
                    axis=alt.Axis(format="%-d %b", labelOverlap=True, labelAngle=0),
                ),
                y=alt.Y("count:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)),
                color=charts.status_colour("status", shown),
                order=alt.Order("order:Q"),
                tooltip=[
                    alt.Tooltip("day:T", format="%-d %b %Y"),
                    "status:N",
                    alt.Tooltip("count:Q", title="builds"),
                ],
            )
            .properties(height=170)
        )
        charts.plain(chart, key="builds-by-day", alternative="Builds by day and outcome")
        st.html(
            theme.legend(
                {word: theme.STATUS[word] for word in shown if int(days.frame[word].sum())}
            )
        )


def _flaky(flaky: Rows) -> None:
    note = "Flake rate per attempt: posterior mean with its 90 % interval. Wasted time: 30 days"
    with charts.figure(
        "Flaky tests that waste most", flaky, key="flaky-top", note=note if flaky.height else ""
    ):
        if flaky.is_empty:
            st.html("<p class='gl-quiet'>No test is known to be flaky.</p>")
            return
        top = flaky.frame.head(5)
        scale = float(top["rate_high"].max() or 1)  # pyright: ignore[reportArgumentType] - floats
        st.html(theme.listed(_flaky_item(row, scale) for row in top.to_dicts()))
        charts.link(
            f"All {flaky.height}" if flaky.height > 1 else "Look at it",
            "tests",
            icon=":material/arrow_forward:",
        )


def _flaky_item(row: Mapping[str, Any], scale: float) -> str:
    title = theme.code(words.test_title(row["name"], row["parameters"]))
    bar = theme.interval_bar(
        row["rate_low"], row["rate"], row["rate_high"], scale, theme.VERDICT["flaky"]
    )
    return (
        f"<div><div class='gl-item gl-keep'><span class='gl-line'>{title}</span>"
        f"<span class='gl-num'>{words.duration(row['wasted_minutes'] * 60)}</span></div>{bar}"
        f"<div class='gl-item gl-keep gl-quiet' style='font-size:.82rem;margin-top:.25rem'><span>"
        f"{words.percent(row['rate'], digits=1)} "
        f"({words.interval(row['rate_low'], row['rate_high'])})</span>"
        f"<span>{row['flakes']} flakes in {words.number(row['attempts'])}</span></div></div>"
    )


def _new_failures(scope: Scope) -> None:
    found = data.rows(SIGNATURES, project=scope.project.id)
    with charts.figure(
        "New failures",
        found,
        key="new-failures",
        note="New: first seen in the newest 3 days. Back: seen again after a week or more.",
    ):
        if found.is_empty:
            st.html("<p class='gl-quiet'>No failure is new or came back.</p>")
            return
        st.html(theme.listed(_failure_item(row, scope) for row in found.dicts()[:6]))
        charts.link("All failures", "failures", icon=":material/arrow_forward:")


def _failure_item(row: Mapping[str, Any], scope: Scope) -> str:
    word = (
        theme.chip("new", theme.STATUS["failed"])
        if row["is_new"]
        else theme.chip("back", theme.VERDICT["flaky"])
    )
    since = (
        f" since <span class='gl-mono'>{words.short(row['first_commit_sha'])}</span>"
        if row["first_commit_sha"]
        else ""
    )
    return (
        f"<div class='gl-item'><span class='gl-line'>{word} "
        f"<b>{escape(row['type'] or 'failure')}</b> "
        f"{escape(words.first_line(row['message']))}<span class='gl-quiet'>{since}</span></span>"
        f"<span class='gl-quiet'>{words.plural(row['tests'], 'test')}, "
        f"{words.plural(row['builds'], 'build')}, "
        f"{words.ago(row['last_seen_at'], scope.now)}</span></div>"
    )
