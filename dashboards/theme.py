"""Colours with a meaning, and the small pieces of HTML that pages are set in.

The palette, fonts and radii are in `.streamlit/config.toml`, layout in `style.css`. Status and
verdict colours are mapped here word by word, so that no chart ever assigns them by the alphabet.
Green and vermillion are near those of Okabe and Ito, told apart with every common form of colour
blindness; text and symbols say the same without any colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

STATUS = {
    "passed": "#1f9d7f",
    "failed": "#d9552c",
    "error": "#a3478f",
    "cancelled": "#9a9aa2",
    "skipped": "#c3c3ca",
    "running": "#4c9dff",
    "queued": "#9cc9ff",
}
"""Word of golive_core.schema.STATUSES to colour."""
VERDICT = {
    "flaky": "#d99a1c",
    "broken": "#d9552c",
    "infrastructure": "#7d74c9",
    "healthy": "#1f9d7f",
}
HEALTH = {"ok": "#1f9d7f", "degraded": "#d99a1c", "paused": "#3d8bdb", "failed": "#d9552c"}
SYMBOL = {
    "passed": "✓", "failed": "✕", "error": "!", "cancelled": "⦸", "skipped": "\u2013",
    "running": "…", "queued": "…", "ok": "✓", "degraded": "!", "paused": "‖", "flaky": "≈",
    "broken": "✕", "healthy": "✓", "infrastructure": "!",
}  # fmt: skip
SERIES = ("#3d8bdb", "#d9552c", "#1f9d7f", "#a3478f", "#d99a1c")
"""Colours of things without a status, for light and dark; the first is the accent."""

HEAD = (Path(__file__).parent / "head.html").read_text()
CSS = f"<style>{(Path(__file__).parent / 'style.css').read_text()}</style>"


def chip(word: str, tone: str, *, symbol: str = "") -> str:
    """Return the HTML of a small coloured word."""
    mark = f"<span aria-hidden='true'>{escape(symbol)}</span>" if symbol else ""
    return f"<span class='gl-chip' style='--tone:{tone}'>{mark}{escape(word)}</span>"


def code(text: str) -> str:
    """Return the HTML of a name in monospace that breaks where a reader would break it."""
    broken = re.sub(r"([_./:\[])", r"\1<wbr>", escape(text))
    return f"<span class='gl-mono'>{broken}</span>"


def status_chip(word: str | None) -> str:
    """Return the chip of a status, verdict or health word."""
    known = STATUS | VERDICT | HEALTH
    return chip(
        word or "unknown", known.get(word or "", "#9a9aa2"), symbol=SYMBOL.get(word or "", "")
    )


def dot(word: str) -> str:
    """Return the HTML of a round symbol for a status."""
    tone = (STATUS | VERDICT | HEALTH).get(word, "#9a9aa2")
    mark = SYMBOL.get(word, "?")
    return f"<span class='gl-dot' style='--tone:{tone}' aria-hidden='true'>{mark}</span>"


def quiet(html: str) -> str:
    """Return HTML that stands back."""
    return f"<span class='gl-quiet'>{html}</span>"


def aside(text: str) -> str:
    """Return a quiet paragraph of plain text."""
    return f"<p class='gl-quiet'>{escape(text)}</p>"


def entry(word: str, lines: Iterable[str]) -> str:
    """Return lines of HTML beside the symbol of a status."""
    body = "".join(f"<div class='gl-line'>{line}</div>" for line in lines)
    return f"<div class='gl-row'>{dot(word)}<div>{body}</div></div>"


def listed(items: Iterable[str], *, gap: str = ".55rem") -> str:
    """Return pieces of HTML below each other."""
    return f"<div class='gl-list' style='row-gap:{gap}'>{''.join(items)}</div>"


def legend(colours: dict[str, str]) -> str:
    """Return the HTML of a legend: symbol, colour and word."""
    cells = (
        f"<span><i style='--tone:{tone}'></i>{escape(word)}</span>"
        for word, tone in colours.items()
    )
    return f"<div class='gl-legend'>{''.join(cells)}</div>"


def meter(share: float, tone: str, label: str) -> str:
    """Return the HTML of a bar that is filled to a share of 1, at least so far that it is seen."""
    width = 100 * min(1.0, max(0.01, share))
    return (
        f"<div class='gl-bar gl-meter' style='--tone:{tone}' role='img' "
        f"aria-label='{escape(label)}'><i style='left:0;width:{width:.1f}%'></i></div>"
    )


def interval_bar(low: float, mid: float, high: float, top: float, tone: str) -> str:
    """Return the HTML of an interval on a scale from 0 to `top`, with a mark at `mid`."""
    scale = 100 / top if top else 0.0
    left, width = low * scale, max((high - low) * scale, 0.8)
    return (
        f"<div class='gl-bar' style='--tone:{tone}' role='img' aria-label='90 % interval'>"
        f"<i style='left:{left:.1f}%;width:{width:.1f}%;opacity:.38'></i>"
        f"<b style='left:{mid * scale:.1f}%'></b></div>"
    )
