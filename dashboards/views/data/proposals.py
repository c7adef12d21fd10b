"""Proposals: what agents want to do outside; a person approves or rejects each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import streamlit as st

from assets import proposals
from dashboards import charts, data, moment, reader, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_core import settings
from golive_core.errors import GoLiveError, UsageError

TITLE = "Proposals"
ICON = ":material/approval:"
SECTION = "Data"
ORDER = 91
QUESTION = "What do agents want to do, and may they?"
READS = ("ops.proposals",)
HAS_PERIOD = False
NEEDS_PROJECT = False
DECIDED = 20
SAID = "proposals_said"
"""Session key of what became of the last decision."""
DOTS = {
    "open": "queued", "approved": "running", "rejected": "cancelled", "done": "passed",
    "failed": "failed",
}  # fmt: skip

QUEUE = """
select *
from ops.proposals
where
    status in ('open', 'failed')
    and (len($only) = 0 or project_id in (select unnest($only)))
order by proposed_at
"""
PAST = """
select *
from ops.proposals
where
    status not in ('open', 'failed')
    and (len($only) = 0 or project_id in (select unnest($only)))
order by decided_at desc
limit $shown
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    only = list(reader.held())
    queue = data.rows(QUEUE, only=only)
    charts.headline(
        f"{words.plural(queue.height, 'proposal waits', 'proposals wait')} for you"
        if queue.height
        else "Nothing waits for a decision",
        "Agents only propose. What is approved here is performed once, and the audit log says who.",
    )
    said = st.session_state.pop(SAID, "")
    if said:
        st.info(said)
    with charts.figure("To be decided", queue, key="proposals-open"):
        if queue.is_empty:
            st.html(theme.aside("golive explain BUILD --propose puts a comment here."))
        for row in queue.dicts():
            _waiting(row, scope)
    _decided(data.rows(PAST, shown=DECIDED, only=only), scope)


def _waiting(row: Mapping[str, Any], scope: Scope) -> None:
    number = row["proposal_id"]
    with st.container(border=True, key=f"proposal-{number}"):
        st.html(_facts(row, scope))
        with st.expander(f"Exactly what {row['action']} would be given"):
            for name, value in json.loads(row["parameters"]).items():
                st.caption(name)
                st.code(str(value), language=None, wrap_lines=True)
            st.caption("rests on")
            st.code("\n".join(json.loads(row["evidence"] or "[]")), language=None, wrap_lines=True)
        if moment.as_of() is not None or not _may(row["project_id"]):
            return
        note = st.text_input("Why (for the record)", key=f"note-{number}", max_chars=500)
        with st.container(horizontal=True):
            _button("Approve and perform", "secondary", _approve, number, note)
            _button("Reject", "tertiary", _reject, number, note)


def _button(
    label: str, kind: Any, done: Callable[[str, str], None], number: str, note: str  # noqa: ANN401 - Streamlit's word
) -> None:  # fmt: skip
    key = f"{label.partition(' ')[0].lower()}-{number}"
    st.button(label, type=kind, key=key, on_click=done, args=(number, note))


def _facts(row: Mapping[str, Any], scope: Scope) -> str:
    failed = f" The last try failed: {row['result']}" if row["status"] == "failed" else ""
    about = (
        f"{row['agent']} · about {row['subject']} · {row['action']} on {row['instance']} · "
        f"{words.ago(row['proposed_at'], scope.now)}"
    )
    return theme.entry(
        DOTS[row["status"]],
        [
            f"<b>{escape(row['title'])}</b>",
            f"{escape(row['reason'] or '')}{escape(failed)}",
            theme.quiet(escape(about)),
        ],
    )


def _may(project: str) -> bool:
    """Tell whether the reader may decide for a project: it is asked again at the click."""
    return reader.may("approve", "proposals", project) and (
        reader.may("perform", "actions", project)
    )


def _approve(number: str, note: str) -> None:
    known = settings.load(settings.base_folder())
    _do(
        number, lambda: proposals.approve(data.lake(), known, number, by=reader.person(), note=note)
    )


def _reject(number: str, note: str) -> None:
    _do(number, lambda: proposals.reject(data.lake(), number, by=reader.person(), note=note))


def _do(number: str, decide: Callable[[], Mapping[str, Any]]) -> None:
    try:
        if not _may(proposals.find(data.lake(), number)["project_id"]):
            raise UsageError("you may not decide about it", where=number)
        row = decide()
        st.session_state[SAID] = f"{row['title']}: {row['status']}"
    except GoLiveError as error:
        st.session_state[SAID] = str(error)


def _decided(past: Rows, scope: Scope) -> None:
    with charts.figure("Decided", past, key="proposals-decided"):
        if past.is_empty:
            st.html(theme.aside("Nothing was decided yet."))
            return
        st.html(theme.listed(_past(row, scope) for row in past.dicts()))


def _past(row: Mapping[str, Any], scope: Scope) -> str:
    note = f": {row['note']}" if row["note"] else ""
    who = f"{row['status']} by {row['decided_by']} {words.ago(row['decided_at'], scope.now)}{note}"
    return theme.entry(DOTS[row["status"]], [escape(row["title"]), theme.quiet(escape(who))])
