"""One test: how sure its verdict is, every attempt by build and branch, and why it failed."""

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

STRIP_BUILDS = 120
STRIP_BRANCHES = 9
SHOWN_REASONS = 8

TEST = """
select
    test.test_id, test.suite, test.class_name, test.name, test.parameters, test.file,
    test.first_seen_at, test.last_seen_at, health.runs, health.passed, health.failed,
    health.skipped,
    health.failure_rate, health.last_at, health.median_duration_s, health.failing_since_at,
    health.failing_since_build_id, health.failing_since_commit_sha, health.failing_since_author,
    health.consecutive_failures, flaky.verdict, flaky.probability, flaky.rate, flaky.rate_low,
    flaky.rate_high, flaky.attempts, flaky.flakes, flaky.reasons, flaky.as_of,
    forecast.probability as next_failure, forecast.low as next_low, forecast.high as next_high
from core.tests as test
left join marts.test_health as health
    on test.test_id = health.test_id and test.project_id = health.project_id
left join predictions.flaky as flaky
    on test.test_id = flaky.test_id and test.project_id = flaky.project_id
left join predictions.next_failure as forecast
    on test.test_id = forecast.test_id and test.project_id = forecast.project_id
where test.project_id = $project and test.test_id = $test
limit 1
"""
HISTORY = """
with
history as (
    select
        result.build_id, result.attempt, result.environment, result.status, result.duration_s,
        result.started_at, result.commit_sha, coalesce(result.branch, '') as branch,
        result.failure_id
    from core.test_results as result
    where
        result.project_id = $project and result.test_id = $test
        and result.day between $first and $last
)

select
    history.build_id, history.attempt, history.environment, history.status, history.duration_s,
    history.started_at, history.commit_sha, history.branch,
    build.number, coalesce(pipeline.name, build.pipeline_id) as pipeline,
    failure.failure_id, failure.signature_id, failure.type
from history
left join core.builds as build on history.build_id = build.build_id
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
left join core.failures as failure on history.failure_id = failure.failure_id
order by history.started_at, history.attempt
"""
TEXTS = """
select failure_id, message, left(details, 20000) as details
from core.failures
where failure_id in (select unnest($failures))
"""


def draw(scope: Scope, wanted: str) -> None:
    """Draw what is known of the test whose id the URL names."""
    _back()
    test_id = int(wanted) if wanted.lstrip("-").isdigit() else 0
    found = data.rows(TEST, project=scope.project.id, test=test_id)
    if found.is_empty:
        charts.empty(
            "No such test in this project",
            "The link may belong to another project, or no report named this test yet.",
        )
        return
    test = found.first()
    _verdict(test, found, scope)
    newest = test["last_seen_at"] or scope.now
    history = data.rows(
        HISTORY,
        project=scope.project.id,
        test=test_id,
        first=(newest - timedelta(days=scope.days)).date(),
        last=newest.date(),
    )
    if history.is_empty:
        return
    _strip(history)
    _durations(history)
    _failures(history, scope)


def _back() -> None:
    if st.button("All tests", icon=":material/arrow_back:", type="tertiary", key="back"):
        del st.query_params["test"]
        st.rerun()


def _verdict(test: Mapping[str, Any], found: Rows, scope: Scope) -> None:
    st.html(
        f"<h1 class='gl-h1'>{theme.code(words.test_title(test['name'], test['parameters']))}</h1>"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        place = " · ".join(escape(part) for part in (test["class_name"], test["file"]) if part)
        chip = (
            theme.status_chip(test["verdict"])
            if test["verdict"]
            else theme.chip("not judged yet", "#9a9aa2")
        )
        st.html(
            f"<div class='gl-line'>{chip} <span class='gl-quiet'>{place}</span></div>",
            width="stretch",
        )
        charts.sql_of(found, title="Test", key="test")
    forecast = words.probability(test["next_failure"])
    charts.metrics(
        [
            (
                "Probability of being flaky",
                words.probability(test["probability"]),
                f"rate {words.interval(test['rate_low'], test['rate_high'])}, 90 %",
            ),
            (
                "Evidence",
                f"{words.number(test['flakes'])} flakes",
                f"in {words.number(test['attempts'])} attempts that can tell",
            ),
            ("Fails next time with", forecast, words.interval(test["next_low"], test["next_high"])),
            (
                "Typical duration",
                words.duration(test["median_duration_s"]),
                f"n = {words.number(test['runs'])} in 30 days",
            ),
        ]
    )
    told: list[str] = test["reasons"] or []
    reasons = [*_failing(test, scope), *(escape(reason) for reason in told)]
    if reasons:
        st.html("<div class='gl-line'>" + "<br>".join(reasons) + "</div>")


def _failing(test: Mapping[str, Any], scope: Scope) -> list[str]:
    if not test["consecutive_failures"]:
        return []
    builds = words.plural(test["consecutive_failures"], "build")
    if test["failing_since_at"] is None:
        return [f"<b>Failing</b> in {builds} on the main line, since before the last 30 days."]
    length = words.span(scope.now - test["failing_since_at"])
    who = f" by {escape(test['failing_since_author'])}" if test["failing_since_author"] else ""
    sha = test["failing_since_commit_sha"]
    commit = f" since <span class='gl-mono'>{words.short(sha)}</span>{who}" if sha else ""
    return [f"<b>Failing</b> for {length}, {builds} in a row on the main line{commit}."]


def _strip(history: Rows) -> None:
    frame = _placed(history.frame)
    builds = frame["build_id"].n_unique()
    note = (
        "One column a build, oldest left; attempts stand under each other. "
        f"n = {words.plural(frame.height, 'attempt')} in {words.plural(builds, 'build')}."
    )
    with charts.figure("History", history, key="strip", note=note):
        chart = (
            alt.Chart(frame)
            .mark_rect(cornerRadius=2)
            .encode(
                x=alt.X("column:O", title=None, axis=None, scale=alt.Scale(paddingInner=0.18)),
                y=alt.Y(
                    "lane:O",
                    title=None,
                    scale=alt.Scale(paddingInner=0.14),
                    axis=alt.Axis(labelExpr="slice(datum.label, 5)", labelLimit=190, grid=False),
                ),
                color=charts.status_colour("status", ("passed", "failed", "error", "skipped")),
                tooltip=[
                    alt.Tooltip("status:N"),
                    alt.Tooltip("branch:N"),
                    alt.Tooltip("attempt:Q"),
                    alt.Tooltip("pipeline:N"),
                    alt.Tooltip("number:Q", title="build"),
                    alt.Tooltip("sha:N", title="commit"),
                    alt.Tooltip("started_at:T", format="%-d %b %Y, %H:%M"),
                    alt.Tooltip("duration_s:Q", title="seconds", format=".3f"),
                    alt.Tooltip("type:N", title="failure"),
                ],
            )
            .properties(height=19 * frame["lane"].n_unique())
        )
        charts.plain(chart, key="strip", alternative="Outcome of every attempt by build and branch")
        st.html(
            theme.legend(
                {
                    word: theme.STATUS[word]
                    for word in ("passed", "failed", "error", "skipped")
                    if word in set(frame["status"])
                }
            )
        )


def _placed(history: pl.DataFrame) -> pl.DataFrame:
    """Return the attempts of the newest builds with column, and lane of branch and attempt.

    A lane reads `00.0 main`: the branches with most attempts first, further attempts below
    without a name; the first five characters order them and are not shown.
    """
    builds = (
        history.group_by("build_id")
        .agg(pl.col("started_at").min())
        .sort("started_at")
        .tail(STRIP_BUILDS)
    )
    numbered = builds.select("build_id").with_row_index("column")
    frame = history.join(numbered, on="build_id").sort("column", "environment", "attempt")
    ranked = (
        frame.group_by("branch")
        .agg(pl.len(), pl.col("column").max())
        .sort("len", "column", descending=True)
    )
    order = ranked.select(
        "branch", place=pl.int_range(pl.len()).clip(upper_bound=STRIP_BRANCHES - 1)
    )
    name = (
        pl.when(pl.col("place") == STRIP_BRANCHES - 1)
        .then(pl.lit("other branches"))
        .otherwise(pl.col("branch").replace("", "no branch named"))
    )
    turn = pl.int_range(pl.len()).over("build_id").clip(upper_bound=9)
    label = pl.when(turn == 0).then(name).otherwise(pl.lit(""))
    return frame.join(order, on="branch").select(
        "build_id",
        "column",
        "status",
        "attempt",
        "pipeline",
        "number",
        "started_at",
        "duration_s",
        "type",
        pl.col("branch"),
        pl.col("commit_sha").str.head(7).alias("sha"),
        pl.format("{}.{} {}", pl.col("place").cast(pl.String).str.zfill(2), turn, label).alias(
            "lane"
        ),
    )


def _durations(history: Rows) -> None:
    frame = history.frame.filter(pl.col("duration_s").is_not_null(), pl.col("status") != "skipped")
    if frame.is_empty():
        return
    with charts.figure(
        "Durations",
        history,
        key="durations",
        note=f"Seconds of each attempt, n = {words.number(frame.height)}",
    ):
        chart = (
            alt.Chart(frame)
            .mark_circle(size=26, opacity=0.75)
            .encode(
                x=alt.X(
                    "started_at:T",
                    title=None,
                    axis=alt.Axis(format="%-d %b", tickCount=6, grid=False),
                ),
                y=alt.Y("duration_s:Q", title=None, axis=alt.Axis(tickCount=4)),
                color=charts.status_colour("status", ("passed", "failed", "error")),
                tooltip=[
                    "status:N",
                    alt.Tooltip("started_at:T", format="%-d %b %Y, %H:%M"),
                    alt.Tooltip("duration_s:Q", format=".3f"),
                    "branch:N",
                ],
            )
            .properties(height=170)
        )
        charts.plain(chart, key="durations", alternative="Duration of every attempt over time")


def _failures(history: Rows, scope: Scope) -> None:
    failed = history.frame.filter(pl.col("status").is_in(["failed", "error"]))
    grouped = (
        failed.group_by("signature_id")
        .agg(
            pl.len().alias("failures"),
            pl.col("build_id").n_unique().alias("builds"),
            pl.col("started_at").max().alias("last_at"),
            pl.col("type").last(),
            pl.col("failure_id").last(),
        )
        .sort("failures", "last_at", descending=True)
        .head(SHOWN_REASONS)
    )
    texts = data.rows(TEXTS, failures=grouped["failure_id"].drop_nulls().to_list())
    with charts.figure("Why it failed", texts, key="why"):
        if grouped.is_empty():
            text = f"It did not fail in the {scope.days} days before its newest result."
            st.html(theme.aside(text))
            return
        told = {row["failure_id"]: row for row in texts.dicts()}
        for row in grouped.to_dicts():
            _reason(row, told.get(row["failure_id"], {}), scope)


def _reason(row: Mapping[str, Any], text: Mapping[str, Any], scope: Scope) -> None:
    title = f"{row['type'] or 'Failure'}: {words.first_line(text.get('message'), 110)}"
    basis = (
        f"{words.plural(row['failures'], 'failure')} in {words.plural(row['builds'], 'build')}, "
        f"last {words.ago(row['last_at'], scope.now)}"
    )
    parts = [part for part in (text.get("message"), text.get("details")) if part]
    with st.expander(f"{_plain(title)}  ·  {basis}"):
        st.code("\n\n".join(parts) or "The report tells nothing more.", language=None)


def _plain(text: str) -> str:
    """Return text that Streamlit does not read as Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>$:#|~" else char for char in text)
