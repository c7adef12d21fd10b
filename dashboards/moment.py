"""The moment that pages show: now, or a past one that the reader asked for with `?as_of=`.

Everything that is read through `dashboards/data.py` follows it; a page does nothing for that, and
takes `scope.now` where it says how long ago something was.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from golive_core.errors import UsageError

PARAMETER = "as_of"
"""Name in the URL: a day (its end, UTC) or an ISO time."""
STATE = "gl_as_of"
"""Session key of the instant, so that a fragment drawn alone shows the same moment."""
_without_session: ContextVar[datetime | None] = ContextVar("as_of", default=None)


def as_of() -> datetime | None:
    """Return the past instant (aware) that this reader looks at, None for now."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return _without_session.get()
    return st.session_state.get(STATE)


def show(instant: datetime | None) -> None:
    """Show this reader the lake as of an instant from here on."""
    st.session_state[STATE] = instant


@contextmanager
def held(instant: datetime | None) -> Generator[None]:
    """Read as of an instant outside a session: for reports."""
    token = _without_session.set(instant)
    try:
        yield
    finally:
        _without_session.reset(token)


def parse(text: str | None) -> datetime | None:
    """Return the instant of a day or an ISO time in a URL, None for none or one yet to come.

    A day means its end in UTC, as days in the lake are UTC days. Raises UsageError for other text.
    """
    if not text:
        return None
    try:
        found = end_of(date.fromisoformat(text)) if len(text) <= len("2026-01-31") else _time(text)
    except ValueError:
        hint = "For example ?as_of=2026-01-31 or ?as_of=2026-01-31T12:00Z; without it: now"
        raise UsageError(f"{text!r} is not a time", where=f"?{PARAMETER}=", hint=hint) from None
    return found if found < datetime.now(UTC) else None


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that the URL made a space
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_of(day: date) -> datetime:
    """Return the last microsecond of a UTC day."""
    return datetime.combine(day, time.max, UTC)


def told(instant: datetime) -> str:
    """Return the moment in words: `the end of 24 Nov 2026 (UTC)`, `24 Nov 2026, 14:05 UTC`."""
    at = instant.astimezone(UTC)
    if at + timedelta(microseconds=1) == datetime.combine(
        at.date() + timedelta(days=1), time.min, UTC
    ):
        return f"the end of {at:%-d %b %Y} (UTC)"
    return f"{at:%-d %b %Y, %H:%M} UTC"
