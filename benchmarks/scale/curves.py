"""The curves of docs/performance.md: cost of a new row against the size of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

SHOWN = ("load", "day: load", "day: marts", "day: flaky scoring", "lake")


def draw(sizes: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write an SVG: each cost relative to the smallest size, sizes on a logarithmic axis."""
    import altair as alt
    import polars as pl

    names = [name for name in sizes[0] if name.split(",")[0] in SHOWN]
    rows = pl.DataFrame(
        [{"rows": one["rows"], "cost": name, "ratio": one[name] / sizes[0][name]}
         for one in sizes for name in names]
    )  # fmt: skip
    lines = alt.Chart(rows).mark_line(point=True).encode(
        x=alt.X("rows:Q", title="test results in the lake")
        .scale(type="log", nice=False)
        .axis(format="~s"),
        y=alt.Y("ratio:Q", title="cost, smallest size = 1").scale(domain=[0, 2]),
        color=alt.Color("cost:N", title=None, sort=names),
    )  # fmt: skip
    limit = (
        alt.Chart(pl.DataFrame({"ratio": [1.3]})).mark_rule(strokeDash=[4, 4]).encode(y="ratio:Q")
    )
    (lines + limit).properties(width=520, height=300).configure_view(stroke=None).save(str(path))
