"""One change on the page Coverage by test: its files, the tests that run them, its lines if known.

The lake has the files of commits, not their lines: those are in ops.diff_coverage once somebody
asked `golive test coverage`, which has the repository beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, data, filters, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

OFFERED = 30
"""Changes to choose from, the newest first."""
SHOWN = 25
CHANGES = """
with
asked as (
    select
        'lines' as kind, head_sha as change_id, arg_max(change, asked_at) as title,
        max(asked_at) as seen_at
    from ops.diff_coverage
    where project_id = $project
    group by head_sha
),

requests as (
    select
        'request' as kind, change_request_id as change_id,
        '#' || number || ' ' || coalesce(title, '') as title,
        coalesce(updated_at, opened_at) as seen_at
    from core.change_requests
    where project_id = $project
    order by seen_at desc
    limit $offered
),

single as (
    select
        'commit' as kind, sha as change_id, left(sha, 7) || ' ' || coalesce(subject, '') as title,
        committed_at as seen_at
    from core.commits
    where project_id = $project and not coalesce(is_merge, false)
    order by seen_at desc
    limit $offered
)

select * from asked
union all
select * from requests
union all
select * from single
order by seen_at desc, kind <> 'lines', kind <> 'request', title
limit 2 * $offered
"""
FILES = """
with
shas as (
    select sha
    from core.change_request_commits
    where change_request_id = $change
    union
    select unnest([merge_sha, head_sha]) as sha
    from core.change_requests
    where change_request_id = $change
    union
    select $change as sha
),

files as (
    select
        file.path, arg_max(file.change_type, entry.committed_at) as change_type,
        sum(coalesce(file.insertions, 0))::bigint as insertions,
        regexp_extract(file.path, '[^/]*$') as base
    from core.commit_files as file
    inner join core.commits as entry
        on file.repository_id = entry.repository_id and file.sha = entry.sha
    where
        entry.project_id = $project and not coalesce(entry.is_merge, false)
        and file.sha in (select sha from shas)
    group by file.path
),

ran as (
    select
        path, regexp_extract(path, '[^/]*$') as base, test_id, lines_covered
    from marts.test_files
    where project_id = $project
),

kinds as (select distinct regexp_extract(path, '\\.[^./]+$') as suffix from ran)

select
    files.path, files.insertions, count(distinct ran.test_id) as tests,
    count(distinct ran.test_id) filter (where flaky.verdict = 'flaky') as flaky_tests
from files
left join ran
    on
        files.base = ran.base
        and (
            ran.path = files.path or ends_with(ran.path, '/' || files.path)
            or ends_with(files.path, '/' || ran.path)
        )
left join predictions.flaky as flaky
    on flaky.project_id = $project and ran.test_id = flaky.test_id
where
    files.change_type <> 'deleted'
    and regexp_extract(files.path, '\\.[^./]+$') in (select suffix from kinds)
group by files.path, files.insertions
order by tests, files.insertions desc, files.path
"""
LINES = """
select path, lines_changed, lines_missed, missed, tests, is_measured, asked_at
from ops.diff_coverage
where project_id = $project and head_sha = $change
order by lines_missed desc, path
"""


def draw(scope: Scope) -> None:
    """Draw the newest change, or the one that is chosen."""
    offered = data.rows(CHANGES, project=scope.project.id, offered=OFFERED)
    if offered.is_empty:
        return
    titles = {
        f"{row['kind']}:{row['change_id']}": _title(row) for row in offered.dicts()
    }  # fmt: skip
    picked = filters.choice("change", titles, label="Change", width=420)
    kind, _, change = picked.partition(":")
    if kind == "lines":
        _lines(data.rows(LINES, project=scope.project.id, change=change), scope)
    else:
        _files(data.rows(FILES, project=scope.project.id, change=change))


def _title(row: Mapping[str, Any]) -> str:
    if row["kind"] == "lines":
        return f"{row['title']} at {words.short(row['change_id'])}, by line"
    return words.first_line(row["title"], 80)


def _lines(rows: Rows, scope: Scope) -> None:
    known = [row for row in rows.dicts() if row["is_measured"]]
    total = sum(row["lines_changed"] for row in known)
    missed = sum(row["lines_missed"] for row in known)
    share = f"{words.percent(1 - missed / total, digits=1)} of " if total else ""
    note = (
        f"{share}{words.plural(total, 'changed statement')} in functions that were measured; "
        f"asked {words.ago(rows.first()['asked_at'], scope.now)}."
    )
    with charts.figure("Changed lines and the tests that run them", rows, key="lines", note=note):
        st.html(theme.listed(_line(row) for row in rows.dicts()[:SHOWN]))
        _more(rows)


def _line(row: Mapping[str, Any]) -> str:
    path = theme.code(row["path"])
    if not row["is_measured"]:
        return theme.entry("skipped", [path, theme.quiet("this version was not measured")])
    tests = words.plural(row["tests"], "test")
    ran = row["lines_changed"] - row["lines_missed"]
    said = f"{ran} of {row['lines_changed']} changed statements are run; {tests} of the file"
    if not row["lines_missed"]:
        return theme.entry("passed", [path, theme.quiet(said)])
    told = f"no test runs {'line' if row['missed'].isdigit() else 'lines'} {escape(row['missed'])}"
    return theme.entry("failed", [f"{path} <b>{told}</b>", theme.quiet(said)])


def _files(rows: Rows) -> None:
    bare = sum(1 for row in rows.dicts() if not row["tests"])
    note = (
        f"{words.plural(rows.height, 'changed file')} of the kinds that were measured, "
        f"{bare} run by no test. By line: golive test coverage RANGE"
    )
    with charts.figure("Changed files and the tests that run them", rows, key="changed", note=note):
        if rows.is_empty:
            st.html(theme.aside("It changes no file of the kinds that were measured."))
            return
        st.html(theme.listed(_file(row) for row in rows.dicts()[:SHOWN]))
        _more(rows)


def _more(rows: Rows) -> None:
    if rows.height > SHOWN:
        st.caption(f"{words.plural(rows.height - SHOWN, 'more file')} behind SQL / data.")


def _file(row: Mapping[str, Any]) -> str:
    added = f"+{words.number(row['insertions'])}"
    path = f"{theme.code(row['path'])} {theme.quiet(added)}"
    if not row["tests"]:
        return theme.entry("failed", [f"{path} <b>no test runs it</b>"])
    flaky = (
        f", {row['flaky_tests']} of them flaky" if row["flaky_tests"] else ""
    )  # fmt: skip
    told = f"{words.plural(row['tests'], 'test runs it', 'tests run it')}{flaky}"
    return theme.entry("passed", [f"{path} {theme.quiet(told)}"])
