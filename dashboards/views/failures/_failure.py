"""One failure: when it happened, what it says, which tests and builds, what mended it before."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, explain, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

NEWEST_BUILDS = 60
SHOWN_FIXES = 8

FAILURE = """
select
    failure.signature_id, failure.type, failure.message, failure.failures, failure.tests,
    failure.builds, failure.first_seen_at, failure.last_seen_at, failure.age_days,
    failure.is_new, failure.is_back, failure.first_commit_sha, failure.example_failure_id,
    failure.example_build_id, entry.subject, entry.author_name
from marts.failure_signatures as failure
left join core.commits as entry
    on failure.first_commit_sha = entry.sha and failure.project_id = entry.project_id
where failure.project_id = $project and failure.signature_id = $signature
limit 1
"""
BUILDS = """
select
    build.build_id, coalesce(pipeline.name, build.pipeline_id) as pipeline, build.number,
    build.attempt, coalesce(build.branch, '') as branch, build.status, seen.day, seen.started_at,
    seen.failures, seen.tests, build.commit_sha, main_branch.branch is not null as is_main
from marts.failure_builds as seen
inner join core.builds as build
    on seen.build_id = build.build_id and seen.project_id = build.project_id
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
left join marts.main_branches as main_branch
    on build.project_id = main_branch.project_id and build.branch = main_branch.branch
where
    seen.project_id = $project and seen.signature_id = $signature
    and seen.day between $first and $last and build.day between $first::date - 1 and $last
order by seen.started_at desc
"""
TESTS = """
select
    concerned.test_id, test.class_name, test.name, test.parameters, concerned.failures,
    concerned.builds, concerned.share_of_test, concerned.last_at, verdict.verdict,
    verdict.probability
from marts.failure_tests as concerned
left join core.tests as test on concerned.test_id = test.test_id
left join predictions.flaky as verdict
    on concerned.test_id = verdict.test_id and concerned.project_id = verdict.project_id
where concerned.project_id = $project and concerned.signature_id = $signature
order by concerned.failures desc, test.name
limit 200
"""
FIXES = """
with
firsts as (
    select *
    from marts.failure_fixes
    where project_id = $project and signature_id = $signature
    qualify row_number() over (partition by test_id, bad_sha order by fixed_at) = 1
)

select
    fix.good_sha, any_value(fix.bad_sha) as bad_sha, max(fix.fixed_at) as fixed_at,
    count(distinct fix.test_id) as tests, max(fix.failing_builds) as failing_builds,
    min(fix.failing_since_at) as failing_since_at, any_value(fix.good_build_id) as good_build_id,
    any_value(entry.subject) as subject, any_value(entry.author_name) as author
from firsts as fix
left join core.commits as entry
    on fix.good_sha = entry.sha and fix.project_id = entry.project_id
group by fix.good_sha
order by fixed_at desc
limit $shown
"""
TEXT = """
select failure_id, message, left(details, 20000) as details
from core.failures
where failure_id = $failure
"""


def draw(scope: Scope, wanted: str) -> None:
    """Draw what is known of the failure whose signature the URL names."""
    boards.back("All failures", "failure")
    signature = int(wanted) if wanted.lstrip("-").isdigit() else 0
    asked = {"project": scope.project.id, "signature": signature}
    found = data.rows(FAILURE, **asked)
    if found.is_empty:
        charts.empty(
            "No such failure in the last 30 days",
            "It may be older, or the link belongs to another project.",
        )
        return
    row = found.first()
    fixes = data.rows(FIXES, shown=SHOWN_FIXES, **asked)
    _head(row, found, fixes, scope)
    explain.draw(scope, str(signature))
    builds = data.rows(BUILDS, first=scope.first_day, last=scope.last_day, **asked)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _by_day(builds, scope)
    with right:
        _fixes(fixes, scope)
    _text(data.rows(TEXT, failure=row["example_failure_id"]))
    _tests(data.rows(TESTS, **asked), scope)
    _builds(builds, scope)


def _state(row: Mapping[str, Any], fixes: Rows) -> str:
    fixed_at = fixes.first().get("fixed_at")
    if fixed_at and fixed_at > row["last_seen_at"]:
        return "is mended"
    return "is new" if row["is_new"] else "is back" if row["is_back"] else "is known and open"


def _head(row: Mapping[str, Any], found: Rows, fixes: Rows, scope: Scope) -> None:
    charts.headline(
        f"{row['type'] or 'This failure'} {_state(row, fixes)}", words.first_line(row["message"])
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        sha = row["first_commit_sha"]
        who = f" by {row['author_name']}" if row["author_name"] else ""
        what = row["subject"] or "not in any repository read here"
        since = (
            f"since {theme.code(words.short(sha))} {escape(what)} {theme.quiet(escape(who))}"
            if sha
            else theme.quiet("The commit of its first appearance is not known.")
        )
        st.html(f"<div class='gl-line'>{since}</div>", width="stretch")
        charts.sql_of(found, title="Failure", key="failure")
    first, last = (
        words.moment(row[name], scope.zone) for name in ("first_seen_at", "last_seen_at")
    )
    charts.metrics(
        [
            ("Age", words.plural(row["age_days"], "day"), f"first seen {first}"),
            ("Failed attempts", words.number(row["failures"]), f"30 days, last {last}"),
            ("Tests", words.number(row["tests"]), "that failed with it"),
            ("Builds", words.number(row["builds"]), "that it was seen in"),
        ]
    )


def _by_day(builds: Rows, scope: Scope) -> None:
    note = f"Failed attempts by UTC day, {scope.period}, n = {words.plural(builds.height, 'build')}"
    with charts.figure("How often", builds, key="by-day", note=note):
        if builds.is_empty:
            st.html(theme.aside(f"Not seen in {scope.period}."))
            return
        where = pl.when(pl.col("is_main")).then(pl.lit("main line")).otherwise(pl.lit("branches"))
        days = builds.frame.group_by("day", where.alias("where")).agg(pl.col("failures").sum())
        tones = {"main line": theme.STATUS["failed"], "branches": theme.VERDICT["flaky"]}
        chart = (
            alt.Chart(days)
            .mark_bar(cornerRadius=1.5)
            .encode(
                x=alt.X(
                    "yearmonthdate(day):T",
                    title=None,
                    scale=alt.Scale(domain=[str(scope.first_day), str(scope.last_day)]),
                    axis=alt.Axis(format="%-d %b", tickCount=5, grid=False),
                ),
                y=alt.Y("failures:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)),
                color=alt.Color(
                    "where:N",
                    scale=alt.Scale(domain=list(tones), range=list(tones.values())),
                    legend=None,
                ),
                tooltip=[alt.Tooltip("day:T", format="%-d %b %Y"), "where:N", "failures:Q"],
            )
            .properties(height=170)
        )
        charts.plain(chart, key="by-day", alternative="Failed attempts by day")
        st.html(theme.legend(tones))


def _fixes(fixes: Rows, scope: Scope) -> None:
    note = (
        "The first commit of the main line on which its tests passed again after two failed "
        "attempts or more, none of them contradicted by a pass on the same commit."
    )
    with charts.figure("What ended it before", fixes, key="fixes", note=note):
        if fixes.is_empty:
            st.html(theme.aside("No commit has ended it on the main line so far."))
            return
        st.html(theme.listed(_fix(row, scope) for row in fixes.dicts()))


def _fix(row: Mapping[str, Any], scope: Scope) -> str:
    subject = escape(row["subject"] or "not in any repository read here")
    who = theme.quiet(escape(f"by {row['author']}")) if row["author"] else ""
    basis = (
        f"{words.ago(row['fixed_at'], scope.now)}, {words.plural(row['tests'], 'test')} pass again "
        f"after {words.plural(row['failing_builds'], 'failing build')}"
    )
    between = f"git log {words.short(row['bad_sha'])}..{words.short(row['good_sha'])}"
    return theme.entry(
        "passed",
        [
            f"{theme.code(words.short(row['good_sha']))} {subject} {who}",
            theme.quiet(escape(basis)),
            theme.quiet(theme.code(between)),
        ],
    )


def _text(text: Rows) -> None:
    with charts.figure("What it says", text, key="text", note="Its newest occurrence."):
        row = text.first()
        parts = [part for part in (row.get("message"), row.get("details")) if part]
        st.code("\n\n".join(parts) or "The report tells nothing more.", language=None)


def _tests(tests: Rows, scope: Scope) -> None:
    note = (
        f"n = {words.plural(tests.height, 'test')}, 30 days. Share: part of the test's failed "
        "attempts that say this. Select a test for its history."
    )
    with charts.figure("Tests that fail with it", tests, key="failure-tests", note=note):
        shown = tests.frame.select(
            boards.test_title(),
            "class_name",
            pl.when(pl.col("verdict").is_null())
            .then(pl.lit(words.NOTHING))
            .otherwise(boards.marked("verdict"))
            .alias("verdict"),
            (pl.col("probability") * 100).clip(0.1, 99.9),
            "failures",
            "builds",
            "share_of_test",
            pl.col("last_at").dt.convert_time_zone(str(scope.zone)),
        )
        row = boards.board(shown, TEST_COLUMNS, key="failure-tests-board", most=8)
        if row >= 0:
            boards.go("tests", test=tests.frame["test_id"][row])


def _builds(builds: Rows, scope: Scope) -> None:
    note = f"The newest of {scope.period}, newest first. Select one to look into it."
    with charts.figure("Builds", builds, key="failure-builds", note=note):
        if builds.is_empty:
            st.html(theme.aside(f"Not seen in {scope.period}."))
            return
        rows = builds.frame.head(NEWEST_BUILDS)
        shown = rows.select(
            boards.marked("status"),
            pl.format("{} {}", "pipeline", "number").alias("build"),
            pl.col("branch").replace("", words.NOTHING),
            pl.col("commit_sha").str.head(7).fill_null(words.NOTHING),
            "failures",
            "tests",
            pl.col("started_at").dt.convert_time_zone(str(scope.zone)),
        )
        row = boards.board(shown, BUILD_COLUMNS, key="failure-builds-board", most=8)
        if row >= 0:
            boards.go("builds", build=rows["build_id"][row])


TEST_COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=330),
    "class_name": st.column_config.TextColumn("Class", width=220),
    "verdict": st.column_config.TextColumn("Verdict", width=110),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=115
    ),
    "failures": st.column_config.NumberColumn("Attempts", width=75),
    "builds": st.column_config.NumberColumn("Builds", width=60),
    "share_of_test": st.column_config.NumberColumn("Share", format="percent", width=70),
    "last_at": st.column_config.DatetimeColumn("Last", format="D MMM, HH:mm", width=105),
}
BUILD_COLUMNS = {
    "status": st.column_config.TextColumn("Outcome", width=105),
    "build": st.column_config.TextColumn("Build", width=150),
    "branch": st.column_config.TextColumn("Branch", width=220),
    "commit_sha": st.column_config.TextColumn("Commit", width=80),
    "failures": st.column_config.NumberColumn("Failed attempts", width=110),
    "tests": st.column_config.NumberColumn("Tests", width=60),
    "started_at": st.column_config.DatetimeColumn("Seen", format="D MMM, HH:mm", width=110),
}
