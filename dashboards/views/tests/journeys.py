"""Journeys: browser tests, written as steps or in suites of others, and what each looked like."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.scope import Scope
from dashboards.views.tests import _attempt

TITLE = "Journeys"
ICON = ":material/footprint:"
SECTION = "Tests"
ORDER = 37
QUESTION = "Do the journeys through the application work, and where did one stop?"
READS = ("core.test_results", "core.test_steps", "core.test_artifacts", "core.tests")
STRIP = 14
"""Attempts in the small strip of each journey, the newest on the right."""

JOURNEYS = """
with
journeys as (
    select test_id
    from core.test_steps
    where project_id = $project and action = 'open' and day between $first and $last
    union
    select test_id
    from core.test_artifacts
    where
        project_id = $project and kind in ('screenshot', 'trace', 'video')
        and day between $first and $last
),

attempts as (
    select
        result.test_id, result.environment, result.status, result.duration_s, result.started_at,
        result.attempt, failure.message
    from core.test_results as result
    inner join journeys on result.test_id = journeys.test_id
    left join core.failures as failure on result.failure_id = failure.failure_id
    where result.project_id = $project and result.day between $first and $last
)

select
    attempts.test_id, attempts.environment, test.name, test.suite,
    count(*) as attempts,
    count(*) filter (where attempts.status = 'passed') as passed,
    arg_max(attempts.status, (attempts.started_at, attempts.attempt)) as last_status,
    arg_max(attempts.message, (attempts.started_at, attempts.attempt)) as last_message,
    max(attempts.started_at) as last_at,
    median(attempts.duration_s) as median_s,
    list(attempts.status order by attempts.started_at, attempts.attempt) as statuses
from attempts
inner join core.tests as test on attempts.test_id = test.test_id
group by attempts.test_id, attempts.environment, test.name, test.suite
order by last_status = 'passed', test.suite, test.name, attempts.environment
"""


def render(scope: Scope) -> None:
    """Draw the page, or one journey where the URL names it."""
    if wanted := charts.focus("journey"):
        _attempt.draw(scope, wanted)
        return
    found = data.rows(
        JOURNEYS, project=scope.project.id, first=scope.first_day, last=scope.last_day
    )
    if found.is_empty:
        charts.empty(
            "No journey has run in this period",
            "A journey is a file of a few lines: open a page, click, see. Write one, or record it, "
            "and run it; its film strip, trace and video stand here. So does what a failed test of "
            "Selenium or pytest-playwright showed, run with pytest -p golive.",
            "golive record http://127.0.0.1:8080 --out journey.yaml\n"
            f"golive test run journey.yaml --project {scope.project.id}",
        )
        return
    _headline(found.frame)
    note = "The newest attempt is on the right. Select a journey for its film strip."
    with charts.figure("All journeys", found, key="journeys", note=note):
        row = boards.board(_shown(found.frame, scope), COLUMNS, key="journeys-board", most=20)
        if row >= 0:
            boards.look_at("journey", found.frame["test_id"][row])


def _headline(frame: pl.DataFrame) -> None:
    bad = frame.filter(pl.col("last_status") != "passed")
    if bad.is_empty():
        text = f"{_all(frame.height)} through"
        lead = "The newest attempt of each passed."
    else:
        first = bad.row(0, named=True)
        text = f"{words.plural(bad.height, 'journey')} of {frame.height} did not get through"
        lead = f"{first['name']}: {words.first_line(first['last_message'], 240)}"
    charts.headline(text, lead)


def _all(count: int) -> str:
    return f"All {count} journeys got" if count > 1 else "The journey got"


def _shown(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    marks = pl.element().replace_strict(theme.SYMBOL, default="·")
    return frame.select(
        pl.col("last_status").replace_strict(theme.SYMBOL, default="")
        + " "
        + pl.col("last_status"),
        "name",
        pl.col("statuses").list.tail(STRIP).list.eval(marks).list.join(" ").alias("strip"),
        (pl.col("passed") / pl.col("attempts") * 100).alias("rate"),
        boards.told("median_s"),
        pl.col("last_at")
        .map_elements(lambda at: words.ago(at, scope.now), pl.String)
        .alias("last"),
        "environment",
        "suite",
    )


COLUMNS = {
    "last_status": st.column_config.TextColumn("Last", width=90),
    "name": st.column_config.TextColumn("Journey", width=210),
    "strip": st.column_config.TextColumn("Attempts", width=180),
    "rate": st.column_config.NumberColumn("Passed", format="%.0f %%", width=70),
    "median_s": st.column_config.TextColumn("Takes", alignment="right", width=70),
    "last": st.column_config.TextColumn("Ran", width=150),
    "environment": st.column_config.TextColumn("Browser", width=190),
    "suite": st.column_config.TextColumn("File", width=150),
}
