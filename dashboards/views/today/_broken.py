"""What is broken on the main line: evidence, cost and next step of each pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, theme, triage, words
from dashboards.data import Rows
from dashboards.scope import Scope

SHOWN_PIPELINES = 12
SHOWN_TESTS = 3
SHOWN_CULPRITS = 3

FAILING_TESTS = """
with
last_attempts as (
    select
        build_id, test_id, environment,
        arg_max(status, attempt) as status,
        arg_max(failure_id, attempt) as failure_id
    from core.test_results
    where
        project_id = $project and day between $first and $last
        and build_id in (select unnest($builds))
    group by build_id, test_id, environment
)

select distinct on (attempt.build_id, attempt.test_id)
    attempt.build_id, attempt.test_id, test.class_name, test.name, test.parameters,
    coalesce(flaky.verdict, 'unknown') as verdict, flaky.probability, flaky.rate_low,
    flaky.rate_high,
    flaky.attempts, flaky.flakes, health.failing_since_commit_sha as since_sha,
    health.failing_since_author as since_author, entry.subject as since_subject
from last_attempts as attempt
left join core.tests as test on attempt.test_id = test.test_id
left join predictions.flaky as flaky
    on attempt.test_id = flaky.test_id and flaky.project_id = $project
left join marts.test_health as health
    on attempt.test_id = health.test_id and health.project_id = $project
left join core.commits as entry
    on health.failing_since_commit_sha = entry.sha and entry.project_id = $project
where attempt.status in ('failed', 'error')
order by attempt.build_id, attempt.test_id
"""
SPENT = """
select
    build.pipeline_id, coalesce(build.branch, '') as branch,
    sum(build.duration_s) as failed_s, sum(build.cost_usd) as cost_usd
from core.builds as build
inner join marts.pipeline_state as state
    on build.pipeline_id = state.pipeline_id and coalesce(build.branch, '') = state.branch
where
    build.project_id = $project and build.status in ('failed', 'error')
    and build.day >= state.failing_since_at::date - 1
    and coalesce(build.started_at, build.queued_at) >= state.failing_since_at
group by all
"""


def now(scope: Scope, pipelines: Rows, failing: Sequence[Mapping[str, Any]]) -> None:
    """Draw the pipelines whose newest build on the main line failed, or that there is none."""
    with charts.figure("Broken now", pipelines, key="broken"):
        shown = [row["last_build_id"] for row in failing]
        charts.narrow(pipelines.frame.filter(pl.col("last_build_id").is_in(shown)))
        if not failing:
            calm = "The newest build of every pipeline on the main line passed."
            title = "<span class='gl-title'>Nothing needs you</span>"
            st.html(theme.entry("passed", [title, theme.quiet(calm)]))
            return
        tests = _failing_tests(scope, failing)
        spent = {
            (row["pipeline_id"], row["branch"]): row
            for row in data.rows(SPENT, project=scope.project.id).dicts()
        }
        for row in failing[:SHOWN_PIPELINES]:
            mine = [test for test in tests if test["build_id"] == row["last_build_id"]]
            _pipeline(scope, row, mine, spent.get((row["pipeline_id"], row["branch"]), {}))
        if len(failing) > SHOWN_PIPELINES:
            more = words.plural(len(failing) - SHOWN_PIPELINES, "more pipeline")
            st.html(theme.aside(f"and {more}; see Builds, or the data behind this list"))


def _failing_tests(scope: Scope, failing: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the tests that the newest failing builds fail, from the days around these builds."""
    times = [row["last_at"] for row in failing if row["last_at"]]
    if not times:
        return []
    return data.rows(
        FAILING_TESTS,
        project=scope.project.id,
        first=(min(times) - timedelta(days=1)).date(),
        last=(max(times) + timedelta(days=1)).date(),
        builds=[row["last_build_id"] for row in failing],
    ).dicts()


def _pipeline(
    scope: Scope,
    row: Mapping[str, Any],
    tests: Sequence[Mapping[str, Any]],
    spent: Mapping[str, Any],
) -> None:
    step = triage.advice(row, tests)
    price = triage.cost(
        spent.get("failed_s"), spent.get("cost_usd"), data.rates().usd_per_machine_minute
    )
    lines = [
        f"<span class='gl-title'>{escape(row['pipeline_name'])}</span> "
        f"{theme.quiet(escape(words.branch(row['branch'])))} {theme.status_chip(step.verdict)}",
        theme.quiet(escape(triage.since(row, scope.now) + (f" · {price}" if price else ""))),
        *(_culprit(culprit) for culprit in triage.culprits(row, tests)[:SHOWN_CULPRITS]),
        *_flakes([test for test in tests if triage.is_flaky(test)]),
        f"<b>Next</b>&ensp;{escape(step.text)}",
    ]
    with st.container(key=f"pipeline-{abs(hash((row['pipeline_id'], row['branch'])))}", gap=None):
        st.html(theme.entry(row["last_status"], lines))
        with st.container(horizontal=True, gap="small", key=f"links-{row['last_build_id']}"):
            charts.link(
                f"Build {row['last_number']}",
                "builds",
                icon=":material/arrow_forward:",
                build=row["last_build_id"],
            )
            if tests:
                charts.link(
                    "Test history", "tests", icon=":material/history:", test=tests[0]["test_id"]
                )


def _culprit(culprit: triage.Culprit) -> str:
    if not culprit.sha:
        return "<span class='gl-quiet'>since a build whose commit is not known</span>"
    who = f" <span class='gl-quiet'>by {escape(culprit.author)}</span>" if culprit.author else ""
    unknown = "<span class='gl-quiet'>not in any repository read here</span>"
    what = escape(culprit.subject) if culprit.subject else unknown
    tests = f"{words.plural(len(culprit.tests), 'test')} broken " if culprit.tests else ""
    line = f"{tests}since {theme.code(words.short(culprit.sha))} {what}{who}"
    if not culprit.tests:
        return line
    named = ", ".join(theme.code(name) for name in culprit.tests[:SHOWN_TESTS])
    more = len(culprit.tests) - SHOWN_TESTS
    return (
        f"{line}<br><span class='gl-quiet'>{named}{f' and {more} more' if more > 0 else ''}</span>"
    )


def _flakes(tests: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_flake(test) for test in tests[:SHOWN_TESTS]]


def _flake(test: Mapping[str, Any]) -> str:
    sure, rate = (
        words.probability(test["probability"]),
        words.interval(test["rate_low"], test["rate_high"]),
    )
    count = words.number(test["attempts"])
    basis = f"is flaky with {sure} probability: {rate} of attempts, n = {count}"
    return f"{theme.code(triage.title(test))} {theme.quiet(escape(basis))}"


def branches(pipelines: Rows, scope: Scope) -> None:
    """Mention the branches that fail apart from the main line: work in progress, not an alarm."""
    recent = scope.now - timedelta(days=scope.days)
    failing = pipelines.frame.filter(
        ~pl.col("is_main_line"),
        pl.col("last_status").is_in(["failed", "error"]),
        pl.col("last_at") >= recent,
    ).sort("last_at", descending=True)
    if failing.is_empty():
        return
    title = f"{words.plural(failing.height, 'other branch', 'other branches')} failing"
    with st.expander(title, icon=":material/alt_route:"):
        st.html(theme.listed(_branch(row, scope) for row in failing.to_dicts()))


def _branch(row: Mapping[str, Any], scope: Scope) -> str:
    who = f", {row['failing_since_author']}" if row["failing_since_author"] else ""
    build = theme.quiet(escape(f"{row['pipeline_name']} {row['last_number']}{who}"))
    at = theme.quiet(words.ago(row["last_at"], scope.now))
    name = escape(row["branch"])
    return f"<div class='gl-item'><span class='gl-line'>{name} {build}</span>{at}</div>"
