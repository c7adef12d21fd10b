"""The people of a shared GoLive: who may come in as what, changed by admins."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards import boards, reader, theme, words
from golive_core import settings
from golive_core.access import ROLES
from golive_core.accounts import Accounts, User
from golive_core.errors import GoLiveError

WHAT = {
    "admin": "everything, people and settings too",
    "developer": "Dagster, SQL, actions and approvals in their projects",
    "tester": "uploads, quarantine and baselines in their projects",
    "viewer": "reads their projects",
}


def show() -> None:
    """List the users, and let an admin change one."""
    st.subheader("People", anchor=False)
    accounts = Accounts(settings.home())
    found = accounts.all()
    if not found:
        st.html(theme.aside(
            "Nobody but the owner of this machine, who comes in by the link of golive up. "
            "golive user add NAME --role admin lets the next one in."
        ))  # fmt: skip
        return
    picked = boards.board(pl.DataFrame([_row(one) for one in found]), {}, key="people", most=10)
    st.caption(" · ".join(f"{name}: {what}" for name, what in WHAT.items()))
    if picked >= 0 and reader.may("write", "users"):
        _change(accounts, found[picked])


def _row(one: User) -> dict[str, str]:
    last = datetime.fromtimestamp(one.signed_in_at, UTC) if one.signed_in_at else None
    return {
        "name": one.name, "role": one.role, "projects": ", ".join(one.projects) or "all",
        "state": "disabled" if one.disabled_at else "active",
        "last sign-in": words.ago(last, datetime.now(UTC)) if last else "never",
    }  # fmt: skip


def _change(accounts: Accounts, one: User) -> None:
    """Offer role, projects and a lock; what is chosen reaches pages that are open."""
    known = list(settings.load().projects)
    with st.form(f"person-{one.name}-{one.version}"):
        st.markdown(f"**{one.name}**")
        role = st.selectbox("Role", ROLES, index=ROLES.index(one.role))
        projects = st.multiselect(
            "Projects (none: all)", sorted({*known, *one.projects}), default=list(one.projects)
        )
        disabled = st.checkbox("May not come in", value=one.disabled_at is not None)
        if not st.form_submit_button("Change"):
            return
    if not reader.may("write", "users"):
        return
    try:
        accounts.change(one.name, role=role, projects=projects, disabled=disabled, by=reader.name())
    except GoLiveError as error:
        st.error(str(error))
        return
    st.session_state["people-changed"] = time.time()
    st.rerun()
