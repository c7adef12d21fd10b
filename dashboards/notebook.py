"""A Jupyter notebook of one question: its SQL over the public door, its rows and its chart.

Plain nbformat 4.5 JSON, so that making one needs no Jupyter; running it needs what GoLive needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

OPEN_LAKE = """\
# Run it where `golive` runs, or point GOLIVE_HOME at a copy of the lake.
import altair as alt

from golive_core.lake import Lake
from golive_core.settings import home

lake = Lake(home() / "lake")"""


def build(
    title: str,
    sql: str,
    *,
    as_of: datetime | None = None,
    spec: Mapping[str, Any] | None = None,
    is_live: bool = True,
    note: str = "",
) -> str:
    """Return the text of an .ipynb that asks `sql` (as of an aware instant) and draws its rows.

    `spec` is the Vega-Lite of the chart: without data where it is drawn from the rows as they come
    (`is_live`), else with the values that the page had shaped out of them.
    """
    cells = [_text(f"# {title}\n\n{note}".strip()), _code(OPEN_LAKE), _code(_query(sql, as_of))]
    if spec is not None:
        cells.append(_code(_chart(spec, is_live=is_live)))
    return notebook(cells)


def notebook(cells: list[dict[str, Any]]) -> str:
    """Return the text of an .ipynb of some cells, which get their ids here."""
    named = [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "cells": named,
             "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}}  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _query(sql: str, as_of: datetime | None) -> str:
    quoted = sql.strip().replace("\\", "\\\\").replace('"""', r"\"\"\"")
    text = f'"""\n{quoted}\n"""'
    if as_of is None:
        return f"rows = lake.query({text})\nrows"
    when = f'datetime.fromisoformat("{as_of.isoformat()}")'
    return (
        f"from datetime import datetime\n\nas_of = {when}\n"
        f"rows = lake.query({text}, as_of=as_of)\nrows"
    )


def _chart(spec: Mapping[str, Any], *, is_live: bool) -> str:
    text = json.dumps(spec, indent=1, ensure_ascii=False, default=str)
    body = f"import json\n\nchart = alt.Chart.from_dict(json.loads(r'''{_raw(text)}'''))"
    if is_live:
        return f"{body}\nchart.data = rows\nchart"
    return f"# The values are those that the page had shaped out of the rows.\n{body}\nchart"


def _raw(text: str) -> str:
    """Return JSON that can stand between three quotes of a raw text."""
    return text.replace("'", "\\u0027")


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [],
        "source": source.splitlines(keepends=True),
    }  # fmt: skip
