"""The attempts of one test that a runner ran: which one is shown, how it ended, rows about it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

DIGITS = 20
"""Of a 64-bit number and its sign."""
ATTEMPTS = """
select
    result.build_id, result.test_id, result.environment, result.attempt, result.status,
    result.duration_s, result.started_at, result.commit_sha, test.name, test.parameters,
    test.suite, failure.type, failure.message, failure.details
from core.test_results as result
inner join core.tests as test on result.test_id = test.test_id
left join core.failures as failure on result.failure_id = failure.failure_id
where
    result.project_id = $project and result.test_id = $test
    and result.day between $first and $last
order by result.started_at desc, result.attempt desc
limit 100
"""


def found(scope: Scope, wanted: str, *, kind: str) -> Rows:
    """Return the attempts in the period of the test whose id the URL names, newest first.

    Where there are none it is said that there is no such `kind`.
    """
    is_id = wanted.lstrip("-").isdecimal() and len(wanted) <= DIGITS
    rows = data.rows(
        ATTEMPTS, project=scope.project.id, test=int(wanted) if is_id else 0,
        first=scope.first_day, last=scope.last_day,
    )  # fmt: skip
    if rows.is_empty:
        charts.empty(
            f"No attempt of such a {kind} in this period",
            "The link may belong to another project; or choose a longer period above.",
        )
    return rows


def chosen(attempts: Rows, scope: Scope) -> dict[str, Any]:
    """Let the reader choose an attempt; the newest is shown first."""
    rows = attempts.dicts()
    labels = [
        f"{theme.SYMBOL.get(row['status'], '')} {words.moment(row['started_at'], scope.zone)}"
        + (f" · {row['environment']}" if row["environment"] else "")
        + f" · attempt {row['attempt']}"
        for row in rows
    ]
    charts.headline(words.test_title(rows[0]["name"], rows[0]["parameters"]), rows[0]["suite"])
    nth = st.selectbox(
        f"Attempt ({words.plural(len(rows), 'attempt')} in this period)", range(len(rows)),
        format_func=labels.__getitem__, key="attempt",
    )  # fmt: skip
    return rows[nth]


def verdict(attempt: Mapping[str, Any]) -> None:
    """Draw how an attempt ended, and why it failed."""
    lines = [
        f"{theme.status_chip(attempt['status'])} in {words.duration(attempt['duration_s'])}"
        + (f" at {theme.code(words.short(attempt['commit_sha']))}" if attempt["commit_sha"] else "")
    ]
    if attempt["message"]:
        lines.append(f"<b>{escape(attempt['message'])}</b>")
    st.html(theme.entry(attempt["status"], lines))


def of(scope: Scope, attempt: Mapping[str, Any], sql: str) -> Rows:
    """Return what a SELECT about one attempt ($project, $test, $build ...) gives."""
    return data.rows(
        sql, project=scope.project.id, test=attempt["test_id"], build=attempt["build_id"],
        environment=attempt["environment"], attempt=attempt["attempt"],
    )  # fmt: skip
