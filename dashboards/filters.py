"""Filters whose values live in the URL, so that a link reproduces the exact view.

A page draws one where it stands and uses what it returns:

    word = filters.text("q", label="Find a test")                        # ?q=cart
    verdict = filters.choice("verdict", {"": "All", "flaky": "Flaky"})   # ?verdict=flaky
    levels = filters.several("level", {"error": "Errors", "warn": "Warnings"})  # ?level=…&level=…
    only_new = filters.switch("new", label="Only new")                   # ?new=1
    floor = filters.number("p", 0.0, 1.0, 0.5, step=0.05, label="Probability from")  # ?p=0.8

Names are short, belong to one page and are none of the frame's (`project`, `days`, `as_of`). A
value at its default does not stand in the URL. What the URL says and a filter does not offer falls
back to the default. Streamlit's own binding writes the label into the URL, not the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar, cast

import streamlit as st

Value = TypeVar("Value")
Label = Literal["visible", "hidden", "collapsed"]
KEPT = "kept_"
"""Session key before the name of a filter of the frame, whose value survives a change of page."""


def choice(
    name: str,
    options: Mapping[str, str],
    *,
    default: str = "",
    label: str = "",
    label_visibility: Label = "collapsed",
    width: int | Literal["stretch"] = 190,
    keep: bool = False,
) -> str:
    """Draw a choice of one; `options` are value to label; return the value.

    `keep` remembers the value when the reader goes to another page (filters of the frame).
    """
    default = default if default in options else next(iter(options))
    known = [st.query_params.get(name), st.session_state.get(name)]
    known += [st.session_state.get(KEPT + name)] if keep else []
    _put(name, next((value for value in known if value in options), default))
    picked = st.selectbox(
        label or name.capitalize(), list(options), format_func=options.__getitem__, key=name,
        on_change=_to_url, args=(name, default), label_visibility=label_visibility, width=width,
    )  # fmt: skip
    if keep:
        st.session_state[KEPT + name] = picked
    return _noted(name, picked, default)


def segments(
    name: str, options: Mapping[str, str], *, default: str = "", label: str = "",
) -> str:  # fmt: skip
    """Draw a choice of one among few as buttons in a row; return the value."""
    default = default if default in options else next(iter(options))
    known = (st.query_params.get(name), st.session_state.get(name))
    _put(name, next((value for value in known if value in options), default))
    picked = st.segmented_control(
        label or name.capitalize(), list(options), format_func=options.__getitem__, key=name,
        on_change=_to_url, args=(name, default), label_visibility="collapsed",
    )  # fmt: skip
    return _noted(name, picked or default, default)


def several(
    name: str, options: Mapping[str, str], *, label: str = "", placeholder: str = "All",
) -> list[str]:  # fmt: skip
    """Draw a choice of many; return the values, none meaning no restriction."""
    linked = [value for value in st.query_params.get_all(name) if value in options]
    _put(name, linked or [one for one in st.session_state.get(name, []) if one in options])
    picked = st.multiselect(
        label or name.capitalize(), list(options), format_func=options.__getitem__, key=name,
        on_change=_to_url, args=(name, []), placeholder=placeholder, label_visibility="collapsed",
    )  # fmt: skip
    return _noted(name, picked, [])


def text(
    name: str, *, label: str = "", placeholder: str = "", width: int | Literal["stretch"] = 320,
) -> str:  # fmt: skip
    """Draw a field for words; return them without the space around."""
    _put(name, st.query_params.get(name) or st.session_state.get(name, ""))
    typed = st.text_input(
        label or name.capitalize(), key=name, placeholder=placeholder or label, width=width,
        on_change=_to_url, args=(name, ""), label_visibility="collapsed",
    )  # fmt: skip
    return _noted(name, typed.strip(), "")


def switch(name: str, *, label: str) -> bool:
    """Draw a switch that is off unless the URL says 1; return whether it is on."""
    _put(name, st.query_params.get(name, "1" if st.session_state.get(name) else "") == "1")
    return _noted(name, st.toggle(label, key=name, on_change=_to_url, args=(name, False)), False)


def number(
    name: str, low: float, high: float, default: float, *, step: float, label: str,
) -> float:  # fmt: skip
    """Draw a slider from `low` to `high`; return the number."""
    _put(name, _within(st.query_params.get(name, st.session_state.get(name)), low, high, default))
    picked = st.slider(
        label, low, high, step=step, key=name, on_change=_to_url, args=(name, default)
    )
    return _noted(name, picked, default)


def _within(said: object, low: float, high: float, default: float) -> float:
    try:
        found = float(cast("str", said))
    except (TypeError, ValueError):
        return default
    return found if low <= found <= high else default


def _put(name: str, value: object) -> None:
    """Set the widget before it is drawn, unless it stands there already."""
    if st.session_state.get(name) != value:
        st.session_state[name] = value


def _to_url(name: str, default: object) -> None:
    """Write what was just chosen into the URL, before the page is drawn with it."""
    _noted(name, st.session_state[name], default)


def _noted(name: str, value: Value, default: object) -> Value:
    """Write a value into the URL, or nothing where it is the default; return it."""
    text = _written(value)
    if value == default or value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get_all(name) != text:
        st.query_params[name] = text
    return value


def _written(value: object) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(one) for one in cast("Sequence[object]", value)]
    if isinstance(value, bool):
        return ["1" if value else "0"]
    return [f"{value:g}" if isinstance(value, float) else str(value)]
