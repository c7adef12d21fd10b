"""Coverage by test: which tests run a file, which files none does, and what of a change is run."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.tests import _covered_change, _covering, _run_matrix

TITLE = "Coverage by test"
ICON = ":material/checklist:"
SECTION = "Tests"
ORDER = 38
QUESTION = "Which tests run a file, which files does no test run, and is the last change covered?"
READS = (
    "marts.test_files", "marts.code_files", "marts.test_health", "core.tests", "core.commits",
    "core.commit_files", "core.change_requests", "core.change_request_commits",
    "predictions.flaky", "ops.diff_coverage",
)  # fmt: skip
HAS_PERIOD = False
LISTED = 300

FILES = """
select
    path, count(*) as tests, sum(lines_covered)::bigint as lines_run,
    max(lines_covered) as most_lines, max(share_of_tests) as share, max(measured_at) as measured_at,
    arg_max(commit_sha, measured_at) as commit_sha
from marts.test_files
where project_id = $project and not regexp_matches(path, $tests_own)
group by path
order by tests, path
"""
KNOWN = """
with
measured as (
    select count(distinct test_id) as measured
    from marts.test_files
    where project_id = $project
)

select
    measured.measured,
    (select count(*) from marts.test_health where project_id = $project) as recent
from measured
"""
UNTESTED = """
with
kinds as (
    select distinct regexp_extract(path, '\\.[^./]+$') as suffix
    from marts.test_files
    where project_id = $project
),

last_changes as (
    select
        file.repository_id, file.path, arg_max(file.change_type, entry.committed_at) as last_change
    from core.commit_files as file
    inner join core.commits as entry
        on file.repository_id = entry.repository_id and file.sha = entry.sha
    where entry.project_id = $project
    group by file.repository_id, file.path
),

ran as (
    select distinct path, regexp_extract(path, '[^/]*$') as base
    from marts.test_files
    where project_id = $project
)

select
    code.path, code.churn, code.line_churn, code.owner, code.coverage, code.breaks, code.heat,
    code.last_changed_at
from marts.code_files as code
inner join last_changes as last
    on code.repository_id = last.repository_id and code.path = last.path
where
    code.project_id = $project
    and last.last_change <> 'deleted'
    and regexp_extract(code.path, '\\.[^./]+$') in (select suffix from kinds)
    and not regexp_matches(code.path, $tests_own)
    and not exists (
        select 1
        from ran
        where
            ran.base = regexp_extract(code.path, '[^/]*$')
            and (
                ran.path = code.path
                or ends_with(ran.path, '/' || code.path)
                or ends_with(code.path, '/' || ran.path)
            )
    )
order by code.heat desc, code.path
"""


def render(scope: Scope) -> None:
    """Draw the page, or one file where the URL names it."""
    if wanted := charts.focus("file"):
        _covering.draw(scope, wanted)
        return
    files = _made(FILES, "marts.test_files", scope.project.id)
    if files.is_empty:
        charts.empty(
            "Nobody measured which test runs what",
            "coverage.py tells it with one context a test. golive select then knows which tests a "
            "change may break, and this page which files no test runs.",
            f"pytest --cov --cov-context=test\n"
            f"golive ingest coverage .coverage --project {scope.project.id}",
        )
        return
    untested = _made(UNTESTED, "marts.code_files", scope.project.id)
    _summary(scope, files, untested)
    _covered_change.draw(scope)
    _run_matrix.draw(scope)
    _untested(untested, scope)
    _board(files)


def _made(sql: str, table: str, project: str) -> Rows:
    """Return the rows of a query, none while its mart has not been made."""
    return (data.none if data.missing((table,)) else data.rows)(
        sql, project=project, tests_own=_run_matrix.TEST_FILE
    )


def _summary(scope: Scope, files: Rows, untested: Rows) -> None:
    known = data.rows(KNOWN, project=scope.project.id).first()
    newest = files.frame.row(files.frame["measured_at"].arg_max() or 0, named=True)
    count, gone = files.height, untested.height
    at = f" at commit {words.short(newest['commit_sha'])}" if newest["commit_sha"] else ""
    charts.headline(
        f"{words.plural(gone, 'changed file is', 'changed files are')} run by no test"
        if gone
        else "Every file that changed lately is run by a test",
        f"{words.plural(known['measured'], 'test')} measured, last "
        f"{words.ago(newest['measured_at'], scope.now)}{at}. Asked are files that changed in 90 "
        "days.",
    )
    single = files.frame.filter(pl.col("tests") == 1).height
    middle = files.frame["tests"].median()
    charts.metrics(
        [
            ("Tests measured", words.number(known["measured"]),
             f"{words.number(known['recent'])} ran in 30 days" if known["recent"] else ""),
            ("Files that tests run", words.number(count), ""),
            ("Tests of a file", words.number(float(str(middle))), "median"),
            ("Files of a single test", words.number(single),
             f"{words.percent(single / count)} of them"),
        ]
    )  # fmt: skip


def _untested(untested: Rows, scope: Scope) -> None:
    note = (
        "Files of the kinds that were measured, changed in 90 days and not deleted. Coverage is "
        "what any report says of it; a file that only runs on import has some, and no test."
    )
    with charts.figure("Run by no test", untested, key="untested", note=note):
        if untested.is_empty:
            st.html(theme.aside("There is none among the files that changed in 90 days."))
            return
        shown = untested.frame.head(LISTED).select(
            "path", "churn", "line_churn", pl.col("owner").fill_null(words.NOTHING),
            pl.col("coverage") * 100, "breaks",
            pl.col("last_changed_at").map_elements(
                lambda at: words.ago(at, scope.now), pl.String
            ),
        )  # fmt: skip
        st.dataframe(
            shown, hide_index=True, height=charts.table_height(shown.height),
            column_config=UNTESTED_COLUMNS,
        )  # fmt: skip


def _board(files: Rows) -> None:
    note = "Fewest tests first. Select a file to see which tests run it, and which lines."
    with charts.figure("Files that tests run", files, key="files", note=note):
        listed = files.frame.head(LISTED)
        shown = listed.select("path", "tests", pl.col("share") * 100, "most_lines")
        row = boards.board(shown, FILE_COLUMNS, key="files-board", most=14)
        if row >= 0:
            boards.look_at("file", listed["path"][row])


UNTESTED_COLUMNS = {
    "path": st.column_config.TextColumn("File", width=300),
    "churn": st.column_config.NumberColumn("Commits", width=80),
    "line_churn": st.column_config.NumberColumn("Lines changed", width=105),
    "owner": st.column_config.TextColumn("Mostly by", width=140),
    "coverage": st.column_config.NumberColumn("Coverage", format="%.0f %%", width=85),
    "breaks": st.column_config.NumberColumn("Broke", width=65),
    "last_changed_at": st.column_config.TextColumn("Changed", width=150),
}
FILE_COLUMNS = {
    "path": st.column_config.TextColumn("File", width=420),
    "tests": st.column_config.NumberColumn("Tests", width=80),
    "share": st.column_config.ProgressColumn(
        "Of all tests", min_value=0, max_value=100, format="%.1f %%", width=140
    ),
    "most_lines": st.column_config.NumberColumn(
        "Lines", width=80, help="Most lines of it that one test runs"
    ),
}
