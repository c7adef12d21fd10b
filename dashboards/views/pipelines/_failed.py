"""The tests that failed in one build, by what they say: new, known or back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

SHOWN_GROUPS = 12
SHOWN_NAMES = 4

RESULTS = """
select
    count(*) as attempts,
    count(distinct test_id) as tests,
    count(*) filter (where status = 'skipped') as skipped
from core.test_results
where project_id = $project and build_id = $build and day between $first and $last
"""
FAILED = """
select
    result.test_id, test.class_name, test.name, test.parameters, result.environment,
    count(*) as attempts,
    arg_max(result.status, result.attempt) as final_status,
    sum(result.duration_s) as duration_s,
    any_value(flaky.verdict) as verdict,
    any_value(flaky.probability) as probability,
    arg_max(failure.type, result.attempt) as type,
    arg_max(failure.message, result.attempt) as message,
    arg_max(failure.signature_id, result.attempt) as signature_id
from core.test_results as result
left join core.tests as test on result.test_id = test.test_id
left join core.failures as failure on result.failure_id = failure.failure_id
left join predictions.flaky as flaky
    on result.test_id = flaky.test_id and result.project_id = flaky.project_id
where
    result.project_id = $project and result.build_id = $build
    and result.day between $first and $last
group by result.test_id, test.class_name, test.name, test.parameters, result.environment
having count(*) filter (where result.status in ('failed', 'error')) > 0
order by final_status <> 'passed' desc, probability nulls first, test.name
"""
STATES = """
select signature_id, is_new, is_back, first_seen_at, failures, builds
from marts.failure_signatures
where project_id = $project and signature_id in (select unnest($signatures))
"""


def draw(scope: Scope, build: Mapping[str, Any]) -> None:
    """Draw what failed in a build, grouped by signature, and every failed test."""
    at = build["started_at"] or build["queued_at"]
    span = {
        "project": scope.project.id,
        "build": build["build_id"],
        "first": (at - timedelta(days=1)).date(),
        "last": ((build["finished_at"] or at) + timedelta(days=1)).date(),
    }
    counts = data.rows(RESULTS, **span).first()
    failed = data.rows(FAILED, **span)
    note = (
        f"n = {words.plural(counts['tests'], 'test')}, "
        f"{words.plural(counts['attempts'], 'attempt')}, {words.number(counts['skipped'])} skipped."
        " Select a test for its history."
    )
    with charts.figure(
        "Failed tests", failed, key="failed-tests", note=note if counts["tests"] else ""
    ):
        if failed.is_empty:
            text = "No test failed." if counts["tests"] else "No test results came with this build."
            st.html(theme.aside(text))
            return
        _groups(failed, scope)
        _board(failed)


def _groups(failed: Rows, scope: Scope) -> None:
    """Draw each signature with its state and the tests that say it."""
    ids = failed.frame["signature_id"].drop_nulls().unique().to_list()
    known = data.rows(STATES, project=scope.project.id, signatures=ids).dicts()
    states = {row["signature_id"]: row for row in known}
    groups: dict[int | None, list[Mapping[str, Any]]] = {}
    for row in failed.dicts():
        groups.setdefault(row["signature_id"], []).append(row)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    for signature, tests in ordered[:SHOWN_GROUPS]:
        st.html(_group(tests, states.get(signature or 0, {}), scope))
        if signature in states and st.button(
            "This failure elsewhere",
            icon=":material/arrow_forward:",
            type="tertiary",
            key=f"signature-{signature}",
        ):
            boards.go("failures", failure=signature or 0)


def _group(tests: Sequence[Mapping[str, Any]], state: Mapping[str, Any], scope: Scope) -> str:
    first = tests[0]
    final = {row["final_status"] for row in tests}
    word = "flaky" if final == {"passed"} else "error" if "error" in final else "failed"
    retried = " passed on retry" if final == {"passed"} else ""
    lines = [
        f"{_state(state)} <b>{escape(first['type'] or 'No type told')}</b> "
        f"{escape(words.first_line(first['message']))}",
        theme.quiet(f"{words.plural(len(tests), 'test')}{retried}{_history(state, scope)}"),
        ", ".join(_name(row) for row in tests[:SHOWN_NAMES]) + _more(len(tests) - SHOWN_NAMES),
    ]
    return theme.entry(word, lines)


def _state(state: Mapping[str, Any]) -> str:
    if not state:
        return ""
    if state["is_new"]:
        return theme.chip("new", theme.STATUS["failed"], symbol="✕")
    if state["is_back"]:
        return theme.chip("back", theme.VERDICT["flaky"], symbol="↺")
    return theme.chip("known", theme.STATUS["cancelled"])


def _history(state: Mapping[str, Any], scope: Scope) -> str:
    if not state:
        return ""
    builds = words.plural(state["builds"], "build")
    return f" · first seen {words.ago(state['first_seen_at'], scope.now)}, {builds} in 30 days"


def _name(row: Mapping[str, Any]) -> str:
    name = theme.code(words.test_title(row["name"], row["parameters"]))
    flaky = row["verdict"] in ("flaky", "infrastructure")
    return f"{name} {theme.status_chip(row['verdict'])}" if flaky else name


def _more(count: int) -> str:
    return theme.quiet(f" and {words.number(count)} more") if count > 0 else ""


def _board(failed: Rows) -> None:
    shown = failed.frame.select(
        pl.col("final_status").replace_strict(
            {"passed": "≈ passed on retry"}, default=boards.marked("final_status")
        ),
        boards.test_title(),
        "class_name",
        pl.when(pl.col("verdict").is_in(["flaky", "broken", "infrastructure"]))
        .then(boards.marked("verdict"))
        .otherwise(pl.lit(words.NOTHING))
        .alias("verdict"),
        "attempts",
        boards.told("duration_s"),
    )
    row = boards.board(shown, COLUMNS, key="failed-board", most=8)
    if row >= 0:
        boards.go("tests", test=failed.frame["test_id"][row])


COLUMNS = {
    "final_status": st.column_config.TextColumn("Outcome", width=125),
    "test": st.column_config.TextColumn("Test", width=350),
    "class_name": st.column_config.TextColumn("Class", width=215),
    "verdict": st.column_config.TextColumn("Known as", width=110),
    "attempts": st.column_config.NumberColumn("Attempts", width=70),
    "duration_s": st.column_config.TextColumn("Duration", alignment="right", width=80),
}
