"""Tests and the files that they run, as a picture: a row a test, or a class if there are many."""

from __future__ import annotations

import altair as alt
import polars as pl

from dashboards import charts, data, theme, words
from dashboards.behind import Drawn
from dashboards.scope import Scope

DRAWN_FILES, DRAWN_TESTS = 40, 45
"""Most columns and rows of the matrix: files that most tests run, tests that run most."""
LABELS = 130
"""Pixels below the cells, for the names of the files."""
TEST_FILE = r"(^|/)(tests?|conftest\.py|__init__\.py)(/|$)|(^|/)test_[^/]*$|_test\.\w+$"
"""Paths of tests and of what says nothing: every test runs its own file."""
FEW = 12
"""Columns up to which the picture is no wider than they need."""
MATRIX = """
with
cells as (
    select
        ran.path, ran.test_id, ran.lines_covered,
        coalesce(test.class_name, test.file, 'named by no report') as place,
        coalesce(test.name, ran.test_id::varchar)
        || coalesce('[' || test.parameters || ']', '') as test,
        count(*) over (partition by ran.test_id) as files_of_test
    from marts.test_files as ran
    left join core.tests as test on ran.test_id = test.test_id
    where ran.project_id = $project and not regexp_matches(ran.path, $tests_own)
),

total as (select count(distinct test_id) as tests from cells),

grouped as (
    select
        cells.path,
        case
            when total.tests > $tests then cells.place
            else cells.place || '::' || cells.test
        end as row_name,
        cells.test_id, cells.lines_covered
    from cells
    cross join total
),

files as (
    select path from grouped group by path order by count(distinct test_id) desc, path limit $files
),

rows_drawn as (
    select row_name
    from grouped
    where path in (select path from files)
    group by row_name
    order by count(distinct path) desc, row_name
    limit $tests
)

select
    path, row_name, count(distinct test_id) as tests, max(lines_covered) as lines_covered
from grouped
where path in (select path from files) and row_name in (select row_name from rows_drawn)
group by path, row_name
order by row_name, path
"""


def draw(scope: Scope) -> None:
    """Draw the matrix, if there is anything in it."""
    cells = data.rows(
        MATRIX, project=scope.project.id, files=DRAWN_FILES, tests=DRAWN_TESTS, tests_own=TEST_FILE
    )  # fmt: skip
    if cells.is_empty:
        return
    rows = cells.frame["row_name"].n_unique()
    columns = cells.frame["path"].n_unique()
    charts.show(
        cells, _heat, title="Tests and what they run", key="matrix",
        n=f"{words.plural(rows, 'row')} of tests and {words.plural(columns, 'file')}",
        unit="one cell a pair, stronger where more lines of the file are run",
        note=f"At most {DRAWN_FILES} files, those that most tests run, and {DRAWN_TESTS} rows: "
        "where there are more tests, those of one class or file are a row",
    )  # fmt: skip


def _heat(frame: pl.DataFrame) -> Drawn:
    best = pl.col("lines_covered") / pl.col("lines_covered").max().over("path")
    shown = frame.with_columns(share=best)
    columns, rows = shown["path"].n_unique(), shown["row_name"].n_unique()
    return (
        alt.Chart(shown)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X(
                "path:N", title=None, scale=alt.Scale(paddingInner=0.12),
                axis=alt.Axis(labelAngle=-50, labelLimit=170, grid=False,
                              labelExpr="join(slice(split(datum.label, '/'), -2), '/')"),
            ),
            y=alt.Y(
                "row_name:N", title=None, scale=alt.Scale(paddingInner=0.12),
                axis=alt.Axis(labelLimit=260, grid=False),
            ),
            opacity=alt.Opacity(
                "share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.25, 1])
            ),
            color=alt.value(theme.SERIES[0]),
            tooltip=[
                alt.Tooltip("path:N", title="file"), alt.Tooltip("row_name:N", title="tests"),
                alt.Tooltip("tests:Q"), alt.Tooltip("lines_covered:Q", title="lines run"),
            ],
        )
        .properties(height=20 * rows + LABELS, width="container" if columns > FEW else 44 * columns)
    )  # fmt: skip
