"""The reliability plot of an evaluation as one SVG file that needs nothing else to be seen.

Above, what was seen against what was said, a dot a bin and the diagonal of perfect calibration;
below, how many rows each bin has (root scale, since most tests never fail).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import polars as pl

from golive_core.errors import UsageError
from models.beta import Floats
from models.evaluate import brier, calibration_error, reliability

SIDE, LEFT, TOP, BARS, GAP = 260, 56, 48, 60, 24
"""Pixels: side of the square, margins, height of the bars, space between plots."""
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #1d1d1f }
.title { font-size: 14px; font-weight: 600 }
.soft { fill: #6e6e73 } .grid { stroke: #d2d2d7 } .ideal { stroke: #86868b; stroke-dasharray: 4 4 }
.line { fill: none; stroke: #0071e3; stroke-width: 2 }
.dot, .bar { fill: #0071e3 } .bar { opacity: .35 }
@media (prefers-color-scheme: dark) { svg { background: #1d1d1f } text { fill: #f5f5f7 }
.soft { fill: #a1a1a6 } .grid { stroke: #424245 } }
</style>"""


def write(curves: Mapping[str, tuple[Floats, Floats]], path: Path) -> Path:
    """Write a panel a curve, side by side, and return the path.

    Raises UsageError where the file cannot be written.
    """
    try:
        path.write_text(drawing(curves), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="--plot FILE"
        ) from error
    return path


def drawing(curves: Mapping[str, tuple[Floats, Floats]]) -> str:
    """Return the SVG."""
    step = LEFT + SIDE + GAP
    width, height = step * len(curves), TOP + SIDE + 44 + BARS + 30
    panels = [
        f'<g transform="translate({nth * step + LEFT},{TOP})">{_panel(name, *curve)}</g>'
        for nth, (name, curve) in enumerate(curves.items())
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    return "\n".join([head, STYLE, *panels, "</svg>\n"])


def _panel(name: str, truth: Floats, told: Floats) -> str:
    table = reliability(truth, told)
    figures = f"ECE {calibration_error(truth, told):.3f}, Brier {brier(truth, told):.3f}"
    return "\n".join([
        f'<text class="title" y="-26">{escape(name)}</text>',
        f'<text class="soft" y="-9">{figures}, n = {len(truth):,}</text>',
        *_axes(),
        f'<polyline class="line" points="{" ".join(_points(table))}"/>',
        *(f'<circle class="dot" r="4" cx="{point.split(",")[0]}" cy="{point.split(",")[1]}"/>'
          for point in _points(table)),
        *_bars(table),
    ])  # fmt: skip


def _axes() -> Iterable[str]:
    for share in (0.0, 0.5, 1.0):
        at = SIDE * share
        yield f'<line class="grid" x1="0" x2="{SIDE}" y1="{SIDE - at:.0f}" y2="{SIDE - at:.0f}"/>'
        yield _label(-8, SIDE - at + 4, "end", f"{share:.0%}")
        yield _label(at, SIDE + 18, "middle", f"{share:.0%}")
    yield f'<line class="ideal" x1="0" y1="{SIDE}" x2="{SIDE}" y2="0"/>'
    yield _label(0, SIDE + 36, "start", "said; up: seen; bars: rows")


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text class="soft" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text}</text>'


def _points(table: pl.DataFrame) -> list[str]:
    pairs = table.select("said", "seen").iter_rows()
    return [f"{SIDE * said:.1f},{SIDE * (1 - seen):.1f}" for said, seen in pairs]


def _bars(table: pl.DataFrame) -> Iterable[str]:
    most, bottom = max(table["rows"].to_list()) ** 0.5, SIDE + 44 + BARS
    for said, rows in table.select("said", "rows").iter_rows():
        tall = BARS * rows**0.5 / most
        x = min(int(said * 10), 9) * SIDE / 10 + 2
        place = f'x="{x:.0f}" y="{bottom - tall:.1f}" width="{SIDE / 10 - 4:.0f}"'
        yield f'<rect class="bar" {place} height="{tall:.1f}"><title>{rows:,}</title></rect>'
