"""The frame around every page: sign-in, navigation, filters, and what to say when something fails.

Run by `golive up`, or `streamlit run dashboards/app.py`. What a page shows belongs to its file in
`views/`; here it is only decided whether it can be shown at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from dashboards import catalog, charts, data, scope, theme
from dashboards.catalog import View
from dashboards.scope import Project, Scope
from golive_core import access
from golive_core.errors import GoLiveError

ICON = Path(__file__).parent / "icon.svg"
REFRESH_S = 15  # seconds between two looks at the lake's version, a directory listing each


def main() -> None:
    """Draw the frame and the page that the URL names."""
    st.set_page_config(page_title="GoLive", page_icon=str(ICON), layout="wide")
    st.logo(str(ICON), size="small")
    st.html(theme.CSS)
    if not guard():
        return
    views = catalog.views()
    chosen = st.navigation(_sections(views))
    watch_lake()
    chosen.run()


def guard() -> bool:
    """Tell whether the reader may come in; otherwise say how."""
    if not access.is_required() or access.is_signed_in(st.context.cookies):
        return True
    charts.empty(
        "Please sign in",
        "Open the sign-in link that golive up printed in its terminal. A link works for one hour; "
        "for a new one, run this where GoLive runs:",
        "golive up",
    )
    return False


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
        known = scope.projects()
        if view.needs_project and not known:
            charts.nothing_yet()
            return
        chosen = filters(
            view, known or [Project("", "No project", is_simulated=False, newest_day=None)]
        )
        with st.skeleton(height=360):
            view.render(chosen)
    except GoLiveError as error:
        charts.failed(error)


def filters(view: View, known: list[Project]) -> Scope:
    """Draw the title line with the filters, whose values live in the URL; return what they say."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="frame"):
        st.html(f"<span class='gl-eyebrow'>{view.title}</span>", width="stretch")
        project = _project_filter(known) if view.needs_project else known[0]
        days = _period_filter() if view.has_period else scope.DEFAULT_DAYS
    if project.is_simulated and view.needs_project:
        charts.simulated(project.name)
    return scope.make(project, days)


def _project_filter(known: list[Project]) -> Project:
    by_id = {project.id: project for project in known}
    names = {project.id: project.name for project in known}
    return by_id[_kept("project", names, default=known[0].id, width=190)]


def _period_filter() -> int:
    names = {str(days): f"{days} days" for days in scope.PERIODS}
    return int(_kept("days", names, default=str(scope.DEFAULT_DAYS), width=105))


def _kept(name: str, options: dict[str, str], *, default: str, width: int) -> str:
    """Draw a filter whose value lives in the URL and survives a change of page.

    Streamlit's own binding writes the label into the URL, not the value. What the URL says wins,
    then what this reader chose before.
    """
    state = st.session_state
    before = [st.query_params.get(name), state.get(name), state.get(f"kept_{name}"), default]
    state[name] = next(value for value in before if value in options)
    picked = st.selectbox(
        name.capitalize(),
        list(options),
        format_func=options.__getitem__,
        key=name,
        on_change=_to_url,
        args=(name,),
        label_visibility="collapsed",
        width=width,
    )
    state[f"kept_{name}"] = picked
    if picked != default or name in st.query_params:
        st.query_params[name] = picked
    return picked


def _to_url(name: str) -> None:
    """Write what was just chosen into the URL, before the page is drawn with it."""
    st.query_params[name] = st.session_state[name]


@st.fragment(run_every=REFRESH_S)
def watch_lake() -> None:
    """Draw the page anew once the lake has changed; nothing is queried before."""
    try:
        now = data.version()
    except GoLiveError:
        return
    if st.session_state.setdefault("lake_version", now) != now:
        st.session_state["lake_version"] = now
        st.rerun()


if __name__ == "__main__":
    main()
