"""One journey: its attempts, the film strip of one, and what was different where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.tests import _attempts, _film

VIDEO_WIDTH = 640
STEPS = """
select ordinal, name, action, status, started_at, duration_s, message, url
from core.test_steps
where
    project_id = $project and test_id = $test and build_id = $build and environment = $environment
    and attempt = $attempt
order by ordinal
"""
FILES = """
select ordinal, nth, kind, name, media, sha256, size_bytes
from core.test_artifacts
where
    project_id = $project and test_id = $test and build_id = $build and environment = $environment
    and attempt = $attempt
order by ordinal, nth
"""
READ = {
    "console": ("What the page said", None), "page": ("The page's source", "html"),
}  # fmt: skip
"""Kind of text that can be read here: its label and its language."""
VITALS = (
    ("ttfb", "First byte", 800, 1800), ("fcp", "First paint", 1800, 3000),
    ("lcp", "Largest paint", 2500, 4000), ("inp", "Interaction", 200, 500),
    ("cls", "Layout shift", 0.1, 0.25),
)  # fmt: skip
"""Key, label, and where good and fair end (https://web.dev/articles/vitals), in ms but for cls."""


def draw(scope: Scope, wanted: str) -> None:
    """Draw the journey whose test id the URL names."""
    boards.back("All journeys", "journey")
    found = _attempts.found(scope, wanted, kind="journey")
    if found.is_empty:
        return
    attempt = _attempts.chosen(found, scope)
    steps, files = (_attempts.of(scope, attempt, sql) for sql in (STEPS, FILES))
    _attempts.verdict(attempt)
    (_film.draw if steps.height else _film.pictures)(steps, files)
    _difference(scope, found, attempt, files)
    _vitals(files)
    _evidence(files)
    test = attempt["test_id"]
    charts.link("This test's history", "tests", icon=":material/history:", test=test)


def _difference(scope: Scope, found: Rows, attempt: Mapping[str, Any], files: Rows) -> None:
    """Draw what the page said at the last step against the last attempt that passed it."""
    if attempt["status"] == "passed":
        return
    trees = files.frame.filter(pl.col("kind") == "accessibility").sort("ordinal")
    earlier = found.frame.filter(
        (pl.col("status") == "passed") & (pl.col("started_at") < attempt["started_at"])
        & (pl.col("environment") == attempt["environment"])
    )  # fmt: skip
    if trees.is_empty() or earlier.is_empty():
        return
    last, good = trees.row(-1, named=True), earlier.row(0, named=True)
    then = _attempts.of(scope, good, FILES)
    same = then.frame.filter(
        (pl.col("kind") == "accessibility") & (pl.col("ordinal") <= last["ordinal"])
    ).sort("ordinal", descending=True)
    if same.is_empty():
        return
    at = words.moment(good["started_at"], scope.zone)
    _film.changed(then, _text(same.row(0, named=True)), _text(last), at)


def _text(row: Mapping[str, Any]) -> str:
    return (data.artifact(row["sha256"]) or b"").decode("utf-8", "replace")


def _vitals(files: Rows) -> None:
    """Draw the web vitals of the page that was slowest to paint."""
    told = files.frame.filter(pl.col("kind") == "vitals")
    body = data.artifact(told["sha256"][0]) if told.height else None
    if not body:
        return
    pages: dict[str, dict[str, float]] = json.loads(body)
    url, vitals = max(pages.items(), key=lambda page: page[1].get("lcp", 0.0))
    cells = [
        (label, f"{vitals[key]:.2f}" if key == "cls" else f"{vitals[key]:,.0f} ms",
         _judged(vitals[key], good, fair))
        for key, label, good, fair in VITALS if key in vitals
    ]  # fmt: skip
    note = f"Of {url}, the slowest of {words.plural(len(pages), 'page')} of this attempt."
    with charts.figure("Web vitals", files, key="vitals", note=note):
        charts.metrics(cells)


def _judged(value: float, good: float, fair: float) -> str:
    return "good" if value <= good else "needs work" if value <= fair else "poor"


def _evidence(files: Rows) -> None:
    """Offer what was recorded of the attempt as a whole."""
    whole = [row for row in files.dicts() if row["ordinal"] < 0 or row["kind"] == "download"]
    note = "Kept by content: the same file of two attempts is stored once."
    with charts.figure("Evidence", files, key="evidence", note=note):
        if not whole:
            st.html(theme.aside("Nothing was kept of this attempt (--evidence)."))
            return
        with st.container(horizontal=True, gap="small"):
            for row in whole:
                _offer(row)
        for row in whole:
            body = data.artifact(row["sha256"]) if row["kind"] in ("video", *READ) else None
            if body and row["kind"] == "video":
                st.video(body, format="video/webm", width=VIDEO_WIDTH)
            elif body:
                label, language = READ[row["kind"]]
                with st.expander(label, icon=":material/terminal:"):
                    st.code(body.decode("utf-8", "replace")[-20_000:], language=language)


def _offer(row: Mapping[str, Any]) -> None:
    sha, kind = row["sha256"], row["kind"]
    if kind == "trace":
        st.link_button(
            "Open the trace", data.gateway_url(f"/trace/{sha}"), icon=":material/open_in_new:"
        )
    label = f"{kind} · {words.size(row['size_bytes'])}"
    if not data.is_kept(sha):
        st.html(theme.quiet(escape(f"{label}: no longer kept")))
        return
    st.download_button(  # read when somebody wants it: a trace may be large
        label, lambda: data.artifact(sha) or b"", file_name=row["name"], mime=row["media"],
        key=f"get-{kind}-{row['nth']}", icon=":material/download:",
    )  # fmt: skip
