"""REST checks: what servers answered to the checks of a project, how fast, and what was wrong."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.scope import Scope
from dashboards.views.tests import _check

TITLE = "REST checks"
ICON = ":material/api:"
SECTION = "Tests"
ORDER = 38
QUESTION = "Do the servers answer as they should, how fast, and what was wrong where they do not?"
READS = ("core.test_results", "core.test_steps", "core.test_artifacts", "core.tests")
STRIP = 8
"""Attempts in the small strip of each check, the newest on the right."""
TREND = 40
"""Answers in the line of each check, the newest on the right."""

CHECKS = """
with
answers as (
    select
        test_id, environment, build_id, attempt, ordinal, started_at, 1000 * duration_s as took_ms
    from core.test_steps
    where
        project_id = $project and day between $first and $last and status <> 'skipped'
        and action in ('get', 'post', 'put', 'patch', 'delete', 'head', 'options')
),

times as (
    select
        test_id, environment, count(*) as answers,
        quantile_cont(took_ms, 0.5) as p50_ms, quantile_cont(took_ms, 0.95) as p95_ms,
        list(round(took_ms, 2) order by started_at, attempt, ordinal) as trend_ms
    from answers
    group by test_id, environment
),

attempts as (
    select
        result.test_id, result.environment, count(*) as attempts,
        count(*) filter (where result.status = 'passed') as passed,
        arg_max(result.status, (result.started_at, result.attempt)) as last_status,
        arg_max(failure.message, (result.started_at, result.attempt)) as last_message,
        max(result.started_at) as last_at,
        list(result.status order by result.started_at, result.attempt) as statuses
    from core.test_results as result
    left join core.failures as failure on result.failure_id = failure.failure_id
    where result.project_id = $project and result.day between $first and $last
    group by result.test_id, result.environment
)

select
    attempts.test_id, test.name, test.parameters, test.suite, attempts.environment,
    attempts.attempts, attempts.passed, attempts.last_status, attempts.last_message,
    attempts.last_at, attempts.statuses, times.answers, times.p50_ms, times.p95_ms, times.trend_ms
from attempts
inner join times on attempts.test_id = times.test_id and attempts.environment = times.environment
inner join core.tests as test on attempts.test_id = test.test_id
order by attempts.last_status = 'passed', test.suite, test.name, test.parameters
"""


def render(scope: Scope) -> None:
    """Draw the page, or one check where the URL names it."""
    if wanted := charts.focus("check"):
        _check.draw(scope, wanted)
        return
    found = data.rows(CHECKS, project=scope.project.id, first=scope.first_day, last=scope.last_day)
    if found.is_empty:
        charts.empty(
            "No REST check has run in this period",
            "A check is a file of a few lines: what is asked, and what has to be answered. An "
            "OpenAPI description makes one for every operation.",
            f"golive test run checks/ --project {scope.project.id}",
        )
        return
    _headline(found.frame)
    count = words.plural(int(found.frame["answers"].sum()), "answer")
    note = charts.basis(count, "milliseconds until the whole answer was there",
                        "The newest is on the right. Select a check for its requests")  # fmt: skip
    with charts.figure("All checks", found, key="checks", note=note):
        row = boards.board(_shown(found.frame, scope), COLUMNS, key="checks-board", most=20)
        if row >= 0:
            boards.look_at("check", found.frame["test_id"][row])


def _headline(frame: pl.DataFrame) -> None:
    bad = frame.filter(pl.col("last_status") != "passed")
    slow = frame.sort("p95_ms").row(-1, named=True)
    if bad.is_empty():
        text = f"{_all(frame.height)} passed"
        lead = f"The slowest is {_name(slow)}: 95 % of its answers within {slow['p95_ms']:,.0f} ms."
    else:
        first = bad.row(0, named=True)
        text = f"{words.plural(bad.height, 'check')} of {frame.height} did not pass"
        lead = f"{_name(first)}: {words.first_line(first['last_message'], 240)}"
    charts.headline(text, lead)


def _all(count: int) -> str:
    return f"All {count} checks" if count > 1 else "The check"


def _name(row: dict[str, str]) -> str:
    return words.test_title(row["name"], row["parameters"])


def _shown(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    marks = pl.element().replace_strict(theme.SYMBOL, default="·")
    return frame.select(
        boards.marked("last_status"),
        boards.test_title(),
        pl.col("statuses").list.tail(STRIP).list.eval(marks).list.join(" ").alias("strip"),
        (pl.col("passed") / pl.col("attempts") * 100).alias("rate"),
        "p50_ms",
        "p95_ms",
        pl.col("trend_ms").list.tail(TREND),
        pl.col("last_at")
        .map_elements(lambda at: words.ago(at, scope.now), pl.String)
        .alias("last"),
        "suite",
        "environment",
    )


COLUMNS = {
    "last_status": st.column_config.TextColumn("Last", width=80),
    "test": st.column_config.TextColumn("Check", width=220),
    "strip": st.column_config.TextColumn("Attempts", width=140),
    "rate": st.column_config.NumberColumn("Passed", format="%.0f %%", width=70),
    "p50_ms": st.column_config.NumberColumn("Median", format="%.0f ms", width=75),
    "p95_ms": st.column_config.NumberColumn("95 %", format="%.0f ms", width=75),
    "trend_ms": st.column_config.LineChartColumn("Answers", y_min=0, width=130),
    "last": st.column_config.TextColumn("Ran", width=150),
    "suite": st.column_config.TextColumn("File", width=130),
    "environment": st.column_config.TextColumn("Over", width=110),
}
