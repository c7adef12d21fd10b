"""What stands behind a figure: its SQL, its rows as CSV and Parquet, and all of it as a notebook.

Pages never call this: `charts.show` and `charts.figure` draw the button for every figure.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import moment, notebook, words
from dashboards.data import Rows

Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
SQL_PX, LINE_PX = 400, 21


@dataclass(slots=True)
class Figure:
    """One figure of a page; the chart joins it when it is drawn, below its button.

    `listed` are the rows that a list shows where it leaves some out, for the report.
    """

    title: str
    rows: Rows
    key: str
    note: str = ""
    charts: list[Drawn] = field(default_factory=list[Drawn])
    listed: pl.DataFrame | None = None


def button(figure: Figure) -> None:
    """Draw the button that opens the SQL behind a figure and offers its rows."""
    rows, key = figure.rows, figure.key
    with st.popover("SQL / data", type="tertiary", icon=":material/database:", key=f"behind-{key}"):
        st.caption(_basis(rows))
        height = min(SQL_PX, 40 + LINE_PX * (rows.sql.count("\n") + 1))
        st.code(rows.sql, language="sql", height=height)
        with st.container(horizontal=True, gap="small"):
            _download("CSV", lambda: csv(rows.frame), f"{key}.csv", "text/csv")
            _download(
                "Parquet", lambda: parquet(rows.frame), f"{key}.parquet", "application/parquet"
            )
            _download(
                "Notebook", lambda: as_notebook(figure), f"{key}.ipynb", "application/x-ipynb+json"
            )


def _basis(rows: Rows) -> str:
    """Return how many rows there are, how fresh they are and how to ask again."""
    count = words.plural(rows.height, "row")
    again = "golive sql “…”"
    if rows.as_of:
        again += f" --as-of {rows.as_of.astimezone(UTC).isoformat().replace('+00:00', 'Z')}"
    fresh = f", data written {words.ago(rows.written_at, datetime.now(UTC))}"
    past = f", as of {moment.told(rows.as_of)}" if rows.as_of else ""
    return f"{count}{fresh if rows.written_at else ''}{past}. Run it anywhere: {again}"


def _download(label: str, data: Callable[[], bytes], file_name: str, mime: str) -> None:
    st.download_button(
        label, data, file_name, mime, key=f"download-{file_name}", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip


def csv(frame: pl.DataFrame) -> bytes:
    """Return the rows as CSV; lists are joined by semicolons."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(pl.col(lists).list.join("; ")).write_csv().encode()


def parquet(frame: pl.DataFrame) -> bytes:
    """Return the rows as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def as_notebook(figure: Figure) -> bytes:
    """Return a notebook that asks the figure's SQL anew and draws its first chart."""
    chart = figure.charts[0] if figure.charts else None
    is_live = chart is not None and drawn_from(chart) is figure.rows.frame
    return notebook.build(
        figure.title, figure.rows.sql, as_of=figure.rows.as_of, note=figure.note,
        spec=None if chart is None else spec(chart, with_data=not is_live), is_live=is_live,
    ).encode()  # fmt: skip


def drawn_from(chart: Drawn) -> object:
    """Return the frame that a chart draws, also where its layers share one."""
    found: list[Any] = [chart.data]
    found += [layer.data for layer in getattr(chart, "layer", ())]
    known = [one for one in found if one is not alt.Undefined]
    return known[0] if known and all(one is known[0] for one in known) else None


def spec(chart: Drawn, *, with_data: bool) -> dict[str, Any]:
    """Return the Vega-Lite of a chart as a dictionary, with its values or without any."""
    with alt.data_transformers.enable("default", max_rows=None):
        made: dict[str, Any] = chart.to_dict()
    if not with_data:
        made.pop("datasets", None)
        _drop_data(made)
        made["data"] = {"name": "rows"}  # a chart has to name some data
    return made


def _drop_data(made: dict[str, Any]) -> None:
    made.pop("data", None)
    for layer in made.get("layer", []):
        _drop_data(layer)
