"""The line that names the cause is among the first that are shown, of labelled and usual logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import labelled_logs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cause_lines import MOST, grep, rank, said_before
from models.line_levels import judged
from models.protocols.cause_lines import evaluate, run

PYTEST = """
collected 3 items
tests/test_shop.py .F.                                                   [100%]
=================================== FAILURES ===================================
_________________________________ test_refund __________________________________
    def test_refund():
>       assert shop.refund(10) == 5
E       assert 10 == 5
tests/test_shop.py:14: AssertionError
=========================== short test summary info ============================
FAILED tests/test_shop.py::test_refund - assert 10 == 5
========================= 1 failed, 2 passed in 0.12s ==========================
##[error]Process completed with exit code 1.
"""
MAVEN = """
[INFO] Running shop.CheckoutTest
[ERROR] Tests run: 3, Failures: 0, Errors: 1, Skipped: 0 <<< FAILURE! - in shop.CheckoutTest
java.lang.IllegalStateException: cannot refund
\tat shop.Checkout.refund(Checkout.java:21)
Caused by: java.sql.SQLException: connection refused
\tat shop.Db.open(Db.java:3)
[ERROR] Tests run: 3, Failures: 0, Errors: 1, Skipped: 0
[INFO] BUILD FAILURE
[ERROR] Failed to execute goal surefire:test on project shop: There are test failures.
[ERROR] -> [Help 1]
"""
DOCKER = """
Step 3/7 : RUN pip install -r requirements.txt
Collecting foo==9.9
ERROR: Could not find a version that satisfies the requirement foo==9.9 (from versions: 1.0)
The command '/bin/sh -c pip install -r requirements.txt' returned a non-zero code: 1
Finished: FAILURE
"""
KILLED = """
running 200 cases
Killed
Process completed with exit code 137
"""
PYTHON = """
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    import shop
ModuleNotFoundError: No module named 'nothing_here'
script returned exit code 1
"""
RUST = """
   Compiling shop v0.1.0
error[E0425]: cannot find value `foo` in this scope
 --> src/main.rs:2:5
  |
2 |     foo
  |     ^^^ not found in this scope
error: aborting due to previous error
error: could not compile `shop`
"""
JEST = """
FAIL src/cart.test.js
  ● cart adds
    expect(received).toBe(expected) // Object.is equality
    Expected: 3
    Received: 4
      at Object.toBe (src/cart.test.js:5:22)
Tests:       1 failed, 12 passed, 13 total
"""


def shown(log: str, count: int = 1) -> list[str]:
    return [one.text for one in rank(pl.Series(log.splitlines()), limit=count)]


def test_labelled_logs_show_their_cause_where_grep_does_not(
    shared: Callable[[str], Path],
) -> None:
    table = evaluate(labelled_logs.rows(shared))
    assert table.height >= 100
    assert table["name"].n_unique() == table.height
    for (half,), part in table.group_by("half"):
        assert part["is_shown"].mean() >= 0.9, half
    assert table["is_grepped"].mean() < 0.5


def test_the_protocol_tells_what_was_missed() -> None:
    rows = pl.DataFrame({
        "name": ["a"], "half": ["tuning"], "kind": ["console"],
        "lines": [["fine", "x.c:1: error: no"]], "causes": [[1]],
    })  # fmt: skip
    outcome = run(rows, lambda _: None)
    assert outcome.scores[0].value == 0
    assert outcome.tables["missed"]["shown"].to_list() == [[2]]


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (PYTEST, "E       assert 10 == 5"),
        (MAVEN, "Caused by: java.sql.SQLException: connection refused"),
        (DOCKER, "ERROR: Could not find a version"),
        (KILLED, "Killed"),
        (PYTHON, "ModuleNotFoundError: No module"),
        (RUST, "error[E0425]: cannot find value"),
        (JEST, "Received: 4"),
    ],
    ids=["pytest", "maven", "docker", "killed", "python", "rust", "jest"],
)
def test_usual_logs_show_it_in_the_first_lines(log: str, cause: str) -> None:
    assert any(line.startswith(cause.strip()) for line in shown(log, 5))


def test_what_good_builds_log_too_stands_back() -> None:
    good = pl.Series(["ERROR: cache 12 is cold", "done"])
    bad = pl.Series(["ERROR: cache 99 is cold", "warning: disk sda1 is slow", "done"])
    assert shown("\n".join(bad))[0] == "ERROR: cache 99 is cold"
    known = said_before(bad, good)
    assert known.to_list() == [True, False, True]
    first = rank(bad, known=known)[0]
    assert first.text == "warning: disk sda1 is slow"
    assert "no good build has it" in first.reasons


def test_a_head_gives_its_level_to_the_message_below() -> None:
    log = ["x.txt: ok", "CMake Error at a.cmake:2 (message):", "  Uh oh", "warning: b"]
    assert [(one.number, one.level) for one in rank(pl.Series(log))[:2]] == [
        (3, "error"), (2, "error"),
    ]  # fmt: skip


def test_what_sums_up_or_denies_an_error_is_no_cause() -> None:
    for text in ("0 errors, 0 warnings", "BUILD FAILURE", "exit status 1", "no errors found"):
        assert judged(text).worth < judged("warning: x is deprecated").worth, text


def test_severities_of_a_json_report_count_for_their_messages() -> None:
    cells = [{"message": "small", "severity": "LOW"}, {"message": "large", "severity": "CRITICAL"}]
    report = json.dumps({"rows": cells}, indent=2).splitlines()
    assert shown("\n".join(report)) == ['"message": "large",']


def test_a_log_that_tells_nothing_gives_its_end() -> None:
    found = rank(pl.Series(["one thing", "two things", ""]))
    assert [one.text for one in found] == ["one thing", "two things"]
    assert "no line names an error" in found[0].reasons[0]
    assert rank(pl.Series([], dtype=pl.String)) == []


def test_a_long_log_is_judged_at_both_ends() -> None:
    lines = pl.Series([f"warning: {n} of many" for n in range(3 * MOST)] + ["fatal: the end"])
    assert rank(lines, limit=1)[0].text == "fatal: the end"
    assert len(grep(lines, "WARNING".lower())) == 3 * MOST


@given(st.lists(st.text(max_size=80), max_size=12))
def test_any_text_has_a_ranking_of_its_own_lines(lines: list[str]) -> None:
    found = rank(pl.Series(lines, dtype=pl.String))
    assert all(one.text == lines[one.number - 1].strip() for one in found)
