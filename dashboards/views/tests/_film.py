"""The film strip of one attempt: a picture a step, and the texts that changed since it passed."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows

MOST_PICTURES = 60
MOST_LINES = 60
IMAGES = ("image/png", "image/jpeg")
TONE = {"passed": theme.STATUS["passed"], "failed": theme.STATUS["failed"]}


def draw(steps: Rows, files: Rows) -> None:
    """Draw the steps with their pictures; the failed one stands out."""
    total = sum(row["duration_s"] or 0.0 for row in steps.dicts())
    n = words.plural(steps.height, "step")
    note = charts.basis(n, "", f"{words.duration(total)} in all; what was not reached is grey")
    with charts.figure("Film strip", steps, key="film", note=note):
        if steps.is_empty:
            st.html(theme.aside("This attempt was ended before it could tell any step."))
            return
        pictures = files.frame.filter(pl.col("kind") == "screenshot")
        shown = {row["ordinal"]: row["sha256"] for row in pictures.iter_rows(named=True)}
        frames = "".join(_frame(row, shown) for row in steps.dicts()[:MOST_PICTURES])
        st.html(f"<div class='gl-film' tabindex='0' role='list' aria-label='Steps'>{frames}</div>")


def pictures(steps: Rows, files: Rows) -> None:
    """Draw the pictures of an attempt that has no steps: a suite of others took them at its end."""
    found = files.frame.filter(pl.col("kind") == "screenshot") if files.height else files.frame
    if found.is_empty():
        draw(steps, files)
        return
    with charts.figure("What the browser showed", files, key="film"):
        frames = "".join(_picture(row) for row in found.head(MOST_PICTURES).to_dicts())
        st.html(
            "<div class='gl-film gl-large' tabindex='0' role='list' aria-label='Pictures'>"
            f"{frames}</div>"
        )


def _picture(row: Mapping[str, Any]) -> str:
    """Return the HTML of one picture of the whole attempt."""
    name = escape(row["name"], quote=True)
    body = data.artifact(row["sha256"])
    picture = "<div class='gl-blank'>no longer kept</div>"
    if body and row["media"] in IMAGES:
        source = f"data:{row['media']};base64,{base64.b64encode(body).decode()}"
        picture = f"<img src='{source}' alt='{name}' loading='lazy'>"
    return f"<figure role='listitem'>{picture}<figcaption><span>{name}</span></figcaption></figure>"


def _frame(row: Mapping[str, Any], shown: Mapping[int, str]) -> str:
    """Return the HTML of one step."""
    body = data.artifact(shown[row["ordinal"]]) if row["ordinal"] in shown else None
    number = row["ordinal"] + 1
    picture = "<div class='gl-blank'>not reached</div>"
    if body:
        source = base64.b64encode(body).decode()
        alternative = escape(f"After step {number}: {row['name']}", quote=True)
        picture = f"<img src='data:image/jpeg;base64,{source}' alt='{alternative}' loading='lazy'>"
    elif row["status"] != "skipped":
        picture = "<div class='gl-blank'>no picture</div>"
    said = f"<p class='gl-said'>{escape(row['message'])}</p>" if row["message"] else ""
    took = "" if row["status"] == "skipped" else theme.quiet(words.duration(row["duration_s"]))
    return (
        f"<figure role='listitem' class='gl-{row['status']}'>{picture}<figcaption>"
        f"{theme.dot(row['status'])}<span>{escape(row['name'])} {took}</span>{said}"
        "</figcaption></figure>"
    )


def changed(rows: Rows, before: str, now: str, at: str) -> None:
    """Draw the lines of the page that came or went since it last passed this step."""
    lines = list(_diff(before, now))
    note = f"The page as a screen reader has it, against the attempt of {at} that passed this step."
    with charts.figure("What is different where it stopped", rows, key="changed", note=note):
        if not lines:
            st.html(theme.aside(
                "Nothing: the page says the same as when it passed. Look at timing and data."
            ))  # fmt: skip
            return
        body = "".join(
            f"<div class='gl-{'plus' if mark == '+' else 'minus'}'><b>{mark}</b>"
            f"<code>{escape(text)}</code></div>"
            for mark, text in lines
        )
        st.html(f"<div class='gl-diff' tabindex='0'>{body}</div>")


def _diff(before: str, now: str) -> Iterator[tuple[str, str]]:
    """Yield the sign and the text of changed lines, at most MOST_LINES."""
    found = difflib.unified_diff(before.splitlines(), now.splitlines(), n=0, lineterm="")
    kept = [one for one in found if one[:1] in "+-" and not one.startswith(("+++", "---"))]
    for one in kept[:MOST_LINES]:
        yield one[0], one[1:].strip()
