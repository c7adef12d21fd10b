"""Who reads: the session of the browser, held to its role and projects.

The cookie is looked at when a page opens. From then on the session itself is asked after, so that
signing out and a change of role reach open pages, and a page may stay open longer than an access
token is valid.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from golive_core import access, settings
from golive_core.access import OWNER, Identity
from golive_core.errors import GoLiveError
from golive_core.sessions import Sessions
from golive_core.sight import Sight

if TYPE_CHECKING:
    from dashboards.scope import Project

KEY = "_reader"
LEFT = "_reader_left"
NOTHING = Identity("", "viewer", projects=("(nobody)",)).sight()
PAGES = {
    "settings": ("read", "settings"), "security": ("read", "security"),
    "model_calls": ("read", "audit"), "health": ("read", "health"),
}  # fmt: skip
"""Slug of a page to what somebody has to be allowed to see it; the others are for everybody."""


def now() -> Identity | None:
    """Return who reads, None for nobody; everybody is the owner where no sign-in is asked for."""
    if not access.is_required():
        return OWNER
    found = _by_now(st.session_state.get(KEY))
    st.session_state[KEY] = found
    return found


def name() -> str:
    """Return the reader's name for what is noted, "" for nobody."""
    found = now()
    return found.name if found else ""


def person() -> str:
    """Return who decides, for the record: the reader, or the account of the machine's owner."""
    found = now()
    if found is not None and found != OWNER:
        return found.name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return OWNER.name


def may(action: str, resource: str, project: str = "") -> bool:
    """Tell whether the reader may do something."""
    found = now()
    return found is not None and found.may(action, resource, project)


def may_see(slug: str) -> bool:
    """Tell whether a page is for the reader."""
    return slug not in PAGES or may(*PAGES[slug])


def visible(projects: Sequence[Project]) -> list[Project]:
    """Return the projects that the reader may see."""
    only = held()
    return [one for one in projects if not only or one.id in only]


def sign_out() -> None:
    """End the session of the reader, on every page that is open."""
    known: Identity | None = st.session_state.pop(KEY, None)
    if known is not None and known.session_id:
        Sessions(settings.home()).end(known.session_id)
    else:
        access.sign_out(st.context.cookies)
    st.session_state[LEFT] = True


def may_be_renewed() -> bool:
    """Tell whether the browser has a session that is only over for now: /sign-in may renew it."""
    value = st.context.cookies.get(access.COOKIE, "")
    return value.count(".") == access.JWT_DOTS and not st.session_state.get(LEFT)


def sight() -> Sight:
    """Return what the reader may see of the lake; nothing for nobody."""
    found = now()
    return found.sight() if found else NOTHING


def held() -> tuple[str, ...]:
    """Return the projects that the reader is held to; none means all."""
    found = now()
    return found.visible() if found else ()


def has_left() -> bool:
    """Tell whether the session of an open page is over, or somebody else's by now."""
    known: Identity | None = st.session_state.get(KEY)
    if not access.is_required() or known is None:
        return False
    try:
        return _by_now(known) != known
    except GoLiveError:
        return True


def _by_now(known: Identity | None) -> Identity | None:
    """Return who reads an open page; the owner's cookie is good for as long as it is one."""
    if known is not None and known.session_id:
        return Sessions(settings.home()).holds(known)
    return access.who(st.context.cookies)
