"""Suites are found, evaluated by the real library, and fail when they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from assets import expectations
from assets.expectations import Evaluator, Suite, Verdict, expect, suites
from golive_core import schema

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as started:
        yield started


def builds(**changes: Any) -> pl.DataFrame:
    row: dict[str, Any] = {
        "build_id": "ci:shop#1", "pipeline_id": "ci:shop", "project_id": "shop",
        "day": AT.date(), "number": 1, "attempt": 1, "status": "passed", "queued_at": AT,
        "duration_s": 60.0, "queue_s": 1.0, "commit_sha": "a" * 40,
    }  # fmt: skip
    return schema.conform(schema.BUILDS, pl.DataFrame([row | changes]))


def failed(verdicts: list[Verdict]) -> set[tuple[str | None, str]]:
    return {(each.column, each.severity) for each in verdicts if not each.passed}


def test_every_suite_is_found_and_starts_with_a_row_count() -> None:
    assert set(suites()) == {"core.builds", "core.test_results", "core.commits"}
    for suite in suites().values():
        assert suite.expectations[0].kind == "table_row_count_to_be_between"
        assert set(suite.columns) <= set(schema.find(suite.table).schema)
        names = [each.name for each in suite.expectations]
        assert len(set(names)) == len(names)


@pytest.mark.slow
def test_good_builds_pass_every_expectation(evaluator: Evaluator) -> None:
    verdicts = evaluator.evaluate(suites()["core.builds"], builds())
    assert failed(verdicts) == set()
    assert {each.rows_checked for each in verdicts} == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "column", "severity"),
    [
        ({"status": "exploded"}, "status", "error"),
        ({"duration_s": -1.0}, "duration_s", "error"),
        ({"pipeline_id": None}, "pipeline_id", "error"),
        ({"duration_s": 9e6}, "duration_s", "warning"),
        ({"commit_sha": None}, "commit_sha", "warning"),
    ],
)
def test_a_bad_build_fails_just_its_expectation(
    evaluator: Evaluator, changes: dict[str, Any], column: str, severity: str
) -> None:
    verdicts = evaluator.evaluate(suites()["core.builds"], builds(**changes))
    assert failed(verdicts) == {(column, severity)}


@pytest.mark.slow
def test_an_empty_batch_fails_on_its_row_count(evaluator: Evaluator) -> None:
    verdicts = evaluator.evaluate(suites()["core.builds"], builds().clear())
    assert not verdicts[0].passed


@pytest.mark.slow
def test_years_that_pandas_cannot_hold_are_no_trouble(evaluator: Evaluator) -> None:
    early = builds(queued_at=datetime(1, 1, 1, tzinfo=UTC))
    assert failed(evaluator.evaluate(suites()["core.builds"], early)) == set()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of the library's own imports
def test_batches_are_folded_into_one_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "BATCH_ROWS", 2)
    frame = pl.DataFrame({"status": ["passed", "failed", "bad", "worse", "passed"]})
    suite = Suite("t", (expect("column_values_to_be_in_set", column="status",
                               value_set=["passed", "failed"]),))  # fmt: skip
    (verdict,) = expectations.evaluate(suite, frame)
    assert (verdict.passed, verdict.rows_checked, verdict.rows_failed) == (False, 5, 2)
    assert "bad" in verdict.observed


def test_a_null_is_seen_as_null() -> None:
    assert expectations._seen([float("nan"), "x", None, 1.5]) == [None, "x", None, 1.5]
