"""Every report file of two well-known readers, against an independent count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from golive_core.errors import ReportError

Shared = Callable[[str], Path]
Read = Callable[..., pl.DataFrame]
ROOT = "fixtures/test-reports"
ATTEMPTS = ("flakyFailure", "flakyError", "rerunFailure", "rerunError")


def reports(shared: Shared) -> list[Path]:
    root = shared(ROOT)
    return sorted([*root.glob("action-junit-report/**/*.xml"), *root.glob("junit-plugin/**/*.xml")])


def counted(path: Path) -> Counter[str]:
    """Count by ElementTree: attempts, failures, errors and skips."""
    found: Counter[str] = Counter()
    tree = ElementTree.parse(path).getroot()
    for case in tree.iter("testcase"):
        kinds = [child.tag for child in case]
        extra = [kind for kind in kinds if kind in ATTEMPTS]
        off = case.get("status") == "disabled"
        first = next((kind for kind in kinds if kind in ("failure", "error")), None)
        status = "skipped" if off or (not first and "skipped" in kinds) else first or "passed"
        found[{"failure": "failed"}.get(status, status)] += 1
        found.update("error" if kind.endswith("Error") else "failed" for kind in extra)
    for suite in tree.iter("testsuite"):
        found["error"] += len(suite.findall("error"))
        found["failed"] += len(suite.findall("failure"))
    return +found


def test_every_fixture_gives_the_attempts_that_elementtree_counts(
    shared: Shared, read: Read
) -> None:
    checked = 0
    for path in reports(shared):
        try:
            expected = counted(path)
            found = read(path.read_bytes())
        except (ElementTree.ParseError, ReportError):
            continue
        status = found["status"] if found.height else pl.Series([], dtype=pl.String)
        assert Counter(status.to_list()) == expected, path
        checked += 1
    assert checked == 83


REJECTED = {
    "TEST-test.CorruptTest.xml": (18, "truncated at line 18"),
    "expected.xml": (9, "not well-formed"),
    "expectedRetries.xml": (9, "not well-formed"),
    "testXxe-oob.xml": (1, "not well-formed"),
    "testXxe-xxe.xml": (2, "a DOCTYPE, which is refused"),
    "junitResult.xml": (2, "the root element is <result>"),
}


def test_the_fixtures_that_are_no_reports_are_refused_with_line_and_reason(
    shared: Shared, read: Read
) -> None:
    refused = {}
    for path in reports(shared):
        try:
            read(path.read_bytes())
        except ReportError as error:
            refused[path.name] = (error.line, error.what)
    assert refused.keys() == REJECTED.keys()
    for name, (line, words) in REJECTED.items():
        assert refused[name][0] == line
        assert words in refused[name][1]


PYTEST = "pytest|python.test_sample"
TABLE = {
    "action-junit-report/test_results/python/report_flaky.xml": [
        f"{PYTEST}|test_which_succeeds|passed|0.001",
        f"{PYTEST}|test_which_fails|failed|0.001",
        f"{PYTEST}|test_with_error|failed|0.0",
        f"{PYTEST}|test_with_flaky_success|passed|0.0",
    ],
    "junit-plugin/hudson/tasks/junit/gh-237/TEST-io.olamy.FlakyTest.xml": [
        "io.olamy.FlakyTest|io.olamy.FlakyTest|testApp|failed|None",
        "io.olamy.FlakyTest|io.olamy.FlakyTest|testApp|failed|None",
        "io.olamy.FlakyTest|io.olamy.FlakyTest|testApp|passed|0.001",
    ],
    "action-junit-report/test_results/nested/junit.xml": [
        "All tests > tests > packet > TestA||A|failed|10.0",
        "All tests > tests > packet > TestA||B|passed|20.0",
        "All tests > tests > packet > TestB||A|passed|30.0",
        "All tests > tests > packet > TestB||B|failed|40.0",
        "All tests > tests > packet||A|failed|50.0",
    ],
    "action-junit-report/test_results/multiple/test_12.xml": [
        "||Command Test: apt-get upgrade|passed|None",
        "||File Existence Test: /home/app/app|skipped|0.0",
        "||Metadata Test|passed|0.0",
    ],
    "action-junit-report/test_results/perl/result.xml": [
        "common|t.Foo.Bar.Blah.Blah.Blah.FileName_t|L123: ...|passed|4.50611114501953e-05"
    ],
    "junit-plugin/hudson/tasks/junit/junit-report-bad-duration.xml": [
        "DummyTest|DummyTest|testDummyMethod|passed|None",
        "DummyTest|DummyTest|testDummyMethod|passed|100.0",
    ],
    "action-junit-report/test_results/issues/testFailedDisabled.xml": [
        "random suite|MiscTests - OS X|testSmemArithmetic|skipped|None"
    ],
}


@pytest.mark.parametrize("name", TABLE)
def test_a_dialect_reads_as_a_person_reads_it(name: str, shared: Shared, read: Read) -> None:
    found = read(shared(f"{ROOT}/{name}").read_bytes())
    columns = ("suite", "class_name", "name", "status", "duration_s")
    assert ["|".join(map(str, row)) for row in found.select(columns).rows()] == TABLE[name]


def test_a_case_without_a_name_is_called_so(shared: Shared, read: Read) -> None:
    path = shared(f"{ROOT}/junit-plugin/hudson/tasks/junit/junit-report-empty-testcasename.xml")
    assert read(path.read_bytes())["name"].to_list() == ["(unnamed)"]
