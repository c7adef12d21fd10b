"""Coverage map: where little coverage, much change and flaky tests meet."""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Coverage map"
ICON = ":material/grid_view:"
SECTION = "Tests"
ORDER = 38
QUESTION = "Which files change often, are tested little, and by flaky tests?"
READS = ("marts.coverage_map",)
HAS_PERIOD = False
DRAWN = 1_500
"""Files in the picture, those at most risk; the data behind it has all."""
LISTED = 200
LITTLE = 0.6
"""Coverage below which a file that changes often is worth a look."""
TONES = {
    "flaky tests": theme.VERDICT["flaky"],
    "steady tests": theme.SERIES[0],
    "no test bears its name": theme.STATUS["cancelled"],
}
FILES = """
select
    component, coalesce(repository_path, component) as path, line_coverage, code_lines,
    measured_at, commits, lines_changed, authors, main_author, tests, flaky_tests, flakes,
    attempts, failures, risk
from marts.coverage_map
where project_id = $project
order by risk desc, line_coverage, component
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    files = data.rows(FILES, project=scope.project.id)
    if files.is_empty:
        charts.empty(
            "No coverage is known",
            "Reports of coverage.py, JaCoCo, Cobertura, LCOV, Clover or Go fill this page; commits "
            "and test results are put beside them.",
            f"golive ingest coverage PATH --project {scope.project.id}",
        )
        return
    _summary(scope, files)
    _map(files)
    _board(files)


def _summary(scope: Scope, files: Rows) -> None:
    frame = files.frame
    sized = frame.with_columns(lines=pl.col("code_lines").fill_null(1))
    lines = int(sized["lines"].sum())
    covered = float((sized["line_coverage"] * sized["lines"]).sum()) / max(1, lines)
    usual = typical(frame)
    hot = frame.filter(pl.col("line_coverage") < LITTLE, pl.col("commits") > usual)
    shaky = frame.filter(pl.col("flaky_tests") > 0)
    charts.headline(
        f"{words.plural(hot.height, 'file changes', 'files change')} often and "
        f"{'is' if hot.height == 1 else 'are'} tested little"
        if hot.height
        else "What changes often is tested",
        f"{words.plural(files.height, 'file')} of {scope.project.name}, measured "
        f"{words.ago(frame['measured_at'].max(), scope.now)}.",  # pyright: ignore[reportArgumentType] - a column of times
    )
    charts.metrics(
        [
            ("Line coverage", words.percent(covered, digits=1),
             f"of {words.number(lines)} lines"),
            ("Changed often, tested little", words.number(hot.height),
             f"over {usual:g} commits in 90 days, under {LITTLE * 100:g} %"),
            ("Files with flaky tests", words.number(shaky.height),
             f"{words.number(int(shaky['flaky_tests'].sum()))} flaky tests next to them"),
        ]
    )  # fmt: skip


def typical(frame: pl.DataFrame) -> float:
    """Return the median number of commits of the files that were changed at all, 0 without any."""
    changed = frame.filter(pl.col("commits") > 0).select(pl.col("commits").median()).item()
    return float(changed or 0.0)


def _map(files: Rows) -> None:
    shown = files.frame.head(DRAWN).with_columns(
        kind=pl.when(pl.col("flaky_tests") > 0)
        .then(pl.lit("flaky tests"))
        .when(pl.col("tests") > 0)
        .then(pl.lit("steady tests"))
        .otherwise(pl.lit("no test bears its name"))
    )
    note = (
        "One circle a file: coverage to the right, commits in 90 days upwards, size by flakes of "
        "the tests next to it. Top left is where to begin. "
        f"n = {words.plural(shown.height, 'file')}."
    )
    most = max(10, *shown["flakes"].to_list())  # few flakes shall not look like many
    with charts.figure("Coverage, change and flakiness", files, key="coverage-map", note=note):
        chart = (
            alt.Chart(shown)
            .mark_circle(opacity=0.72, stroke="white", strokeWidth=0.6)
            .encode(
                x=alt.X(
                    "line_coverage:Q",
                    title="line coverage",
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format="%", tickCount=6),
                ),
                y=alt.Y(
                    "commits:Q",
                    title="commits in 90 days",
                    scale=alt.Scale(zero=False, nice=True),
                    axis=alt.Axis(tickCount=5, tickMinStep=1),
                ),
                size=alt.Size(
                    "flakes:Q", scale=alt.Scale(domain=[0, most], range=[45, 900]), legend=None
                ),
                color=alt.Color(
                    "kind:N",
                    scale=alt.Scale(domain=list(TONES), range=list(TONES.values())),
                    legend=None,
                ),
                order=alt.Order("flakes:Q"),
                tooltip=[
                    alt.Tooltip("path:N", title="file"),
                    alt.Tooltip("line_coverage:Q", title="coverage", format=".1%"),
                    alt.Tooltip("commits:Q"),
                    alt.Tooltip("main_author:N", title="mostly by"),
                    alt.Tooltip("tests:Q"),
                    alt.Tooltip("flaky_tests:Q", title="flaky tests"),
                    alt.Tooltip("flakes:Q"),
                ],
            )
            .properties(height=380)
        )
        charts.plain(chart, key="coverage-map", alternative="Files by coverage, commits and flakes")
        st.html(theme.legend({word: tone for word, tone in TONES.items()
                              if word in set(shown["kind"])}))  # fmt: skip


def _board(files: Rows) -> None:
    note = (
        "Risk: uncovered share times commits times (1 + flaky tests). Tests next to a file "
        "bear its name. Mostly by: who made most of its commits in a year."
    )
    with charts.figure("Where to begin", files, key="files", note=note):
        shown = files.frame.head(LISTED).select(
            "path",
            pl.col("line_coverage") * 100,
            "code_lines",
            "commits",
            pl.col("main_author").fill_null(words.NOTHING),
            "authors",
            "tests",
            pl.format("{} / {}", "flaky_tests", "flakes").alias("flaky"),
            "risk",
        )
        st.dataframe(
            shown,
            hide_index=True,
            height=charts.table_height(shown.height, 14),
            column_config=COLUMNS,
        )


COLUMNS = {
    "path": st.column_config.TextColumn("File", width=320),
    "line_coverage": st.column_config.ProgressColumn(
        "Coverage", min_value=0, max_value=100, format="%.0f %%", width=120
    ),
    "code_lines": st.column_config.NumberColumn("Lines", width=65),
    "commits": st.column_config.NumberColumn("Commits", width=75),
    "main_author": st.column_config.TextColumn("Mostly by", width=130),
    "authors": st.column_config.NumberColumn("People", width=65),
    "tests": st.column_config.NumberColumn("Tests", width=60),
    "flaky": st.column_config.TextColumn("Flaky / flakes", alignment="right", width=95),
    "risk": st.column_config.NumberColumn("Risk", format="%.1f", width=60),
}
