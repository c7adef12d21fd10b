"""The pictures of one look: before, after and difference, with the regions that changed."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboards import data, theme, words

TONES = {
    "layout": "#2563eb", "text": "#be185d", "colour": "#d97706", "dynamic": "#7c3aed",
    "anti-aliasing": "#64748b",
}  # fmt: skip
"""Colours of the kinds, those of golive_runner/visual/picture.py."""
SAYS = {
    "layout": "something was moved, added or removed", "text": "the words are others",
    "colour": "drawn alike in other colours",
    "dynamic": "pictures that may change by themselves: mask them if they do",
}  # fmt: skip
WAYS = ("Side by side", "Slider", "Difference")
MOST_REGIONS = 12
BOX = 4
WIDE = 3.5
"""Width to height from which pictures stand below each other."""
SIZE_AT = slice(16, 24)
"""Where a PNG tells its width and height."""

Region = tuple[Sequence[int], str, str]


def draw(row: Mapping[str, Any]) -> None:
    """Draw a waiting look: its pictures as the person wants them, and what changed in words."""
    after = data.artifact(row["actual"])
    if after is None:
        st.html(theme.aside("Its picture is not kept any more: run the test again."))
        return
    before = data.artifact(row["baseline"]) if row["baseline"] else None
    regions = _regions(row)
    if before is None:
        st.html(_grid([_figure("Now", after, [], f"{row['name']} as it looks now")]))
        return
    difference = data.artifact(row["difference"]) if row["difference"] else None
    if regions:
        st.html(_told(regions))
    way = st.segmented_control(
        "How to compare", WAYS, default=WAYS[0], key=f"way-{row['look_id']}",
        label_visibility="collapsed",
    )  # fmt: skip
    name = str(row["name"])
    if way == "Slider":
        _slider(row["look_id"], before, after, name)
    elif way == "Difference" and difference:
        st.html(_grid([_figure("Difference", difference, [], f"What changed on {name}")]))
    else:
        _side_by_side(before, after, difference, regions, name)


def _side_by_side(
    before: bytes, after: bytes, difference: bytes | None, regions: Sequence[Region], name: str
) -> None:
    shown = [
        _figure("Approved", before, regions, f"{name} as approved"),
        _figure("Now", after, regions, f"{name} as it looks now"),
    ]
    if difference:
        shown.append(_figure("Difference", difference, [], f"What changed on {name}"))
    st.html(_grid(shown, is_wide=_is_wide(after)))


def _slider(key: str, before: bytes, after: bytes, name: str) -> None:
    """Draw both pictures on each other, cut at a place that the person moves."""
    at = st.slider("Approved | now", 0, 100, 50, format="%d %%", key=f"slide-{key}")
    st.html(
        f"<div class='gl-slide'><img src='{_source(after)}' alt='{escape(name, quote=True)} now'>"
        f"<img src='{_source(before)}' alt='{escape(name, quote=True)} as approved' "
        f"style='clip-path:inset(0 {100 - at}% 0 0)'><i style='left:{at}%'></i></div>"
    )


def _regions(row: Mapping[str, Any]) -> list[Region]:
    boxes: list[Sequence[int]] = json.loads(row["regions"] or "[]")
    kinds, told = (list[str](row[name] or ()) for name in ("kinds", "told"))
    kinds += ["layout"] * (len(boxes) - len(kinds))
    told += [""] * (len(boxes) - len(told))
    rows = zip(boxes, kinds, told, strict=False)
    return [(box, kind, said) for box, kind, said in rows if len(box) == BOX][:MOST_REGIONS]


def _told(regions: Sequence[Region]) -> str:
    """Return the regions in words, numbered as on the pictures."""
    lines = (
        f"<li style='--tone:{TONES.get(kind, TONES['layout'])}'><b>{nth}</b> "
        f"<span>{escape(kind)}</span> {_place(box, told or SAYS.get(kind, ''))}</li>"
        for nth, (box, kind, told) in enumerate(regions, start=1)
    )
    return f"<ol class='gl-regions'>{''.join(lines)}</ol>"


def _place(box: Sequence[int], told: str) -> str:
    return theme.quiet(
        escape(f"{told}, {_size(box[2], box[3])} at {box[0]}, {box[1]}".lstrip(", "))
    )


def _size(width: int, height: int) -> str:
    return f"{width} \N{MULTIPLICATION SIGN} {height} px"


def _grid(figures: Sequence[str], *, is_wide: bool = False) -> str:
    """Return pictures beside each other, or below each other where they are wide."""
    kind = "gl-looks gl-wide" if is_wide else "gl-looks"
    return f"<div class='{kind}'>{''.join(figures)}</div>"


def _is_wide(png: bytes) -> bool:
    width, height = struct.unpack(">II", png[SIZE_AT])
    return bool(width > WIDE * height)


def _figure(title: str, png: bytes, regions: Sequence[Region], alternative: str) -> str:
    """Return the HTML of a picture, its regions as numbered boxes over it."""
    width, height = struct.unpack(">II", png[SIZE_AT])
    boxes = "".join(
        f"<i style='--tone:{TONES.get(kind, TONES['layout'])};left:{x / width:.3%};"
        f"top:{y / height:.3%};width:{wide / width:.3%};height:{high / height:.3%}'>"
        f"<b>{nth}</b></i>"
        for nth, ((x, y, wide, high), kind, _) in enumerate(regions, start=1)
    )
    said = theme.quiet(f"{_size(width, height)}, {words.size(len(png))}")
    return (
        f"<figure><div><img src='{_source(png)}' alt='{escape(alternative, quote=True)}' "
        f"loading='lazy'>{boxes}</div><figcaption>{title} {said}</figcaption></figure>"
    )


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
