"""Ask: a question in plain English; the answer with its rows, its chart, and the SQL to change.

What can be asked and how it is read belongs to `golive_agents/chat_assistant.py`; here it is shown.
"""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, reader, theme
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_agents.chat_assistant import Answer, Assistant, Refusal
from golive_agents.semantic_layer import subjects
from golive_core.errors import QueryError

TITLE = "Ask"
ICON = ":material/forum:"
SECTION = "Ask"
ORDER = 80
QUESTION = "What do you want to know?"
READS = ()
HAS_PERIOD = False
TURNS = "ask_turns"
"""Session key of the conversation: what was asked and answered, oldest first."""
KEPT = 20
"""Turns that are kept on the page."""
BAR_PX = 26
FIRST = (
    "What is broken now?",
    "Which flaky tests waste the most time?",
    "Failure rate per day",
    "Which pipeline fails most often?",
    "What will fail next?",
    "Who committed most this month?",
)

Turn = Answer | Refusal


def render(scope: Scope) -> None:
    """Draw the page."""
    turns = _turns(scope)
    asked = st.chat_input("Ask about builds, tests, commits, deployments …", key="ask_input")
    asked = asked or st.session_state.pop("ask_next", None)
    linked = charts.focus("q")
    if not asked and linked and not turns:
        asked = linked
    if asked:
        _ask(scope, turns, asked)
    if not turns:
        _welcome()
        return
    for number, turn in enumerate(turns):
        _show(turn, number, is_last=number == len(turns) - 1)


def _turns(scope: Scope) -> list[Turn]:
    """Return the conversation about this project, from the session."""
    talks = cast("dict[str, list[Turn]]", st.session_state.setdefault(TURNS, {}))
    return talks.setdefault(scope.project.id, [])


def _ask(scope: Scope, turns: list[Turn], question: str) -> None:
    assistant = Assistant(data.seen_lake(), project=scope.project.id, clock=lambda: scope.now)
    answers = [turn for turn in turns if isinstance(turn, Answer)]
    turns.append(assistant.ask(question, previous=answers[-1].plan if answers else None))
    del turns[:-KEPT]
    st.query_params["q"] = question


def _welcome() -> None:
    charts.headline(
        "What do you want to know?",
        "Answers come from your own data, with the SQL behind them. Nothing leaves this machine.",
    )
    with st.container(horizontal=True, gap="small"):
        for one in FIRST:
            _suggest(one, key=f"first-{one}")
    with st.expander("What can be asked"):
        for subject in subjects().values():
            parts = [*subject.measures.values(), *subject.amounts.values()]
            st.markdown(
                f"**{subject.label}** {subject.about}  \n"
                f"Measures: {', '.join(part.label for part in parts)}.  \n"
                f"By: {', '.join(part.label for part in subject.dimensions.values())}"
                f"{', day, week, month' if subject.day else ''}."
            )


def _suggest(question: str, *, key: str) -> None:
    st.button(question, key=key, type="secondary", on_click=_next, args=(question,))


def _next(question: str) -> None:
    st.session_state["ask_next"] = question


def _show(turn: Turn, number: int, *, is_last: bool) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.text(turn.question)
    with st.chat_message("assistant", avatar=":material/insights:"):
        if isinstance(turn, Refusal):
            _refusal(turn, number, is_last=is_last)
        else:
            _answer(turn, number, is_last=is_last)


def _refusal(turn: Refusal, number: int, *, is_last: bool) -> None:
    st.text(turn.reason)
    if is_last and turn.suggestions:
        st.caption("You could ask")
        with st.container(horizontal=True, gap="small"):
            for one in turn.suggestions:
                _suggest(one, key=f"instead-{number}-{one}")


def _answer(turn: Answer, number: int, *, is_last: bool) -> None:
    st.text(turn.sentence)
    if turn.rows.is_empty():
        return
    rows = Rows(turn.rows, turn.sql)
    with charts.figure(_title(turn), rows, key=f"ask-{number}", note=turn.period):
        if turn.chart == "line":
            _line(turn, number)
        elif turn.chart == "bars":
            _bars(turn, number)
        if turn.chart != "number":
            _table(turn.rows, key=f"ask-rows-{number}")
    if is_last and reader.may("read", "sql"):
        _editor(turn, number)


def _title(turn: Answer) -> str:
    """Return what is shown: the sentence up to its number."""
    if not turn.value:
        return turn.plan.subject.replace("_", " ").capitalize()
    return turn.sentence.partition(f" {turn.period}")[0].partition(":")[0].removesuffix(" in")


def _table(frame: pl.DataFrame, *, key: str) -> None:
    kinds = st.column_config
    columns = {
        name: kinds.DateColumn(name.replace("_", " "))
        if dtype == pl.Date
        else kinds.NumberColumn(name.replace("_", " "), format="%.2f")
        if dtype.is_float()
        else kinds.Column(name.replace("_", " "))
        for name, dtype in frame.schema.items()
    }
    height = charts.table_height(frame.height)
    st.dataframe(frame, hide_index=True, key=key, column_config=columns, height=height)


def _axis(turn: Answer) -> str:
    name = turn.value.replace("_", " ").capitalize()
    return f"{name}{f' ({turn.unit})' if turn.unit else ''}"


def _line(turn: Answer, number: int) -> None:
    grain = turn.plan.grain
    chart = alt.Chart(turn.rows).mark_line(point=True, color=theme.SERIES[0]).encode(
        x=alt.X(f"{grain}:T", title=None),
        y=alt.Y(f"{turn.value}:Q", title=_axis(turn)),
        tooltip=[grain, turn.value],
    )  # fmt: skip
    if turn.plan.dimensions:
        chart = chart.encode(color=alt.Color(f"{turn.plan.dimensions[0]}:N"))
    charts.plain(chart.properties(height=220), key=f"ask-{number}", alternative=turn.sentence)


def _bars(turn: Answer, number: int) -> None:
    keys = [name for name in (turn.plan.grain, *turn.plan.dimensions) if name]
    order = turn.rows[keys[0]].cast(str).to_list()
    chart = alt.Chart(turn.rows).mark_bar(color=theme.SERIES[0], height=14).encode(
        y=alt.Y(f"{keys[0]}:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
        x=alt.X(f"{turn.value}:Q", title=_axis(turn)),
        tooltip=[*keys, turn.value],
    )  # fmt: skip
    height = 50 + BAR_PX * len(set(order))
    charts.plain(chart.properties(height=height), key=f"ask-{number}", alternative=turn.sentence)


def _editor(turn: Answer, number: int) -> None:
    """Offer the SQL of the newest answer to be changed and run in the sandbox."""
    with st.expander("Change the SQL", icon=":material/edit:"):
        text = st.text_area("SQL", turn.sql, height=260, key=f"ask-sql-{number}",
                            label_visibility="collapsed")  # fmt: skip
        if st.button("Run", key=f"ask-run-{number}", icon=":material/play_arrow:"):
            _run(text, number)


def _run(text: str, number: int) -> None:
    try:
        frame = Assistant(data.seen_lake()).run(text)
    except QueryError as error:
        charts.failed(error)
        return
    with charts.figure("Rows", Rows(frame, text), key=f"ask-own-{number}"):
        _table(frame, key=f"ask-own-rows-{number}")
