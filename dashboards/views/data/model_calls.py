"""Model calls: what was sent to a language model, what came back, what it cost. Nothing is sent."""

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
from golive_agents.calls import PICTURE
from golive_core import settings
from golive_core.endpoint import Model
from golive_core.errors import GoLiveError

TITLE = "Model calls"
ICON = ":material/neurology:"
SECTION = "Data"
ORDER = 92
QUESTION = "What has left this machine for a language model, and what did it cost?"
READS = ("ops.llm_calls",)
HAS_PERIOD = False
NEEDS_PROJECT = False
SHOWN = 200
STATUS = {
    "answered": "passed", "cached": "passed", "refused": "cancelled", "failed": "failed",
    "rejected": "failed",
}  # fmt: skip
"""Status of a call to the status word whose symbol it has."""

CALLS = """
select
    call_id, "at", agent, subject, prompt, model, host, status, reason, masks, tokens_in,
    tokens_out, cost_usd, first_token_s, duration_s, retries, sent, answer
from ops.llm_calls
order by "at" desc
limit $shown
"""
DAILY = """
select day, sum(tokens_in)::bigint + sum(tokens_out)::bigint as tokens, sum(cost_usd) as cost_usd
from ops.llm_calls
group by day
order by day
"""
TODAY = """
select
    count(*) as calls, coalesce(sum(tokens_in + tokens_out), 0)::bigint as tokens,
    coalesce(sum(cost_usd), 0) as usd
from ops.llm_calls
where day = $today
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    calls = data.rows(CALLS, shown=SHOWN)
    model = _model()
    today = data.rows(TODAY, today=scope.now.date())
    _summary(calls, model)
    _budget(today.first(), model)
    wanted = charts.focus("call")
    if wanted:
        _one(calls, wanted, scope)
        return
    _list(calls, scope)
    charts.show(
        data.rows(DAILY), _days, title="Tokens by day", unit="tokens sent and received, UTC days",
        note="Answers from the cache cost none.",
    )  # fmt: skip


def _days(frame: pl.DataFrame) -> alt.Chart:
    return (
        alt.Chart(frame)
        .mark_bar(color=theme.SERIES[0], cornerRadius=1.5, width=12)
        .encode(
            x=alt.X("yearmonthdate(day):T", title=None, axis=alt.Axis(format="%-d %b", grid=False)),
            y=alt.Y("tokens:Q", title=None, axis=alt.Axis(tickCount=4)),
            tooltip=[alt.Tooltip("day:T", format="%-d %b %Y"), "tokens", "cost_usd"],
        )
        .properties(height=150)
    )


def _model() -> Model:
    try:
        return settings.load(settings.base_folder()).model
    except GoLiveError:
        return Model()


def _summary(calls: Rows, model: Model) -> None:
    sent = calls.frame.filter(pl.col("sent").is_not_null()).height if calls.height else 0
    title = f"{words.plural(sent, 'question')} left this machine" if sent else (
        "Nothing has left this machine for a model"
    )  # fmt: skip
    if not model.is_configured:
        lead = "No model is configured: everything works without one."
    elif not model.may_send:
        lead = f"{model.name} is configured, but nothing may be sent to it: may_send is false."
    else:
        lead = f"{model.name} at {model.url} may be sent evidence, with its secrets masked."
    charts.headline(title, lead)
    if not model.is_configured:
        example = '[model]\nurl = "http://127.0.0.1:11434/v1"\nname = "NAME"\nmay_send = true'
        st.code(example, language="toml", width=440)


def _budget(today: Mapping[str, Any], model: Model) -> None:
    calls, tokens, usd = (today.get(name) or 0 for name in ("calls", "tokens", "usd"))
    charts.metrics(
        [
            ("Calls today", words.number(calls), "UTC day, cached and refused ones too"),
            ("Tokens today", words.number(tokens), f"of {words.number(model.day_tokens)} a day"),
            ("Cost today", words.money(usd), f"of {words.money(model.day_usd)} a day"),
        ]
    )


def _list(calls: Rows, scope: Scope) -> None:
    note = f"n = {words.plural(calls.height, 'call')}, the newest. Select one for what was sent."
    with charts.figure("Calls", calls, key="model-calls", note=note if calls.height else ""):
        if calls.is_empty:
            st.html(theme.aside("No agent has asked a model yet."))
            return
        shown = calls.frame.select(
            pl.col("at").dt.convert_time_zone(str(scope.zone)),
            pl.col("status").replace_strict(
                {word: f"{theme.SYMBOL[kind]} {word}" for word, kind in STATUS.items()}
            ),
            "agent",
            "subject",
            "model",
            "host",
            pl.col("tokens_in") + pl.col("tokens_out"),
            "cost_usd",
            pl.col("reason").fill_null(words.NOTHING),
        )
        row = boards.board(shown, COLUMNS, key="model-calls-board", most=14)
        if row >= 0:
            boards.look_at("call", calls.frame["call_id"][row])


def _one(calls: Rows, wanted: str, scope: Scope) -> None:
    boards.back("All calls", "call")
    found = [row for row in calls.dicts() if row["call_id"] == wanted]
    if not found:
        charts.empty("No such call", "It may be older than those listed here.")
        return
    row = found[0]
    facts = (
        f"{row['status']} · {words.moment(row['at'], scope.zone)} · {row['prompt']} · "
        f"{row['model']} at {row['host']} · masked: {_masked(row['masks'])}"
    )
    st.html(f"<div class='gl-line'>{theme.quiet(escape(facts))}</div>")
    if row["reason"]:
        st.html(f"<div class='gl-line'>{escape(row['reason'])}</div>")
    one = Rows(calls.frame.filter(pl.col("call_id") == wanted), calls.sql, None, calls.written_at)
    with charts.figure("Exactly what was sent", one, key="call-sent"):
        messages: list[dict[str, str]] = json.loads(row["sent"]) if row["sent"] else []
        if not messages:
            st.html(theme.aside("Nothing was sent."))
        for message in messages:
            st.caption(message["role"])
            _sent(message["content"])
    with charts.figure("Exactly what came back", one, key="call-answer"):
        st.code(row["answer"] or "Nothing.", language=None, wrap_lines=True)


def _sent(content: str) -> None:
    if not content.startswith(PICTURE):
        st.code(content, language=None, wrap_lines=True)
    elif (body := data.artifact(content.removeprefix(PICTURE))) is not None:
        st.image(body, alt="A changed region of a page, as it was sent")
    else:
        st.html(theme.aside("The picture is not kept any more."))


def _masked(text: str | None) -> str:
    kinds: dict[str, int] = json.loads(text or "{}")
    return ", ".join(f"{n} {kind.lower()}" for kind, n in kinds.items()) or "nothing"


COLUMNS = {
    "at": st.column_config.DatetimeColumn("When", format="D MMM, HH:mm:ss", width=125),
    "status": st.column_config.TextColumn("Status", width=100),
    "agent": st.column_config.TextColumn("Agent", width=120),
    "subject": st.column_config.TextColumn("About", width=170),
    "model": st.column_config.TextColumn("Model", width=110),
    "host": st.column_config.TextColumn("Host", width=130),
    "tokens_in": st.column_config.NumberColumn("Tokens", width=75),
    "cost_usd": st.column_config.NumberColumn("USD", format="%.4f", width=75),
    "reason": st.column_config.TextColumn("Reason", width=220),
}
