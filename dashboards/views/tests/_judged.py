"""What a model that can see says of a look that differs; it is asked when a person wants it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from assets import look_judging
from dashboards import data, moment, reader, theme
from golive_agents.calls import Reply
from golive_agents.visual_judge import Judgement
from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.settings import Settings

VERDICTS = {
    "fault": "it looks like a fault", "meant": "it looks meant",
    "unsure": "it cannot tell whether it is meant",
}  # fmt: skip


def draw(row: Mapping[str, Any]) -> None:
    """Offer to ask the configured model about a waiting look, and draw what it said."""
    known = settings.load(settings.base_folder())
    is_asked = known.model.is_configured and moment.as_of() is None and row["verdict"] == "changed"
    if not is_asked or not reader.may("perform", "actions", row["project_id"]):
        return
    key = f"judged-{row['look_id']}-{row['actual']}"
    if st.button(f"Ask {known.model.name} what changed", key=f"ask-{row['look_id']}",
                 icon=":material/neurology:", type="tertiary"):  # fmt: skip
        st.session_state[key] = _ask(row, known)
    reply: Reply[Judgement] | None = st.session_state.get(key)
    if reply is not None:
        st.html(_said(reply))


def _ask(row: Mapping[str, Any], known: Settings) -> Reply[Judgement]:
    with st.spinner(f"{known.model.name} looks at the changed regions …"):
        try:
            return look_judging.judged(data.lake(), known, row)
        except GoLiveError as error:
            return Reply(None, str(error))


def _said(reply: Reply[Judgement]) -> str:
    if reply.value is None:
        return theme.aside(f"No words from the model: {reply.reason}")
    said = reply.value
    lines = [
        f"<div class='gl-line'>{escape(one.text)} {theme.quiet(escape(one.kind))}</div>"
        for one in said.regions
    ]
    head = f"{said.model}: {VERDICTS[said.verdict]}, {said.confidence:.0%} sure by its own word"
    return f"<div class='gl-eyebrow'>{escape(head)}</div>{theme.listed(lines)}"
