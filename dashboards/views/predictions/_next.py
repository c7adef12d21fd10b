"""Which tests will fail next: the forecast of every test, and what it comes to for one build."""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

LISTED = 100
NEXT = """
select
    forecast.test_id, health.name, health.parameters, health.class_name, forecast.probability,
    forecast.low, forecast.high, forecast.reasons, health.last_status, verdict.verdict,
    forecast.as_of
from predictions.next_failure as forecast
inner join marts.test_health as health
    on forecast.project_id = health.project_id and forecast.test_id = health.test_id
left join predictions.flaky as verdict
    on forecast.project_id = verdict.project_id and forecast.test_id = verdict.test_id
where forecast.project_id = $project
order by forecast.probability desc, health.name
limit $listed
"""
TOTAL = """
select
    count(*) as tests, sum(probability) as expected, sum(low) as low, sum(high) as high,
    count(*) filter (where probability >= 0.5) as likely,
    exp(sum(ln(1 - least(probability, 0.999999)))) as all_pass, max(as_of) as as_of
from predictions.next_failure
where project_id = $project
"""


def total(scope: Scope) -> Rows:
    """Return the one row that sums the forecasts of all tests up."""
    return data.rows(TOTAL, project=scope.project.id)


def draw(scope: Scope) -> None:
    """Draw the tests that are most likely to fail in their next attempt, with the reasons."""
    found = data.rows(NEXT, project=scope.project.id, listed=LISTED)
    note = (
        "P(its next attempt fails) with its 90 % interval. A running outage is not forecast. "
        f"Known up to {words.moment(found.first().get('as_of'), scope.zone)}. Select a test for "
        "its history."
    )
    with charts.figure("Tests most likely to fail next", found, key="next", note=note):
        if found.is_empty:
            st.html(theme.aside("No test has a forecast yet; they are made by: golive run"))
            return
        _bars(found.frame.head(12))
        _board(found)


def _bars(top: pl.DataFrame) -> None:
    shown = top.with_columns(boards.test_title())
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "test:N",
            sort=shown["test"].to_list(),
            title=None,
            axis=alt.Axis(labelLimit=320, grid=False),
        ),
        tooltip=[
            "test:N",
            alt.Tooltip("probability:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%"),
            alt.Tooltip("high:Q", format=".1%"),
        ],
    )
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%", tickCount=6)
    span = base.mark_bar(height=7, cornerRadius=4, opacity=0.5, color=theme.SERIES[0]).encode(
        x=alt.X("low:Q", scale=scale, title=None, axis=axis), x2="high:Q"
    )
    mark = base.mark_tick(thickness=3, size=16, color=theme.SERIES[0]).encode(
        x=alt.X("probability:Q", scale=scale, title=None)
    )
    charts.plain(
        alt.layer(span, mark).properties(height=26 * shown.height + 20),
        key="next",
        alternative="Probability of failing next, with interval, by test",
    )


def _board(found: Rows) -> None:
    shown = found.frame.select(
        boards.test_title(),
        (pl.col("probability") * 100).clip(0.1, 99.9),
        pl.struct("low", "high")
        .map_elements(lambda row: words.interval(row["low"], row["high"]), pl.String)
        .alias("interval"),
        pl.when(pl.col("verdict").is_in(["flaky", "broken", "infrastructure"]))
        .then(boards.marked("verdict"))
        .otherwise(pl.lit(words.NOTHING))
        .alias("verdict"),
        boards.marked("last_status"),
        pl.col("reasons").list.join("; ").alias("why"),
    )
    row = boards.board(shown, COLUMNS, key="next-board", most=10)
    if row >= 0:
        boards.go("tests", test=found.frame["test_id"][row])


COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=290),
    "probability": st.column_config.ProgressColumn(
        "P(fails next)", min_value=0, max_value=100, format="%.1f %%", width=115
    ),
    "interval": st.column_config.TextColumn("90 % interval", alignment="right", width=95),
    "verdict": st.column_config.TextColumn("Verdict", width=90),
    "last_status": st.column_config.TextColumn("Last", width=80),
    "why": st.column_config.TextColumn("Because", width=330),
}
