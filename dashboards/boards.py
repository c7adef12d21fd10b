"""Tables whose rows lead somewhere, and the small pictures that stand in lists.

A board is a table in which one row can be selected; what selecting means belongs to the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import polars as pl
import streamlit as st
from streamlit.navigation.page import Page

from dashboards import charts, theme, words
from dashboards.data import Rows

TEXT = "#7a7a82"
"""Of words inside a chart: read on white (4.2 : 1) and on near black (4.4 : 1)."""
SPARK_WIDTH, SPARK_HEIGHT = 116.0, 26.0
"""Size of a sparkline in pixels."""


def board(shown: pl.DataFrame, columns: Mapping[str, Any], *, key: str, most: int = 12) -> int:
    """Draw a table with selectable rows; return the row that was just selected, -1 for none."""
    picked = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        height=charts.table_height(shown.height, most),
        column_config=dict(columns),
    )
    chosen: list[int] = picked["selection"]["rows"]
    return chosen[0] if chosen else -1


def look_at(name: str, value: str | int) -> None:
    """Open one thing on this page: it is in the URL from now on."""
    st.query_params[name] = str(value)
    st.rerun()


def back(label: str, name: str) -> None:
    """Draw the way back from one thing to all of them."""
    if st.button(label, icon=":material/arrow_back:", type="tertiary", key="back"):
        del st.query_params[name]
        st.rerun()


def go(slug: str, **query: str | int) -> None:
    """Open another page on one thing; the filters stay as they are."""
    pages: dict[str, Page] = st.session_state.get(charts.PAGES, {})
    kept = {name: st.query_params[name] for name in charts.FRAME if name in st.query_params}
    wanted = {name: str(value) for name, value in (kept | query).items()}
    if slug in pages:
        st.switch_page(pages[slug], query_params=wanted)


def with_frame(rows: Rows, frame: pl.DataFrame) -> Rows:
    """Return other rows under the same SQL: what is left of them is still what stands behind."""
    return replace(rows, frame=frame)


def marked(column: str) -> pl.Expr:
    """Return a column of status words, each after its symbol."""
    word = pl.col(column)
    return (word.replace_strict(theme.SYMBOL, default="") + " " + word).alias(column)


def test_title() -> pl.Expr:
    """Return the column `test`: the name of a test case with its parameters."""
    extra = pl.format("[{}]", pl.col("parameters"))
    return (
        pl.col("name").fill_null("unnamed test")
        + pl.when(pl.col("parameters").is_null()).then(pl.lit("")).otherwise(extra)
    ).alias("test")


def told(column: str, name: str = "") -> pl.Expr:
    """Return a column of seconds in words."""
    seconds = pl.col(column).map_elements(words.duration, pl.String, skip_nulls=False)
    return seconds.alias(name or column)


def spark(values: Sequence[float], tone: str, label: str) -> str:
    """Return the HTML of small bars, one a value, the highest as high as the line."""
    top = max(values, default=0) or 1
    highs = [max(2.0, SPARK_HEIGHT * value / top) if value else 1.0 for value in values]
    width = max(1.0, SPARK_WIDTH / max(1, len(values)) - 1)
    bars = "".join(
        f"<i style='width:{width:.1f}px;height:{high:.0f}px;background:{tone};border-radius:1px;"
        f"opacity:{1 if value else 0.35}'></i>"
        for value, high in zip(values, highs, strict=True)
    )
    return (
        "<span style='display:inline-flex;align-items:flex-end;gap:1px;"
        f"height:{SPARK_HEIGHT:g}px' role='img' aria-label='{escape(label)}'>{bars}</span>"
    )
