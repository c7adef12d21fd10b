"""The control in the frame that shows a past day through the lake's time travel.

The moment stands in the URL as `?as_of=`, so a link to a past view shows the same to everybody.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from html import escape
from urllib.parse import urlencode

import streamlit as st

from dashboards import data, filters, moment, words
from dashboards.moment import PARAMETER

DAY = "past_day"
KEPT = filters.KEPT + PARAMETER


def take() -> None:
    """Show the moment that the URL names, else the one chosen on another page, else now.

    Raises UsageError if the URL names none.
    """
    text = st.query_params.get(PARAMETER) or st.session_state.get(KEPT) or ""
    moment.show(None)
    found = moment.parse(text)
    moment.show(found)
    _keep(text if found else "")


def _keep(text: str) -> None:
    st.session_state[KEPT] = text
    if text and st.query_params.get(PARAMETER) != text:
        st.query_params[PARAMETER] = text
    if not text:
        st.query_params.pop(PARAMETER, None)


def control() -> None:
    """Draw the button that tells which moment is shown, and lets the reader choose another."""
    shown = moment.as_of()
    label = f"{shown.astimezone(UTC):%-d %b %Y}" if shown else _freshness()
    icon = ":material/history:" if shown else ":material/schedule:"
    with st.popover(label, icon=icon, type="tertiary", key="moment"):
        since = data.kept_since()
        if since is None:
            st.caption("The lake is empty: there is no past yet.")
            return
        st.session_state[DAY] = shown.astimezone(UTC).date() if shown else None
        st.date_input(
            "Show the lake as it was at the end of a day (UTC)", None, key=DAY, on_change=_go,
            min_value=min(since.astimezone(UTC).date(), st.session_state[DAY] or date.max),
            max_value=datetime.now(UTC).date(), format="YYYY-MM-DD",
        )  # fmt: skip
        st.caption(f"Kept since {words.day(since, UTC)}.")
        st.link_button(
            "Link to exactly this", _lasting_link(), icon=":material/link:", type="tertiary",
            help="It shows the same whatever comes in later.",
        )  # fmt: skip


def _freshness() -> str:
    written = data.written_at()
    return f"Data {words.ago(written, datetime.now(UTC))}" if written else "No data"


def _go() -> None:
    day: date | None = st.session_state[DAY]
    is_past = day is not None and moment.end_of(day) < datetime.now(UTC)
    _keep(day.isoformat() if day and is_past else "")


def _now() -> None:
    _keep("")


def _lasting_link() -> str:
    """Return the address of this view with the version of the lake that is shown written out."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    written = data.written_at()
    if written and PARAMETER not in query:
        query[PARAMETER] = [written.astimezone(UTC).isoformat().replace("+00:00", "Z")]
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(query, doseq=True)}"


def banner() -> None:
    """Say plainly that the past is shown, and offer the way back."""
    shown = moment.as_of()
    if shown is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="past"):
        st.html(
            f"<div role='status'><b>The past</b>: the lake as it was at "
            f"{escape(moment.told(shown))}.</div>", width="stretch",
        )  # fmt: skip
        st.button("Back to now", key="to-now", type="tertiary", on_click=_now)
