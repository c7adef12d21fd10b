"""How things are shown: figures with their SQL and data, sentences for empty and broken states.

Every chart of every page goes through `show`, every table and list through `figure`: both give it
a title, its SQL, its rows for download, a notebook, and a line that says how much it rests on. What
is drawn belongs to the pages. Where a page has nothing to show it says so with `without`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, timedelta
from html import escape
from typing import Literal

import altair as alt
import polars as pl
import streamlit as st
from streamlit.navigation.page import Page

from dashboards import behind, moment, sources, theme
from dashboards.behind import Drawn, Figure
from dashboards.data import Rows
from golive_core.errors import GoLiveError

FRAME = ("project", "days", moment.PARAMETER)
"""Filters of the frame, which a link takes along."""
RECORD = "golive_figures"
"""Session key of a list that takes every figure drawn: reports are made of the same pages."""
PAGES = "golive_pages"
"""Session key of the pages by slug."""


# ---------------------------------------------------------------- figures

_open: ContextVar[Figure | None] = ContextVar("figure", default=None)
"""The figure that is being drawn: a chart inside belongs to it."""


def show(
    rows: Rows,
    chart: Drawn | Callable[[pl.DataFrame], Drawn],
    *,
    title: str,
    n: str = "",
    unit: str = "",
    note: str = "",
    legend: Mapping[str, str] | None = None,
    key: str = "",
) -> None:
    """Draw a chart with all that belongs to it: the one call that a page needs for one.

    charts.show(rows, _bars, title="Builds by day", n=words.plural(340, "build"),
                unit="builds per UTC day", legend={"passed": theme.STATUS["passed"]})

    `chart` is a chart, or a function of the rows' frame that makes one, called only where there are
    rows. A chart drawn from `rows.frame` itself (shape rows in SQL, not in Polars) stays live in
    the notebook; another one is put there with its values. Above stands the title with `SQL / data`
    (SQL, CSV, Parquet, notebook), below `n`, `unit` and `note`. `legend` is word to colour. `key`
    is needed where two figures of a page have one title.
    """
    key = key or slug(title)
    line = "" if rows.is_empty else basis(n, unit, note)
    with figure(title, rows, key=key, note=line):
        if rows.is_empty:
            st.html(theme.aside("There is nothing in this period."))
            return
        drawn = chart(rows.frame) if callable(chart) else chart
        plain(drawn, key=key, alternative=f"{title}. {line}")
        if legend:
            st.html(theme.legend(dict(legend)))


@contextmanager
def figure(title: str, rows: Rows, *, key: str, note: str = "") -> Generator[None]:
    """Frame anything drawn from rows, a table or a list: `show` is for charts.

    Title and `SQL / data` stand above, `note` (`basis(n, unit, …)`) below. A chart drawn inside by
    `plain` goes into the notebook.
    """
    made = Figure(title, rows, key, note)
    recorded: list[Figure] | None = st.session_state.get(RECORD)
    if recorded is not None:
        recorded.append(made)
    token = _open.set(made)
    try:
        with st.container(key=f"figure-{key}", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.subheader(title, anchor=False, width="stretch")
                behind.button(made)
            yield
            if note:
                st.caption(note)
    finally:
        _open.reset(token)


def narrow(listed: pl.DataFrame) -> None:
    """Tell that the list inside this figure shows only these of its rows, so a report does too."""
    if (made := _open.get()) is not None:
        made.listed = listed


def sql_of(rows: Rows, *, title: str, key: str) -> None:
    """Draw the button `SQL / data` alone, where a figure has no place for a title."""
    behind.button(Figure(title, rows, key))


def basis(n: str = "", unit: str = "", note: str = "") -> str:
    """Return the line below a figure: `n = 340 builds. Builds per UTC day. …`."""
    parts = (f"n = {n}" if n else "", f"{unit[:1].upper()}{unit[1:]}", note)
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def slug(title: str) -> str:
    """Return a title as a word for keys and file names."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


# ---------------------------------------------------------------- text


def headline(text: str, lead: str = "") -> None:
    """Say the answer of the page in one large sentence, with what it rests on below."""
    st.title(text, anchor=False)
    if lead:
        st.html(f"<p class='gl-lead'>{escape(lead)}</p>")


MANY = 5
"""Numbers in a row that have to stand closer."""


def metrics(cells: Sequence[tuple[str, str, str]]) -> None:
    """Show a few numbers: label, value with unit, and what it rests on."""
    with st.grid(
        len(cells), min_column_width=140 if len(cells) < MANY else 115, gap="medium", key="metrics"
    ):
        for label, value, basis in cells:
            st.metric(label, value, delta=basis or None, delta_color="off", delta_arrow="off")


def simulated(name: str, *, is_alone: bool = True) -> None:
    """Say plainly that the project shown was made up, and where another one is chosen."""
    label = name if "simulated" in name.lower() else f"{name} (simulated)"
    st.html(
        f"<div>{theme.chip(label, theme.VERDICT['infrastructure'], symbol='◆')} "
        "<span class='gl-quiet gl-small'>These numbers were made by golive simulate. "
        f"They are not about your code{'' if is_alone else ': choose your project above'}."
        "</span></div>"
    )


def empty(title: str, text: str, command: str = "") -> None:
    """Say what is missing and how to get it."""
    st.html(f"<div class='gl-empty'><h2>{escape(title)}</h2><p>{escape(text)}</p></div>")
    if command:
        with st.container(horizontal_alignment="center"):
            st.code(command, language="bash", width=440)


def without(*tables: str, title: str, text: str = "") -> None:
    """Say that there is nothing, which sources would fill these core tables, and the command.

    charts.without("core.deployments", title="No deployment yet")
    """
    known = sources.filling(tables)
    if moment.as_of() is not None:
        empty(title, f"{text} Nothing was there at that moment.".strip())
        return
    empty(title, f"{text} {sources.told(known)}".strip(), sources.command(known))


def nothing_yet() -> None:
    """Say how a lake without any data gets its first rows."""
    empty(
        "Nothing to show yet",
        "GoLive has not read anything. Point it at a repository: it finds the Git history and the "
        "test reports by itself.",
        "golive up --repo PATH",
    )


def failed(error: GoLiveError) -> None:
    """Say what went wrong, where, and what to do about it."""
    st.html(
        "<div class='gl-empty' role='alert'><h2>This cannot be shown</h2>"
        f"<p>{escape(error.what)}</p>"
        f"<p class='gl-mono'>{escape(error.where)}</p><p>{escape(error.hint)}</p></div>"
    )
    with st.container(horizontal_alignment="center"):
        st.code("golive doctor", language="bash", width=440)


# ---------------------------------------------------------------- links


def remember_pages(pages: Mapping[str, Page]) -> None:
    """Keep the pages of this run so that a page can link to another by its slug."""
    st.session_state[PAGES] = dict(pages)


def table_height(rows: int, most: int = 12) -> int | Literal["content"]:
    """Return the height of a table of so many rows: as high as it is, or scrolling above `most`."""
    return "content" if rows <= most else 36 * (most + 1)


def link(label: str, slug: str, *, icon: str | None = None, **query: str | int | None) -> None:
    """Draw a link to another page; `query` opens it on one thing, the filters stay as they are."""
    pages: dict[str, Page] = st.session_state.get(PAGES, {})
    if slug not in pages:
        return
    kept = {name: st.query_params[name] for name in FRAME if name in st.query_params}
    wanted = {name: str(value) for name, value in (kept | query).items() if value is not None}
    st.page_link(pages[slug], label=label, icon=icon, query_params=wanted)


def focus(name: str) -> str | None:
    """Return what the URL asks to look at: `?build=…`, `?test=…`."""
    return st.query_params.get(name)


# ---------------------------------------------------------------- altair


def status_colour(field: str, words: Sequence[str] = tuple(theme.STATUS)) -> alt.Color:
    """Return the colour of a status field: every word has its own, whatever is in the data."""
    known = theme.STATUS | theme.VERDICT | theme.HEALTH
    scale = alt.Scale(domain=list(words), range=[known[word] for word in words])
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def all_days(first: date, last: date) -> list[dict[str, int]]:
    """Return every day of a period as Vega-Lite takes them for a domain: days without rows too."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [{"year": day.year, "month": day.month, "date": day.day} for day in days]


def plain(chart: Drawn, *, key: str, alternative: str) -> None:
    """Draw a chart without frame, with a text for readers who cannot see it."""
    snug = chart.properties(padding={"left": 0, "right": 0, "top": 6, "bottom": 0})
    if (made := _open.get()) is not None:
        made.charts.append(chart)
    drawn = snug.configure_view(strokeWidth=0).configure_axis(
        domain=False, ticks=False, labelPadding=6, titleFontWeight="normal", titleOpacity=0.7
    )
    st.altair_chart(drawn, key=f"chart-{key}", alt=alternative)
