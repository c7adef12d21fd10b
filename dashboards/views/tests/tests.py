"""Tests: which are flaky and how sure that is, which are slow, and the history of one test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, optional, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.tests import _changed, _test, _together
from golive_core import quarantine

TITLE = "Tests"
ICON = ":material/rule:"
SECTION = "Tests"
ORDER = 30
QUESTION = "Which tests are flaky or slow, on what evidence, and what happened to one of them?"
READS = (
    "marts.flaky_tests",
    "marts.test_health",
    "marts.slowest_tests",
    "marts.test_owners",
    "predictions.flaky",
    "predictions.next_failure",
    "core.test_results",
    "core.tests",
    "core.builds",
    "core.failures",
)
BOARD = """
select
    flaky.rank, flaky.test_id, flaky.class_name, flaky.name, flaky.parameters, flaky.file,
    flaky.verdict, flaky.probability, flaky.rate, flaky.rate_low, flaky.rate_high, flaky.attempts,
    flaky.failures, flaky.flakes, flaky.reasons, flaky.wasted_minutes, flaky.cost_usd,
    flaky.last_status, flaky.last_failed_at, flaky.broken_since_sha, flaky.as_of, flaky.suite,
    owner.owner_name
from marts.flaky_tests as flaky
left join marts.test_owners as owner
    on flaky.project_id = owner.project_id and flaky.test_id = owner.test_id
where flaky.project_id = $project and flaky.verdict in ('flaky', 'broken')
order by flaky.rank
"""
COUNTS = """
select
    count(*) as tests, sum(runs)::bigint as runs,
    count(*) filter (where consecutive_failures > 0) as failing,
    max(last_at) as newest_at
from marts.test_health
where project_id = $project
"""
DETAILS = """
select test_id, cause, cause_confidence, cluster_id, cost_usd_week
from predictions.flaky_details
where project_id = $project
"""
DETAIL_COLUMNS = {
    "test_id": pl.Int64, "cause": pl.String, "cause_confidence": pl.Float64,
    "cluster_id": pl.Int64, "cost_usd_week": pl.Float64,
}  # fmt: skip
SLOWEST = """
select
    test_id, class_name, name, parameters, runs, median_s, p95_s, total_s, share_of_total,
    previous_median_s, relative_change
from marts.slowest_tests
where project_id = $project
order by total_s desc
limit 50
"""
NAMES = """
select test_id, class_name, name, parameters
from marts.test_health
where project_id = $project
order by name, class_name
"""


DAYS_OF_WEEK, WINDOW_DAYS = 7, 30


def render(scope: Scope) -> None:
    """Draw one test if the URL names one, else the board."""
    wanted = charts.focus("test")
    if wanted:
        _test.draw(scope, wanted)
        return
    counts = data.rows(COUNTS, project=scope.project.id).first()
    if not counts.get("tests"):
        charts.empty(
            "No test results yet",
            "JUnit reports of any tool fill this page, and so does a Jenkins server.",
            f"golive ingest junit PATH --project {scope.project.id}",
        )
        return
    board = _detailed(data.rows(BOARD, project=scope.project.id), scope)
    _summary(scope, counts, board)
    _search(scope)
    _board(scope, board)
    _together.draw(scope)
    _slowest(data.rows(SLOWEST, project=scope.project.id))
    _changed.draw(scope)


# ---------------------------------------------------------------- the board


def _summary(scope: Scope, counts: Mapping[str, Any], board: Rows) -> None:
    verdicts = board.frame["verdict"].to_list() if board.height else []
    flaky = verdicts.count("flaky")
    title = (
        f"{words.plural(flaky, 'test is', 'tests are')} flaky"
        if flaky
        else "No test is known to be flaky"
    )
    failing = (
        f", {words.plural(counts['failing'], 'fails', 'fail')} on the main line"
        if counts["failing"]
        else ""
    )
    charts.headline(
        f"{title}{failing}",
        f"{words.plural(counts['tests'], 'test')} of {scope.project.name} with "
        f"{words.plural(counts['runs'], 'attempt')} in the 30 days to "
        f"{words.day(counts['newest_at'], scope.zone)}.",
    )


def _search(scope: Scope) -> None:
    names = data.rows(NAMES, project=scope.project.id)
    label = (
        pl.col("name").fill_null("unnamed")
        + pl.when(pl.col("parameters").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format("[{}]", pl.col("parameters")))
        + pl.when(pl.col("class_name").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format("  ·  {}", pl.col("class_name")))
    )
    labels = dict(names.frame.select("test_id", label.alias("label")).iter_rows())
    picked = st.selectbox(
        "Find a test",
        list(labels),
        index=None,
        format_func=labels.__getitem__,
        key="find-test",
        placeholder=f"Find one of {words.number(len(labels))} tests",
        label_visibility="collapsed",
    )
    if picked is not None:
        _open(picked)


def _open(test_id: int) -> None:
    boards.look_at("test", test_id)


def _detailed(board: Rows, scope: Scope) -> Rows:
    """Return the board with cause, cluster and weekly cost, null where no model told them."""
    told = optional.rows(DETAILS, "predictions.flaky_details", project=scope.project.id)
    if board.is_empty:
        return board
    empty = pl.DataFrame(schema=DETAIL_COLUMNS)
    details = told.frame.select(list(DETAIL_COLUMNS)) if told.height else empty
    return replace(board, frame=board.frame.join(details, on="test_id", how="left"))


def _board(scope: Scope, board: Rows) -> None:
    note = (
        "P(flaky): probability that the flake rate is above 1 %. Flake rate: 90 % interval per "
        "attempt. Evidence: flakes in attempts that can tell. Wasted: machine time of failed "
        "attempts and re-runs in 30 days. A week: its price. Owner: who changed its file most in "
        "a year. Cluster: tests that fail together. "
        f"Judged {words.ago(board.first().get('as_of'), scope.now)}. Select a test for its history."
    )
    with charts.figure("Flaky and broken", board, key="board", note=note if board.height else ""):
        if board.is_empty:
            st.html(
                theme.aside(
                    "Every test that ran often enough to be judged is healthy. A verdict needs "
                    "commits that were tested more than once, or retries."
                )
            )
            return
        rate = data.rates().usd_per_machine_minute
        spent = pl.col("cost_usd").fill_null(pl.col("wasted_minutes") * rate)
        weekly = pl.col("cost_usd_week").fill_null(spent * DAYS_OF_WEEK / WINDOW_DAYS)
        held = {quarantine.key(one)[1:] for one in data.set_aside()}
        shown = board.frame.select(
            boards.test_title(),
            boards.marked("verdict"),
            _state(held),
            pl.col("owner_name").fill_null(words.NOTHING),
            (pl.col("probability") * 100).clip(0.1, 99.9),
            pl.struct("rate_low", "rate_high")
            .map_elements(lambda row: words.interval(row["rate_low"], row["rate_high"]), pl.String)
            .alias("rate"),
            pl.format("{} in {}", "flakes", "attempts").alias("evidence"),
            (pl.col("wasted_minutes") * 60).map_elements(words.duration, pl.String).alias("wasted"),
            weekly.map_elements(words.money, pl.String).alias("cost"),
            pl.col("cause").fill_null(words.NOTHING),
            _cluster(),
            pl.col("last_failed_at").dt.convert_time_zone(str(scope.zone)),
        )
        untold = [name for name in ("cause", "cluster") if set(shown[name]) == {words.NOTHING}]
        hidden = untold or ["last_failed_at", "wasted"]  # there is room for either
        row = boards.board(shown.drop(hidden), BOARD_COLUMNS, key="flaky-board")
        if row >= 0:
            _open(board.frame["test_id"][row])


def _cluster() -> pl.Expr:
    """Return which tests of the board fail together: letters, in the order of the board."""
    number = pl.col("cluster_id").rank("dense").cast(pl.Int64)
    return (
        pl.when(pl.col("cluster_id").is_null())
        .then(pl.lit(words.NOTHING))
        .otherwise(pl.format("#{}", number))
        .alias("cluster")
    )


def _state(held: set[quarantine.Key]) -> pl.Expr:
    """Return what is done about a test: it is set aside in the quarantine file, or active."""

    def said(row: Mapping[str, Any]) -> str:
        names = (row["suite"], row["class_name"], row["name"], row["parameters"])
        return "set aside" if tuple(str(name or "") for name in names) in held else "active"

    columns = pl.struct("suite", "class_name", "name", "parameters")
    return columns.map_elements(said, pl.String).alias("state")


BOARD_COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=250),
    "verdict": st.column_config.TextColumn("Verdict", width=75),
    "state": st.column_config.TextColumn("State", width=70),
    "owner_name": st.column_config.TextColumn("Owner", width=100),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=95
    ),
    "rate": st.column_config.TextColumn("Flake rate", alignment="right", width=80),
    "evidence": st.column_config.TextColumn("Evidence", alignment="right", width=75),
    "wasted": st.column_config.TextColumn("Wasted", alignment="right", width=80),
    "cost": st.column_config.TextColumn("A week", alignment="right", width=60),
    "cause": st.column_config.TextColumn("Cause", width=90),
    "cluster": st.column_config.TextColumn("Cluster", width=60),
    "last_failed_at": st.column_config.DatetimeColumn("Last failure", format="D MMM", width=75),
}


def _slowest(slowest: Rows) -> None:
    note = (
        "Median and 95 % quantile of single attempts in 30 days; share of all test time; change "
        "of the newer 15 days against the 15 days before. Select a test for its history."
    )
    with charts.figure("Slowest", slowest, key="slowest", note=note if slowest.height else ""):
        if slowest.is_empty:
            st.html("<p class='gl-quiet'>The reports tell no durations.</p>")
            return
        shown = slowest.frame.select(
            boards.test_title(),
            boards.told("median_s"),
            boards.told("p95_s"),
            boards.told("total_s"),
            "share_of_total",
            pl.col("relative_change").map_elements(_change, pl.String, skip_nulls=False),
            "runs",
        )
        row = boards.board(shown, SLOWEST_COLUMNS, key="slowest-board", most=10)
        if row >= 0:
            _open(slowest.frame["test_id"][row])


def _change(share: float | None) -> str:
    if share is None:
        return words.NOTHING
    whole = round(share * 100)
    return f"{whole:+d} %" if whole else "0 %"


SLOWEST_COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=380),
    "median_s": st.column_config.TextColumn("Median", alignment="right"),
    "p95_s": st.column_config.TextColumn("95 %", alignment="right"),
    "total_s": st.column_config.TextColumn("In all", alignment="right"),
    "share_of_total": st.column_config.NumberColumn("Share", format="percent"),
    "relative_change": st.column_config.TextColumn("Change", alignment="right"),
    "runs": st.column_config.NumberColumn("Attempts"),
}
