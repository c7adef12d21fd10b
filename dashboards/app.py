"""The frame around every page: sign-in, navigation, filters, and what to say when something fails.

Run by `golive up`, or `streamlit run dashboards/app.py`. What a page shows belongs to its file in
`views/`; here it is only decided whether it can be shown at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.navigation.page import Page

from dashboards import catalog, charts, data, filters, moment, past, reader, scope, theme
from dashboards.catalog import View
from dashboards.scope import Project, Scope
from golive_core import access
from golive_core.errors import GoLiveError

ICON = Path(__file__).parent / "static" / "icon.svg"
RENEW = """
<script>
(() => {
  const before = Number(sessionStorage.getItem("golive-renewed"));
  if (Date.now() - before < 10000) return;
  sessionStorage.setItem("golive-renewed", Date.now());
  location.replace(WAY);
})();
</script>
"""
"""Leads on to where a session is renewed; once in ten seconds, so that nobody goes in circles."""
WATCH_S = 5  # seconds between two looks after the session, which is asked once in three
REFRESH_S = 15  # seconds between two looks at the lake's version, a directory listing each


def main() -> None:
    """Draw the frame and the page that the URL names."""
    st.set_page_config(page_title="GoLive", page_icon=str(ICON), layout="wide")
    st.logo(str(ICON), size="small")
    st.html(theme.CSS)
    if not guard():
        return
    views = [view for view in catalog.views() if reader.may_see(view.slug)]
    chosen = st.navigation(_sections(views), expanded=True)
    account()
    if access.is_required():
        watch_session()
    watch_lake()
    chosen.run()
    st.html(theme.HEAD, unsafe_allow_javascript=True)


def guard() -> bool:
    """Tell whether the reader may come in; otherwise say how."""
    found = reader.now()
    if found is not None and found.may("use", "dashboards"):
        return True
    way = data.sign_in_url(_here())
    if reader.may_be_renewed():
        st.html(RENEW.replace("WAY", json.dumps(way)), unsafe_allow_javascript=True)
    charts.empty(
        "Please sign in",
        "Open the sign-in link that golive up printed in its terminal, or sign in by name. A link "
        "works for one hour; for a new one, run this where GoLive runs:",
        "golive up",
    )
    st.link_button("Sign in", way, type="primary")
    return False


def _here() -> str:
    """Return the path and filters of the page, to come back to."""
    query = urlencode(st.query_params.to_dict())
    return urlsplit(st.context.url or "/").path + (f"?{query}" if query else "")


def account() -> None:
    """Say who reads, with a way out; nothing where no sign-in is asked for."""
    found = reader.now()
    if found is None or not access.is_required():
        return
    with st.sidebar.popover(found.name, icon=":material/account_circle:", type="tertiary",
                            width="stretch"):  # fmt: skip
        st.caption(f"{found.role.capitalize()} of {', '.join(found.projects) or 'every project'}")
        if found.session_id:
            st.link_button("Change password", data.gateway_url("/sign-in/password"),
                           type="tertiary", icon=":material/key:")  # fmt: skip
        st.button("Sign out", on_click=reader.sign_out, type="tertiary", key="sign-out",
                  icon=":material/logout:")  # fmt: skip


def _sections(views: list[View]) -> dict[str, list[Page]]:
    sections: dict[str, list[Page]] = {}
    links: dict[str, Page] = {}
    for view in views:
        page = st.Page(
            _page(view),
            title=view.title,
            icon=view.icon,
            url_path=view.slug,
            default=view is views[0],
            help=view.question,
        )
        sections.setdefault(view.section, []).append(page)
        links[view.slug] = page
    charts.remember_pages(links)
    return sections


def _page(view: View) -> Callable[[], None]:
    return partial(show, view)


def show(view: View) -> None:
    """Draw one page inside the frame, or say why it cannot be drawn and what to do."""
    try:
        past.take()
        known = reader.visible(scope.projects())
        if view.needs_project and not known:
            charts.nothing_yet()
            return
        chosen = bar(
            view, known or [Project("", "No project", is_simulated=False, newest_day=None)]
        )
        with st.skeleton(height=360):
            view.render(chosen)
    except GoLiveError as error:
        charts.failed(error)


def bar(view: View, known: list[Project]) -> Scope:
    """Draw the title line with the filters, whose values live in the URL; return what they say."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="frame"):
        st.html(f"<span class='gl-eyebrow'>{view.title}</span>", width="stretch")
        project = _project_filter(known) if view.needs_project else known[0]
        days = _period_filter() if view.has_period else scope.DEFAULT_DAYS
        past.control()
    past.banner()
    if project.is_simulated and view.needs_project:
        charts.simulated(project.name, is_alone=len(known) == 1)
    return scope.make(project, days)


def _project_filter(known: list[Project]) -> Project:
    by_id = {project.id: project for project in known}
    names = {project.id: project.name for project in known}
    return by_id[filters.choice("project", names, default=known[0].id, width=190, keep=True)]


def _period_filter() -> int:
    names = {str(days): f"{days} days" for days in scope.PERIODS}
    default = str(scope.DEFAULT_DAYS)
    return int(filters.choice("days", names, default=default, width=105, keep=True))


@st.fragment(run_every=WATCH_S)
def watch_session() -> None:
    """Draw the page anew once its session is over, or its reader may see something else."""
    if reader.has_left():
        st.rerun()


@st.fragment(run_every=REFRESH_S)
def watch_lake() -> None:
    """Draw the page anew once the lake has changed; nothing is queried before.

    The past does not change.
    """
    if moment.as_of() is not None:
        return
    try:
        now = data.version()
    except GoLiveError:
        return
    if st.session_state.setdefault("lake_version", now) != now:
        st.session_state["lake_version"] = now
        st.rerun()


if __name__ == "__main__":
    main()
