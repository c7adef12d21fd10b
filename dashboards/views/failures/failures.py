"""Failures: what goes wrong, grouped by what it says; which are new, back, mended."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, filters, optional, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.failures import _failure

TITLE = "Failures"
ICON = ":material/bug_report:"
SECTION = "Tests"
ORDER = 32
QUESTION = "What goes wrong, is it new, known or back, whom does it concern, what mended it before?"
READS = (
    "marts.failure_signatures",
    "marts.failure_builds",
    "marts.failure_tests",
    "marts.failure_fixes",
    "predictions.flaky",
    "core.commits",
    "core.builds",
    "core.failures",
)
SHOWN = 300
"""Signatures in the table; the rest is in the data behind it."""
FIRST = 6
"""New and returned failures that are told in full."""
STATES = {
    "new": theme.STATUS["failed"],
    "back": theme.VERDICT["flaky"],
    "known": theme.STATUS["cancelled"],
    "mended": theme.STATUS["passed"],
}
MARKS = {"new": "✕ new", "back": "↺ back", "known": "\u2013 known", "mended": "✓ mended"}

SIGNATURES = """
with
days as (
    select unnest(generate_series($first::date, $last::date, interval 1 day))::date as day
),

counts as (
    select signature_id, day, sum(failures)::bigint as failures
    from marts.failure_builds
    where project_id = $project and day between $first and $last
    group by signature_id, day
),

blamed as (
    select concerned.signature_id, verdict.verdict, sum(concerned.failures) as failures
    from marts.failure_tests as concerned
    left join predictions.flaky as verdict
        on
            concerned.project_id = verdict.project_id
            and concerned.test_id = verdict.test_id
    where concerned.project_id = $project
    group by concerned.signature_id, verdict.verdict
),

looks as (
    select signature_id, arg_max(coalesce(verdict, 'unknown'), failures) as verdict
    from blamed
    group by signature_id
),

fixes as (
    select signature_id, max(fixed_at) as fixed_at, arg_max(good_sha, fixed_at) as fixed_by_sha
    from marts.failure_fixes
    where project_id = $project
    group by signature_id
),

listed as (
    select
        failure.*,
        looks.verdict,
        fixes.fixed_at,
        fixes.fixed_by_sha,
        case
            when fixes.fixed_at > failure.last_seen_at then 'mended'
            when failure.is_new then 'new'
            when failure.is_back then 'back'
            else 'known'
        end as state
    from marts.failure_signatures as failure
    left join looks on failure.signature_id = looks.signature_id
    left join fixes on failure.signature_id = fixes.signature_id
    where failure.project_id = $project and failure.last_seen_at >= $first
    order by failure.last_seen_at desc
    limit $shown
),

trends as (
    select listed.signature_id, list(coalesce(counts.failures, 0) order by days.day) as trend
    from listed
    cross join days
    left join counts on listed.signature_id = counts.signature_id and days.day = counts.day
    group by listed.signature_id
)

select
    listed.signature_id, listed.state, listed.type, listed.message, listed.verdict,
    listed.failures, listed.tests, listed.builds, listed.first_seen_at, listed.last_seen_at,
    listed.age_days, listed.first_commit_sha, listed.fixed_at, listed.fixed_by_sha, trends.trend
from listed
inner join trends on listed.signature_id = trends.signature_id
order by
    array_position(['new', 'back', 'known', 'mended'], listed.state),
    listed.last_seen_at desc
"""
CAUSES = """
select
    concerned.signature_id, arg_max(detail.cause, concerned.failures) as cause
from marts.failure_tests as concerned
inner join predictions.flaky_details as detail
    on concerned.project_id = detail.project_id and concerned.test_id = detail.test_id
where concerned.project_id = $project and detail.cause <> 'unknown'
group by concerned.signature_id
"""
BLAMED = """
select sha, any_value(author_name) as author, any_value(subject) as subject
from core.commits
where project_id = $project and sha in (select unnest($shas))
group by sha
"""


def render(scope: Scope) -> None:
    """Draw one failure if the URL names one, else all of them."""
    wanted = charts.focus("failure")
    if wanted:
        _failure.draw(scope, wanted)
        return
    found = data.rows(
        SIGNATURES,
        project=scope.project.id,
        first=scope.first_day,
        last=scope.last_day,
        shown=SHOWN,
    )
    if found.is_empty:
        _none(scope)
        return
    found = _with_causes(found, scope)
    _summary(scope, found)
    _unsettled(scope, found)
    _all(scope, found)


def _with_causes(found: Rows, scope: Scope) -> Rows:
    """Return the failures with what their tests fail of, null where no model tells it."""
    told = optional.rows(CAUSES, "predictions.flaky_details", project=scope.project.id)
    kinds = {"signature_id": pl.Int64, "cause": pl.String}
    causes = told.frame.select(list(kinds)) if told.height else pl.DataFrame(schema=kinds)
    return boards.with_frame(found, found.frame.join(causes, on="signature_id", how="left"))


def _none(scope: Scope) -> None:
    tests = data.rows(
        "select count(*) as tests from marts.test_health where project_id = $project",
        project=scope.project.id,
    )
    if tests.first().get("tests"):
        charts.headline(
            "No test failed", f"{scope.project.name}, {scope.period}. Nothing to group here."
        )
        return
    charts.empty(
        "No test results yet",
        "JUnit reports of any tool fill this page, and so does a Jenkins server.",
        f"golive ingest junit PATH --project {scope.project.id}",
    )


def _summary(scope: Scope, found: Rows) -> None:
    count = {state: found.frame.filter(pl.col("state") == state).height for state in STATES}
    parts = [
        f"{words.plural(count['new'], 'failure is', 'failures are')} new" if count["new"] else "",
        f"{words.number(count['back'])} came back" if count["back"] else "",
    ]
    told = " and ".join(part for part in parts if part)
    total = found.frame.select("failures").sum().item()
    charts.headline(
        told or "No failure is new",
        f"{words.plural(found.height, 'distinct failure')} of {scope.project.name} behind "
        f"{words.plural(total, 'failed attempt')}, {scope.period}.",
    )
    oldest = found.frame.filter(pl.col("state") != "mended").sort("first_seen_at").head(1)
    age = oldest["age_days"].to_list()
    charts.metrics(
        [
            ("New", words.number(count["new"]), "first seen in the newest 3 days"),
            ("Back", words.number(count["back"]), "after a week or more of silence"),
            ("Known", words.number(count["known"]), "still seen, not mended"),
            (
                "Mended",
                words.number(count["mended"]),
                f"oldest open one: {words.plural(age[0], 'day')}" if age else "nothing is open",
            ),
        ]
    )


# ---------------------------------------------------------------- what to look at first


def _unsettled(scope: Scope, found: Rows) -> None:
    first = found.frame.filter(pl.col("state").is_in(["new", "back"])).head(FIRST)
    note = "Bars: failed attempts by day of the period. Counts: the 30 days to the newest result."
    with charts.figure("Look at these first", found, key="unsettled", note=note):
        if first.is_empty():
            st.html(theme.aside("No failure is new, and none came back."))
            return
        shas = first["first_commit_sha"].drop_nulls().to_list()
        blamed = data.rows(BLAMED, project=scope.project.id, shas=shas).dicts()
        authors = {row["sha"]: row for row in blamed}
        for row in first.to_dicts():
            _card(row, authors.get(row["first_commit_sha"], {}), scope)


def _card(row: Mapping[str, Any], commit: Mapping[str, Any], scope: Scope) -> None:
    bars = boards.spark(row["trend"], STATES[row["state"]], "Failed attempts by day")
    title = (
        f"{chip(row['state'])} <b>{escape(row['type'] or 'failure')}</b> "
        f"{escape(words.first_line(row['message'], 120))}"
    )
    facts = [
        f"first seen {words.ago(row['first_seen_at'], scope.now)}",
        f"last {words.ago(row['last_seen_at'], scope.now)}",
        f"{words.plural(row['tests'], 'test')} in {words.plural(row['builds'], 'build')}",
    ]
    html = (
        f"<div class='gl-item'><div><div class='gl-line'>{title}</div>"
        f"<div class='gl-line gl-quiet'>{escape(' · '.join(facts))}</div>"
        f"{since(row, commit)}</div>{bars}</div>"
    )
    with st.container(key=f"failure-{row['signature_id']}", gap=None):
        st.html(html)
        if st.button(
            "Tests, builds and past fixes",
            icon=":material/arrow_forward:",
            type="tertiary",
            key=f"open-{row['signature_id']}",
        ):
            boards.look_at("failure", row["signature_id"])


def chip(state: str) -> str:
    """Return the chip of a state of a failure."""
    symbol, _, word = MARKS[state].partition(" ")
    return theme.chip(word, STATES[state], symbol=symbol)


def since(row: Mapping[str, Any], commit: Mapping[str, Any]) -> str:
    """Return since which commit a failure is seen, if that is known."""
    sha = row["first_commit_sha"]
    if not sha:
        return ""
    what = escape(commit.get("subject") or "not in any repository read here")
    who = f" by {escape(commit['author'])}" if commit.get("author") else ""
    return (
        f"<div class='gl-line'>since {theme.code(words.short(sha))} {what}"
        f"<span class='gl-quiet'>{who}</span></div>"
    )


# ---------------------------------------------------------------- all of them


def _all(scope: Scope, found: Rows) -> None:
    note = (
        f"n = {words.plural(found.height, 'signature')}: failures that differ in numbers, "
        "addresses and paths only are one. Looks like: the verdict on most of its tests. Mended: "
        "its newest test passes since a commit. Select one for its tests, builds and past fixes."
    )
    with charts.figure("All failures", found, key="all-failures", note=note):
        wanted = filters.segments("state", {"all": "all"} | {word: word for word in STATES})
        rows = found.frame.filter(pl.col("state") == wanted) if wanted != "all" else found.frame
        if rows.is_empty():
            st.html(theme.aside(f"None is {wanted}."))
            return
        row = boards.board(_shown(rows, scope), COLUMNS, key="failures-board", most=14)
        if row >= 0:
            boards.look_at("failure", rows["signature_id"][row])


def _shown(rows: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    message = pl.col("message").map_elements(words.first_line, pl.String, skip_nulls=False)
    suspicious = pl.col("verdict").is_in(["flaky", "broken", "infrastructure"])
    return rows.select(
        pl.col("state").replace_strict(MARKS),
        pl.format("{}: {}", pl.col("type").fill_null("failure"), message).alias("failure"),
        "trend",
        "failures",
        "tests",
        "builds",
        pl.when(suspicious)
        .then(boards.marked("verdict"))
        .otherwise(pl.lit(words.NOTHING))
        .alias("verdict")
        + pl.format(", {}", "cause").fill_null(""),
        pl.col("first_seen_at", "last_seen_at").dt.convert_time_zone(str(scope.zone)),
    )


COLUMNS = {
    "state": st.column_config.TextColumn("State", width=85),
    "failure": st.column_config.TextColumn("Failure", width=305),
    "trend": st.column_config.BarChartColumn("By day", width=115, y_min=0, color="#7d8590"),
    "failures": st.column_config.NumberColumn("Attempts", width=75),
    "tests": st.column_config.NumberColumn("Tests", width=60),
    "builds": st.column_config.NumberColumn("Builds", width=60),
    "verdict": st.column_config.TextColumn("Looks like", width=100),
    "first_seen_at": st.column_config.DatetimeColumn("First", format="D MMM", width=70),
    "last_seen_at": st.column_config.DatetimeColumn("Last", format="D MMM, HH:mm", width=105),
}
