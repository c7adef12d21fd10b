"""Formats of which there are no files of others here: small reports in the shape of their texts.

- TRX: https://github.com/microsoft/vstest/tree/main/src/Microsoft.TestPlatform.Extensions.TrxLogger
- TAP: https://testanything.org/tap-version-14-specification.html
- go test -json: https://pkg.go.dev/cmd/test2json
- Allure: https://allurereport.org/docs/how-it-works-test-result-file/
- Playwright: https://playwright.dev/docs/test-reporters#json-reporter, JSONReport in its types
- xUnit.net v3: https://xunit.net/docs/format-xml-v3
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from golive_core.errors import ReportError

Read = Callable[..., tuple[str | None, list[Any]]]

TRX = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<TestRun id="0" name="ci" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
  <Times creation="2026-05-01T10:00:00.0000000+02:00" start="2026-05-01T10:00:00.0000000+02:00" />
  <Results>
    <UnitTestResult executionId="e1" testId="t1" testName="Shop.CartTests.Adds"
      duration="00:00:01.5000000" startTime="2026-05-01T10:00:01.0000000+02:00" outcome="Passed" />
    <UnitTestResult executionId="e2" testId="t2" testName="Removes" outcome="Failed"
      duration="00:00:00.2500000" startTime="2026-05-01T10:00:02.0000000+02:00">
      <Output><StdOut>noise</StdOut><ErrorInfo><Message>Expected 1 but was 2</Message>
        <StackTrace>   at Shop.CartTests.Removes() in Cart.cs:line 7</StackTrace></ErrorInfo>
      </Output>
    </UnitTestResult>
    <UnitTestResult executionId="e3" testId="t2" testName="Removes" outcome="Passed" />
    <UnitTestResult executionId="e4" testId="t3" testName="Waits" outcome="Timeout" />
    <UnitTestResult executionId="e5" testId="t4" testName="Ships" outcome="NotExecuted">
      <Output><ErrorInfo><Message>no post on Sunday</Message></ErrorInfo></Output>
    </UnitTestResult>
    <UnitTestResult executionId="e6" testId="t5" testName="Rows" outcome="Failed">
      <InnerResults>
        <UnitTestResult testId="t5" testName="Rows (1)" outcome="Passed" />
        <UnitTestResult testId="t5" testName="Rows (2)" outcome="Failed" />
      </InnerResults>
    </UnitTestResult>
  </Results>
  <TestDefinitions>
    <UnitTest name="Adds" storage="c:\\build\\shop.tests.dll" id="t1">
      <TestMethod codeBase="x" className="Shop.CartTests" name="Adds" />
    </UnitTest>
    <UnitTest name="Removes" storage="/build/shop.tests.dll" id="t2">
      <TestMethod className="Shop.CartTests, Shop.Tests, Version=1.0.0.0" name="Removes" />
    </UnitTest>
  </TestDefinitions>
  <ResultSummary outcome="Failed"><Counters total="6" passed="3" failed="2" /></ResultSummary>
</TestRun>"""


def test_trx_names_classes_behind_the_results(read: Read) -> None:
    found, rows = read(TRX)
    assert found == "trx"
    assert [(one.suite, one.class_name, one.name, one.status) for one in rows] == [
        ("shop.tests.dll", "Shop.CartTests", "Adds", "passed"),
        ("shop.tests.dll", "Shop.CartTests", "Removes", "failed"),
        ("shop.tests.dll", "Shop.CartTests", "Removes", "passed"),
        ("", "", "Waits", "failed"),
        ("", "", "Ships", "skipped"),
        ("", "", "Rows (1)", "passed"),
        ("", "", "Rows (2)", "failed"),
    ]
    assert (rows[0].duration_s, rows[0].started_at) == (1.5, 1_777_622_401_000_000)
    assert rows[1].message == "Expected 1 but was 2"
    assert (rows[1].details or "").startswith("at Shop.CartTests.Removes()")
    assert rows[3].type == "Timeout"
    assert rows[4].skip_reason == "no post on Sunday"


XUNIT3 = """<assemblies schema-version="3">
<assembly name="/b/a.dll" start-rtf="2026-05-01T10:00:00.5Z" errors="1">
 <errors><error type="fatal"><failure exception-type="X"><message>boom</message></failure></error>
 </errors>
 <collection name="c"><test name="N.T.M(x: 1)" type="N.T" method="M" time="0.5" result="Pass"/>
 <test name="N.T.S" type="N.T" method="S" time="0" result="Skip"><reason>later</reason></test>
 <test name="N.T.R" type="N.T" method="R" time="0" result="NotRun"/></collection>
</assembly></assemblies>"""


def test_xunit_errors_outside_of_tests_count(read: Read) -> None:
    _, rows = read(XUNIT3)
    assert [(one.name, one.status) for one in rows] == [
        ("(fatal)", "error"), ("M(x: 1)", "passed"), ("S", "skipped"), ("R", "skipped"),
    ]  # fmt: skip
    assert rows[0].message == "boom"
    assert rows[2].skip_reason == "later"
    assert {one.started_at for one in rows} == {1_777_629_600_500_000}


TAP = """TAP version 14
1..6
ok 1 - adds
not ok 2 - removes
  ---
  message: 'expected 1'
  severity: fail
  duration_ms: 12.5
  ...
# a line of diagnosis
ok 3 - ships # SKIP no post on Sunday
not ok 4 - pays # TODO when there is money
# Subtest: cart
    1..2
    ok 1 - empty
    # Subtest: full
        not ok 1 - overflows
    not ok 2 - full
not ok 5 - cart
ok 6
"""


def test_tap_with_subtests_directives_and_diagnoses(read: Read) -> None:
    found, rows = read(TAP, name="out/shop.tap")
    assert found == "tap"
    assert [(one.class_name, one.name, one.status) for one in rows] == [
        ("", "adds", "passed"),
        ("", "removes", "failed"),
        ("", "ships", "skipped"),
        ("", "pays", "skipped"),
        ("cart", "empty", "passed"),
        ("cart > full", "overflows", "failed"),
        ("", "test 6", "passed"),
    ]
    assert {one.suite for one in rows} == {"shop"}
    assert (rows[1].message, rows[1].duration_s) == ("expected 1", 0.0125)
    assert "a line of diagnosis" in rows[1].details
    assert [one.skip_reason for one in rows[2:4]] == ["no post on Sunday", "when there is money"]


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ("1..3\nok 1\nok 2\n", ("(plan)", "error", "3 tests were planned, 2 were run")),
        ("ok 1 - a\nBail out! no disk\n", ("(bail out)", "error", "no disk")),
        ("1..0 # SKIP nothing here\n", None),
        ("ok 1 - a\n1..1\n", ("a", "passed", None)),
    ],
)
def test_tap_says_whether_it_is_whole(
    body: str, last: tuple[str, str, str | None] | None, read: Read
) -> None:
    _, rows = read(body)
    assert ((*rows[-1][:2], rows[-1].message) if rows else None) == last


def go(*events: dict[str, object]) -> str:
    start: dict[str, object] = {"Time": "2026-05-01T10:00:00Z"}
    return "".join(json.dumps({**start, **one}) + "\n" for one in events)


def event(
    action: str, test: str = "", package: str = "shop/cart", **more: object
) -> dict[str, Any]:
    return {"Action": action, "Package": package, **({"Test": test} if test else {}), **more}


def test_go_events_become_attempts(read: Read) -> None:
    found, rows = read(go(
        event("start"),
        event("run", "TestAdd"), event("output", "TestAdd", Output="=== RUN   TestAdd\n"),
        event("output", "TestAdd", Output="    cart_test.go:9: want 1, got 2\n"),
        event("output", "TestAdd", Output="--- FAIL: TestAdd (0.25s)\n"),
        event("fail", "TestAdd", Elapsed=0.25),
        event("run", "TestAdd"), event("pass", "TestAdd", Elapsed=0.5),
        event("run", "TestShip"), event("output", "TestShip", Output="    x_test.go:1: no post\n"),
        event("skip", "TestShip", Elapsed=0),
        event("fail", Elapsed=1.0),
    ))  # fmt: skip
    assert found == "gotest"
    assert [(one.suite, one.name, one.status, one.duration_s) for one in rows] == [
        ("shop/cart", "TestAdd", "failed", 0.25),
        ("shop/cart", "TestAdd", "passed", 0.5),
        ("shop/cart", "TestShip", "skipped", 0.0),
    ]
    assert rows[0].details == "cart_test.go:9: want 1, got 2"
    assert rows[2].skip_reason == "x_test.go:1: no post"


def test_go_packages_that_do_not_build_and_tests_that_do_not_end_are_errors(read: Read) -> None:
    built = "shop/bad [shop/bad.test]"
    _, rows = read(go(
        {"ImportPath": built, "Action": "build-output", "Output": "bad.go:1:2"},
        {"ImportPath": built, "Action": "build-fail"},
        event("start", package="shop/bad"), event("fail", package="shop/bad", Elapsed=0),
        event("start"), event("run", "TestHangs"),
        event("output", "TestHangs", Output="panic: x\n"),
    ) + '{"Time":"2026-05-01T10:00:00Z","Action":"ou')  # fmt: skip
    assert [(one.suite, one.name, one.status) for one in rows] == [
        ("shop/bad", "(package)", "error"),
        ("shop/cart", "TestHangs", "error"),
    ]
    assert rows[0].message == "bad.go:1:2"
    assert rows[1].details == "panic: x"


def test_go_output_of_others_in_between_is_left_out_but_a_torn_event_is_refused(read: Read) -> None:
    whole = "go: downloading x\n" + go(event("run", "TestA")) + "{ not ours\n"
    assert [one.name for one in read(whole + go(event("pass", "TestA")))[1]] == ["TestA"]
    with pytest.raises(ReportError, match="not JSON") as caught:
        read(whole + '{"Time":"2026-05-\n' + go(event("pass", "TestA")))
    assert caught.value.line == 4


def test_go_test_output_of_powershell_is_utf_16(read: Read) -> None:
    body = go(event("run", "TestA"), event("pass", "TestA", Elapsed=1)).encode("utf-16")
    assert [one.status for one in read(body)[1]] == ["passed"]


ALLURE: dict[str, Any] = {
    "uuid": "0b1", "historyId": "h1", "testCaseId": "c1", "fullName": "tests.test_cart#test_add",
    "name": "test_add", "status": "broken", "stage": "finished",
    "statusDetails": {"message": "boom", "trace": "Traceback\nboom"},
    "start": 1_777_629_600_000, "stop": 1_777_629_601_500,
    "labels": [{"name": "parentSuite", "value": "tests"}, {"name": "suite", "value": "cart"},
               {"name": "testClass", "value": "TestCart"}],
    "parameters": [{"name": "n", "value": "1"}, {"name": "now", "value": "x", "excluded": True}],
    "steps": [], "attachments": [],
}  # fmt: skip


def test_an_allure_result_is_one_case(read: Read) -> None:
    found, (one,) = read(json.dumps(ALLURE))
    assert found == "allure"
    assert (one.suite, one.class_name, one.name) == ("tests > cart", "TestCart", "test_add[1]")
    assert (one.status, one.message, one.duration_s) == ("error", "boom", 1.5)
    assert one.started_at == 1_777_629_600_000_000


def test_an_allure_container_is_no_result(read: Read) -> None:
    container = {
        "uuid": "1",
        "name": "x",
        "children": ["0b1"],
        "befores": [],
        "start": 1,
        "stop": 2,
    }
    assert read(json.dumps(container))[0] is None


def playwright(*results: dict[str, Any], **test: object) -> str:
    spec = {"title": "pays", "ok": True, "file": "shop.spec.ts", "line": 3, "tests": [
        {"projectName": "chromium", "expectedStatus": "passed", "annotations": [], **test,
         "results": [{"workerIndex": 0, "errors": [], "retry": nth,
                      "startTime": "2026-05-01T10:00:00.000Z", **one}
                     for nth, one in enumerate(results)]}]}  # fmt: skip
    inner = {"title": "checkout", "file": "shop.spec.ts", "specs": [spec]}
    return json.dumps({
        "config": {"configFile": "x", "rootDir": "/w", "projects": []},
        "suites": [{"title": "shop.spec.ts", "file": "shop.spec.ts", "specs": [],
                    "suites": [inner]}],
        "errors": [], "stats": {"expected": 1},
    })  # fmt: skip


def test_playwright_retries_are_attempts(read: Read) -> None:
    failure = {"message": "no button", "stack": "Error: no button\n  at shop.spec.ts:3"}
    found, rows = read(playwright(
        {"status": "failed", "duration": 1200, "error": failure},
        {"status": "timedOut", "duration": 30000, "errors": [{"message": "too slow"}]},
        {"status": "passed", "duration": 800},
    ))  # fmt: skip
    assert found == "playwright"
    assert [(one.status, one.type, one.message, one.duration_s) for one in rows] == [
        ("failed", None, "no button", 1.2), ("failed", "timedOut", "too slow", 30.0),
        ("passed", None, None, 0.8),
    ]  # fmt: skip
    one = rows[0]
    assert (one.suite, one.class_name, one.name) == ("shop.spec.ts", "checkout", "pays")
    assert (one.environment, one.file) == ("chromium", "shop.spec.ts")
    assert one.started_at == 1_777_629_600_000_000


@pytest.mark.parametrize(
    ("status", "expected", "becomes"),
    [
        ("failed", "failed", "passed"),
        ("passed", "failed", "failed"),
        ("skipped", "skipped", "skipped"),
        ("interrupted", "passed", "error"),
    ],
)
def test_playwright_compares_with_what_was_expected(
    status: str, expected: str, becomes: str, read: Read
) -> None:
    _, (one,) = read(playwright({"status": status}, expectedStatus=expected))
    assert one.status == becomes


def test_playwright_errors_outside_of_tests_and_tests_that_did_not_run_count(read: Read) -> None:
    report = json.loads(playwright(annotations=[{"type": "skip", "description": "later"}]))
    report["errors"] = [{"message": "no such config", "stack": "x"}]
    _, rows = read(json.dumps(report))
    assert [(one.name, one.status, one.skip_reason) for one in rows] == [
        ("pays", "skipped", "later"), ("(run)", "error", None),
    ]  # fmt: skip
