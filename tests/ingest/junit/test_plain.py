"""Plain cases are read apart from the rest: whatever stands around them, the rows are the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import ReportError
from ingest.parse.junit_plain import MARK, taken_out

Read = Callable[..., pl.DataFrame]
PLAIN = '<testcase name="a" classname="c" time="0.5"/>\n'
FAILED = '<testcase name="b" classname="c" time="1"><failure message="m">at x</failure></testcase>'
BODIES = {
    "alone": PLAIN * 3,
    "around others": PLAIN * 2 + FAILED + PLAIN + FAILED * 2 + PLAIN,
    "with an end tag": PLAIN.replace("/>", "></testcase>") * 2,
    "that printed": PLAIN.replace("/>", "><system-out>[x] y\n</system-out></testcase>") + FAILED,
    "that printed CDATA": PLAIN.replace(
        "/>", "> <system-out><![CDATA[ok]]></system-out> </testcase>"
    ),
    "of unlike attributes": PLAIN + '<testcase classname="c" name="d"/>' + FAILED + PLAIN,
    "that need unescaping": PLAIN + '<testcase name="&lt;ü" classname="c" time="1"/>' + PLAIN,
    "in suites in a suite": f'{PLAIN}<testsuite name="t">{PLAIN}</testsuite>{PLAIN}' * 2,
    "in a comment": f"{PLAIN}<!-- {PLAIN} -->{PLAIN}",
    "in CDATA": FAILED.replace("at x", f"<![CDATA[{PLAIN}]]>") + PLAIN,
    "in a text": f"<system-out>{PLAIN}</system-out>{PLAIN}{FAILED}",
    "in a case": f'<testcase name="b" classname="c" time="1">{PLAIN}</testcase>{PLAIN}',
    "in an element that says nothing": f"<properties>{PLAIN}</properties>{PLAIN}",
    "beside our mark": f"<{MARK}/>{PLAIN}",
    "of a name told twice": '<testcase name="a" name="a"/>' + PLAIN,
}


def outcome(read: Read, body: str | bytes, *, large: bool) -> list[tuple[object, ...]]:
    try:
        return read(body, large=large).rows()
    except ReportError as error:
        return [(error.what, error.line)]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("end", ["</testsuite>", "", "</testcase>"], ids=["", "cut", "torn"])
def test_cases_read_the_same(name: str, end: str, read: Read) -> None:
    body = f'<?xml version="1.0"?>\n<testsuite name="s">\n{BODIES[name]}{end}'
    assert outcome(read, body, large=False) == outcome(read, body, large=True)


def test_cases_without_a_suite_are_no_report(read: Read) -> None:
    for body in (PLAIN, f"<x>{PLAIN}</x>", f"<!-- c -->{PLAIN}<!-- c -->"):
        assert outcome(read, body, large=False) == outcome(read, body, large=True)


def test_only_what_is_left_is_parsed() -> None:
    plain = taken_out(f"<testsuite>{BODIES['around others']}</testsuite>".encode())
    assert plain
    assert list(plain.runs) == [2, 1, 1]
    assert plain.words[: plain.width] == ["name", "a", "classname", "c", "time", "0.5"]
    assert b'name="a"' not in plain.rest


@pytest.mark.parametrize(
    "body",
    [
        '<testcase name="' * 100_000,
        '<testcase name="a">' + " " * 1_000_000 + "x",
        "<testcase" + ' a="' * 500_000,
        '<testcase a="' + 'b" c="' * 200_000,
        ('<testcase name="a"><system-out>' + "x" * 2_000) * 500,
        '<testcase name="a"><system-out><![CDATA[' * 50_000,
    ],
)
def test_beginnings_of_cases_are_searched_in_no_time(body: str) -> None:
    started = time.process_time()
    assert taken_out(b"<testsuite>" + body.encode()) is None
    assert time.process_time() - started < 1


def test_reports_of_others_read_the_same(read: Read, shared: Callable[[str], Path]) -> None:
    paths = sorted(shared("fixtures/test-reports").rglob("*.xml"))
    taken = 0
    for path in paths:
        body = path.read_bytes()
        taken += taken_out(body) is not None
        assert outcome(read, body, large=False) == outcome(read, body, large=True), path
    assert taken > 50
