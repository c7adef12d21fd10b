"""One REST check: its answers over time, and request and answer of each step of an attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.tests import _attempts

MOST_TEXT = 4_000
"""Characters of a body that are shown; the whole of what was kept can be downloaded."""
LINES = {"median": theme.SERIES[0], "95 %": theme.SERIES[1]}
TIMES = """
select
    date_trunc($unit, started_at) as moment, count(*) as answers,
    1000 * quantile_cont(duration_s, 0.5) as "median",
    1000 * quantile_cont(duration_s, 0.95) as "95 %"
from core.test_steps
where
    project_id = $project and test_id = $test and day between $first and $last
    and status <> 'skipped'
group by moment
order by moment
"""
STEPS = """
select
    step.ordinal, step.name, step.action, step.status, step.duration_s, step.message, step.url,
    max(file.sha256) filter (where file.kind = 'request') as request,
    max(file.sha256) filter (where file.kind = 'response') as response
from core.test_steps as step
left join core.test_artifacts as file
    on
        step.project_id = file.project_id and step.build_id = file.build_id
        and step.test_id = file.test_id and step.environment = file.environment
        and step.attempt = file.attempt and step.ordinal = file.ordinal
where
    step.project_id = $project and step.test_id = $test and step.build_id = $build
    and step.environment = $environment and step.attempt = $attempt
group by all
order by step.ordinal
"""


def draw(scope: Scope, wanted: str) -> None:
    """Draw the check whose test id the URL names."""
    boards.back("All checks", "check")
    found = _attempts.found(scope, wanted, kind="check")
    if found.is_empty:
        return
    attempt = _attempts.chosen(found, scope)
    _attempts.verdict(attempt)
    details = str(attempt["details"] or "")
    if details.startswith("curl "):
        st.code(details.splitlines()[0], language="bash", wrap_lines=True)
    _steps(_attempts.of(scope, attempt, STEPS))
    test = attempt["test_id"]
    asked: dict[str, Any] = {
        "project": scope.project.id, "test": test, "first": scope.first_day, "last": scope.last_day
    }  # fmt: skip
    _times(asked, found)
    charts.link("This test's history", "tests", icon=":material/history:", test=test)


def _steps(steps: Rows) -> None:
    """Draw the requests in their order; one that did not pass is open."""
    note = "Secrets were masked before anything was kept; bodies are kept up to 64 KiB."
    with charts.figure("Requests", steps, key="requests", note=note):
        for row in steps.dicts():
            is_bad = row["status"] in ("failed", "error")
            mark = theme.SYMBOL.get(row["status"], "")
            took = "" if row["status"] == "skipped" else f" · {words.duration(row['duration_s'])}"
            label = f"{mark} {row['name']}{took}".replace("[", r"\[").replace("$", r"\$")
            with st.expander(label, expanded=is_bad):
                _exchange(row)


def _exchange(row: Mapping[str, Any]) -> None:
    if row["message"]:
        for problem in row["message"].split("; "):
            st.html(theme.entry(row["status"], [escape(problem)]))
    request, response = _kept(row["request"]), _kept(row["response"])
    if not request or not response:
        skipped = "This request was not sent: one before it did not pass."
        st.html(theme.aside(skipped if row["status"] == "skipped" else "Nothing of it is kept."))
        return
    st.html(theme.quiet(escape(_timed(response))))
    left, right = st.columns(2)
    with left:
        _message("Sent", f"{request['method']} {request['url']}", request)
    with right:
        status = f"HTTP {response['status']} {response['reason']}".strip()
        _message("Answered", status if response["status"] else "No answer", response)


def _kept(sha: str | None) -> dict[str, Any] | None:
    body = data.artifact(sha) if sha else None
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _timed(response: Mapping[str, Any]) -> str:
    """Return what took how long, and what else is worth knowing of an answer."""
    told = [
        f"{label} {1000 * response[key]:,.1f} ms"
        for key, label in (("connect_s", "connected in"), ("first_byte_s", "first byte after"),
                           ("total_s", "whole after"))
        if response.get(key) is not None
    ]  # fmt: skip
    told += [f"redirected {one}" for one in response.get("redirects", [])]
    if response.get("certificate") == "not checked":
        told.append("the certificate was not checked")
    return " · ".join(told)


def _message(title: str, head: str, said: Mapping[str, Any]) -> None:
    """Draw one side of an exchange: its first line, headers and body."""
    headers = "\n".join(f"{name}: {value}" for name, value in said["headers"])
    body = _pretty(str(said["body"]))
    cut = len(body) > MOST_TEXT or said["is_cut"]
    more = f"\n… {words.size(said['body_bytes'])} in all" if cut else ""
    st.html(f"<b>{escape(title)}</b>")
    text = "\n".join(part for part in (head, headers, "", body[:MOST_TEXT] + more) if part or body)
    st.code(text, language=None, wrap_lines=True)


def _pretty(body: str) -> str:
    """Return JSON with a line for each value, other text as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _times(asked: dict[str, Any], found: Rows) -> None:
    """Draw the response times of the period: by day, or by minute where there is one day only."""
    days = found.frame["started_at"].dt.date().n_unique()
    unit = "day" if days > 1 else "minute"
    times = data.rows(TIMES, **asked, unit=unit)
    count = words.plural(int(times.frame["answers"].sum()), "answer")
    charts.show(
        times, lambda frame: _lines(frame, unit), title="Response times", n=count,
        unit=f"milliseconds until the whole answer was there, by {unit} (UTC)", legend=LINES,
    )  # fmt: skip


def _lines(frame: pl.DataFrame, unit: str) -> alt.Chart:
    long = frame.unpivot(list(LINES), index="moment", variable_name="what", value_name="ms")
    scale = alt.Scale(domain=list(LINES), range=list(LINES.values()))
    pattern = "%-d %b" if unit == "day" else "%H:%M"
    axis = alt.Axis(format=pattern, tickCount=min(8, frame.height), grid=False)
    return (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2)
        .encode(
            x=alt.X("moment:T", title=None, axis=axis),
            y=alt.Y("ms:Q", title="ms", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4)),
            color=alt.Color("what:N", scale=scale, legend=None),
            tooltip=[alt.Tooltip("moment:T", title="at", format="%Y-%m-%d %H:%M"), "what:N",
                     alt.Tooltip("ms:Q", format=",.1f")],
        )
        .properties(height=200)
    )  # fmt: skip
