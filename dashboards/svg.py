"""Charts as SVG without a browser, for reports: the colours of text follow the page around them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from dashboards import behind
from dashboards.behind import Drawn

WIDTH_PX = 780
"""Width of a chart that names none; the page scales it down."""
FONT = "-apple-system, BlinkMacSystemFont, Inter, 'Segoe UI', Roboto, sans-serif"
INK, LINES = "currentColor", "#8e8e9350"
CONFIG = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {"labelColor": INK, "titleColor": INK, "gridColor": LINES, "domain": False,
             "ticks": False, "labelPadding": 6, "labelOpacity": 0.72, "titleOpacity": 0.72,
             "titleFontWeight": "normal"},
    "legend": {"labelColor": INK, "titleColor": INK},
    "header": {"labelColor": INK, "titleColor": INK},
    "text": {"color": INK},
    "rule": {"color": INK},
}  # fmt: skip
"""Vega-Lite's configuration in a report; what a chart says itself wins."""


def draw(chart: Drawn, *, alternative: str) -> str:
    """Return the chart as one `<svg>` element."""
    import vl_convert  # 0.1 s and a JavaScript engine that only reports need

    spec = behind.spec(chart, with_data=True)
    if not {"facet", "hconcat", "vconcat", "concat"} & spec.keys():
        spec.setdefault("width", WIDTH_PX)
        spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["config"] = {**CONFIG, **{k: v for k, v in spec.get("config", {}).items() if k != "view"}}
    text: str = vl_convert.vegalite_to_svg(json.dumps(spec, default=str))
    label = f"<svg role='img' aria-label='{escape(alternative, quote=True)}' "
    return text.replace("<svg ", label, 1)


def legend(charts: Iterable[Drawn]) -> str:
    """Return a legend of the colours that charts map to words and do not explain themselves."""
    colours: dict[str, str] = {}
    for chart in charts:
        for part in _parts(behind.spec(chart, with_data=False)):
            colours |= _mapped(part)
    cells = (f"<span><i style='--tone:{tone}'></i>{escape(word)}</span>"
             for word, tone in colours.items())  # fmt: skip
    return f"<div class='legend'>{''.join(cells)}</div>" if colours else ""


def _parts(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    yield spec
    for layer in spec.get("layer", []):
        yield from _parts(layer)


def _mapped(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return word to colour of a colour channel with a mapping of its own and no legend."""
    colour: dict[str, Any] = spec.get("encoding", {}).get("color", {})
    scale: dict[str, Any] = colour.get("scale") or {}
    if colour.get("legend", "") is not None or not isinstance(scale.get("range"), list):
        return {}
    return dict(zip(map(str, scale.get("domain", [])), map(str, scale["range"]), strict=False))
