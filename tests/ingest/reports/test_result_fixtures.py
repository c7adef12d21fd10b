"""Test results that others wrote (CTRF, NUnit, xUnit.net), against an independent count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ingest.parse.report_formats import Start

Shared = Callable[[str], Path]
Read = Callable[..., tuple[str | None, list[Any]]]
CTRF = "fixtures/test-reports/ctrf"
COVERAGE = "fixtures/coverage/coverage-model/edu/hm/hafner/coverage/parser"


def test_every_ctrf_example_gives_its_attempts(shared: Shared, read: Read) -> None:
    examples = sorted(shared(CTRF).glob("examples/*.json"))
    for path in examples:
        tests = json.loads(path.read_text())["results"]["tests"]
        expected = Counter(
            status for test in tests
            for status in [one["status"] for one in test.get("retryAttempts", [test])]
        )  # fmt: skip
        found, rows = read(path.read_bytes())
        assert (found, Counter(one.status for one in rows)) == ("ctrf", expected), path
    assert len(examples) == 5


def test_the_ctrf_test_suites_are_no_reports(shared: Shared, read: Read) -> None:
    suites = sorted(shared(CTRF).glob("tests/**/*.json"))
    assert [read(path.read_bytes())[0] for path in suites] == [None] * 4


def test_ctrf_retries_are_attempts_in_order(shared: Shared, read: Read) -> None:
    _, rows = read(shared(f"{CTRF}/examples/with-retries.json").read_bytes())
    flaky = [one for one in rows if one.name == "flaky test"]
    assert [(one.status, one.duration_s) for one in flaky] == [
        ("failed", 0.12), ("failed", 0.13), ("passed", 0.14),
    ]  # fmt: skip
    assert [one.message for one in flaky] == ["Connection timeout"] * 2 + [None]


@pytest.mark.parametrize(
    ("test", "statuses"),
    [
        ({"retries": 2, "flaky": True}, ["failed", "failed", "passed"]),
        ({"retries": 1, "retryAttempts": [{"status": "failed"}]}, ["failed", "passed"]),
        ({"retryAttempts": [{"status": "failed"}]}, ["failed", "passed"]),
        ({"retryAttempts": [{"status": "failed"}, {"status": "passed"}]}, ["failed", "passed"]),
        ({"retries": "x"}, ["passed"]),
    ],
)
def test_ctrf_retries_are_counted_however_they_are_told(
    test: dict[str, Any], statuses: list[str], read: Read
) -> None:
    report = {"results": {"tests": [{"name": "t", "status": "passed", **test}]}}
    assert [one.status for one in read(json.dumps(report))[1]] == statuses


def test_ctrf_keeps_browsers_apart(shared: Shared, read: Read) -> None:
    _, rows = read(shared(f"{CTRF}/examples/comprehensive.json").read_bytes())
    assert {one.environment for one in rows} == {"chromium"}
    assert rows[0].suite == "Authentication > Login"
    assert rows[0].started_at == 1_609_459_200_000_000


NUNIT = {"nunit.xml": (2, 1, 1, 0), "nunit-invalid-status.xml": (1, 1, 0, 2),
         "nunit-no-failure-block.xml": (2, 1, 1, 0), "nunit-no-message.xml": (2, 1, 1, 0),
         "empty.xml": (0, 0, 0, 0), "nunit2-format.xml": (18, 1, 5, 4)}  # fmt: skip
XUNIT = {"xunit.xml": (1, 1, 1, 0), "xunit-invalid-status.xml": (0, 1, 1, 1),
         "xunit-no-failure-block.xml": (1, 1, 1, 0), "xunit-no-message.xml": (1, 1, 1, 0),
         "empty.xml": (0, 0, 0, 0)}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "tag", "table"), [("nunit", "test-case", NUNIT), ("xunit", "test", XUNIT)]
)
def test_every_file_gives_its_cases_by_status(
    kind: str, tag: str, table: dict[str, tuple[int, ...]], shared: Shared, read: Read
) -> None:
    paths = sorted(shared(f"{COVERAGE}/{kind}").glob("*.xml"))
    assert [path.name for path in paths] == sorted(table)
    for path in paths:
        found, rows = read(path.read_bytes())
        status = Counter(one.status for one in rows)
        assert found == kind
        assert len(rows) == len(list(ElementTree.parse(path).getroot().iter(tag))), path
        words = ("passed", "failed", "skipped", "error")
        assert tuple(status[word] for word in words) == table[path.name], path


def test_nunit_counts_what_it_says_itself(shared: Shared, read: Read) -> None:
    path = shared(f"{COVERAGE}/nunit/nunit2-format.xml")
    root = ElementTree.parse(path).getroot()
    status = Counter(one.status for one in read(path.read_bytes())[1])
    assert status["failed"] == int(root.get("failures", 0))
    assert status["error"] == int(root.get("errors", 0)) + int(root.get("invalid", 0))
    assert status["skipped"] == int(root.get("inconclusive", 0)) + int(root.get("ignored", 0))


def test_a_dotted_name_is_split_into_class_and_test(shared: Shared, read: Read) -> None:
    for name, suite, class_name, test in (
        ("nunit/nunit.xml", "test.dll", "test.Tests", "FailedTEst"),
        ("nunit/nunit2-format.xml", "mock-assembly.dll",
         "NUnit.Tests.Assemblies.MockTestFixture", "FailingTest"),
        ("xunit/xunit.xml", "test2.dll", "test.Tests2", "ShouldCreateItem"),
    ):  # fmt: skip
        first = read(shared(f"{COVERAGE}/{name}").read_bytes())[1][0]
        assert (first.suite, first.class_name, first.name) == (suite, class_name, test)


def test_the_reports_of_an_action_are_all_junit_and_said_so(shared: Shared) -> None:
    root = shared("fixtures/test-reports/action-junit-report")
    said = Counter(Start(path.read_bytes(), path.name).said() for path in root.rglob("*.xml"))
    assert said == {"it is JUnit XML, which sources of type junit read": 37}
