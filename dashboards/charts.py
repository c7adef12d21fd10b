"""How things are shown: figures with their SQL and data, sentences for empty and broken states.

Every chart and table of every page goes through `figure`, which gives it a title, its SQL, its rows
for download and a line that says how much it rests on. What is drawn belongs to the pages.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from html import escape
from typing import Literal

import altair as alt
import polars as pl
import streamlit as st
from streamlit.navigation.page import Page

from dashboards import theme
from dashboards.data import Rows
from golive_core.errors import GoLiveError

Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
PAGES = "golive_pages"
"""Session key of the pages by slug."""
SQL_LINES = 400
"""Height of the SQL box in pixels."""


# ---------------------------------------------------------------- figures


@contextmanager
def figure(title: str, rows: Rows, *, key: str, note: str = "") -> Generator[None]:
    """Frame a chart or table: title and `SQL / data` above, `note` (n, unit, freshness) below."""
    with st.container(key=f"figure-{key}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader(title, anchor=False, width="stretch")
            behind(rows, key=key)
        yield
        if note:
            st.caption(note)


def behind(rows: Rows, *, key: str) -> None:
    """Draw the button that opens the SQL behind a figure and offers its rows."""
    with st.popover("SQL / data", type="tertiary", icon=":material/database:", key=f"behind-{key}"):
        st.caption(f"{rows.height:,} rows. Run it anywhere: golive sql “…”")
        st.code(
            rows.sql, language="sql", height=min(SQL_LINES, 40 + 21 * (rows.sql.count("\n") + 1))
        )
        with st.container(horizontal=True, gap="small"):
            _download("CSV", lambda: csv(rows.frame), f"{key}.csv", "text/csv")
            _download(
                "Parquet", lambda: parquet(rows.frame), f"{key}.parquet", "application/parquet"
            )


def _download(label: str, data: Callable[[], bytes], file_name: str, mime: str) -> None:
    st.download_button(
        label,
        data,
        file_name,
        mime,
        key=f"download-{file_name}",
        on_click="ignore",
        icon=":material/download:",
    )


def csv(frame: pl.DataFrame) -> bytes:
    """Return the rows as CSV; lists are joined by semicolons."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(pl.col(lists).list.join("; ")).write_csv().encode()


def parquet(frame: pl.DataFrame) -> bytes:
    """Return the rows as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


# ---------------------------------------------------------------- text


def headline(text: str, lead: str = "") -> None:
    """Say the answer of the page in one large sentence, with what it rests on below."""
    st.title(text, anchor=False)
    if lead:
        st.html(f"<p class='gl-lead'>{escape(lead)}</p>")


def metrics(cells: Sequence[tuple[str, str, str]]) -> None:
    """Show a few numbers: label, value with unit, and what it rests on."""
    with st.grid(len(cells), min_column_width=140, gap="medium", key="metrics"):
        for label, value, basis in cells:
            st.metric(label, value, delta=basis or None, delta_color="off", delta_arrow="off")


def simulated(name: str) -> None:
    """Say plainly that the project shown was made up."""
    label = name if "simulated" in name.lower() else f"{name} (simulated)"
    st.html(
        f"<div>{theme.chip(label, theme.VERDICT['infrastructure'], symbol='◆')} "
        "<span class='gl-quiet gl-small'>These numbers were made by golive simulate. "
        "They are not about your code.</span></div>"
    )


def empty(title: str, text: str, command: str = "") -> None:
    """Say what is missing and how to get it."""
    st.html(f"<div class='gl-empty'><h2>{escape(title)}</h2><p>{escape(text)}</p></div>")
    if command:
        with st.container(horizontal_alignment="center"):
            st.code(command, language="bash", width=440)


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
    kept = {
        name: st.session_state[name] for name in ("project", "days") if name in st.session_state
    }
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
    drawn = snug.configure_view(strokeWidth=0).configure_axis(
        domain=False, ticks=False, labelPadding=6, titleFontWeight="normal", titleOpacity=0.7
    )
    st.altair_chart(drawn, key=f"chart-{key}", alt=alternative)
