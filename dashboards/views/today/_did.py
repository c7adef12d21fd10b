"""What GoLive did about it: actions, messages, rows kept out and verdicts of the last days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.scope import Scope

DAYS = 7
SHOWN = 8
DONE = """
select step.at as done_at, 'action' as kind, step.action as what, step.target as whom,
    step.phase as outcome, step.actor as actor, 1 as times
from ops.audit_log as step
where step.day >= $since and step.phase in ('done', 'failed', 'dry_run')
union all
select coalesce(sent.sent_at, sent.created_at), 'message', sent.title, sent.recipient, sent.status,
    sent.channel, 1
from ops.notifications as sent
where sent.created_at >= $since
union all
select max(kept.at), 'kept out', kept.reason, kept.table_name, 'done', kept.instance, count(*)
from ops.quarantine as kept
where kept.day >= $since
group by kept.reason, kept.table_name, kept.instance
union all
select max(run.at), 'model', run.name, '', 'done', '', count(*)
from ops.model_runs as run
where run.at >= $since and run.kind = 'score'
group by run.name
order by done_at desc
limit $shown
"""


def draw(scope: Scope) -> None:
    """Draw the newest things that GoLive did by itself or was asked to do."""
    done = data.rows(DONE, since=(scope.now - timedelta(days=DAYS)).date(), shown=SHOWN)
    note = f"The last {DAYS} days, all projects; every action is in the audit log."
    with charts.figure("What GoLive did", done, key="did", note=note if done.height else ""):
        if done.is_empty:
            st.html(
                theme.aside(
                    f"Nothing in {DAYS} days. It comments, opens tickets and sends messages once a "
                    "target is named in golive.toml; see golive action --help"
                )
            )
            return
        st.html(theme.listed(_item(row, scope) for row in done.dicts()))


def _item(row: Mapping[str, Any], scope: Scope) -> str:
    at = theme.quiet(words.ago(row["done_at"], scope.now))
    return (
        f"<div class='gl-item gl-keep'><span class='gl-line'>{sentence(row)}</span>"
        f"<span>{at}</span></div>"
    )


def sentence(row: Mapping[str, Any]) -> str:
    """Return what was done, as HTML."""
    what, whom = escape(row["what"] or ""), escape(row["whom"] or "")
    times = words.plural(row["times"], "time")
    if row["kind"] == "message":
        return f"Sent {theme.quiet(f'to {whom}')} {what}{_how(row['outcome'], good='sent')}"
    if row["kind"] == "kept out":
        rows = words.plural(row["times"], "row")
        return f"Kept {rows} out of {theme.code(row['whom'])} {theme.quiet(what)}"
    if row["kind"] == "model":
        return f"Judged with {theme.code(row['what'])} {theme.quiet(times)}"
    return f"{theme.code(row['what'])} {theme.quiet(whom)}{_how(row['outcome'], good='done')}"


def _how(outcome: str, *, good: str) -> str:
    if outcome == good:
        return ""
    tone = theme.STATUS["failed"] if outcome == "failed" else theme.STATUS["cancelled"]
    return " " + theme.chip(outcome.replace("_", " "), tone)
