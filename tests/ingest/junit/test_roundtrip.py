"""Any cases written as XML read as they were."""

from __future__ import annotations

import os
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Read = Callable[..., pl.DataFrame]
WORDS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
    ),
    max_size=20,
)
NAMES = WORDS.filter(bool)
KINDS = {"failure": "failed", "error": "error", "skipped": "skipped"}
CASES = st.tuples(
    NAMES,
    st.none() | WORDS,
    st.none() | st.integers(0, 10**6),
    st.none() | st.sampled_from(list(KINDS)),
    NAMES.map(str.strip).filter(bool),
    st.integers(0, 3),
)
Case = tuple[str, str | None, int | None, str | None, str, int]


def written(case: Case) -> str:
    name, class_name, millis, kind, text, flaky = case
    said = {"name": name, "classname": class_name}
    said["time"] = None if millis is None else f"{millis / 1000:,.3f}"
    words = "".join(
        f" {key}={quoteattr(value)}" for key, value in said.items() if value is not None
    )
    inner = "<flakyFailure/>" * flaky
    if kind:
        inner += f"<{kind} message={quoteattr(text)}>{escape(text)}</{kind}>"
    return f"<testcase{words}>{inner}</testcase>"


def expected(case: Case) -> list[tuple[str, str, float | None, str]]:
    name, class_name, millis, kind, _, flaky = case
    seconds = None if millis is None else millis / 1000
    last = (name, class_name or "", seconds, KINDS[kind] if kind else "passed")
    return [(name, class_name or "", None, "failed")] * flaky + [last]


@settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "150")), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(CASES, max_size=8), st.sampled_from(["utf-8", "utf-16"]))
def test_what_is_written_is_read(read: Read, cases: list[Case], encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><testsuite name="s">'
    body += "".join(map(written, cases)) + "</testsuite>"
    found = read(body.encode(encoding))
    rows = found.select("name", "class_name", "duration_s", "status").rows() if cases else []
    assert rows == [row for case in cases for row in expected(case)]
    details = [case[4] for case in cases if case[3] in ("failure", "error")]
    if cases:
        assert [text for text in found["details"] if text is not None] == details
