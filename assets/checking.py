"""What a run just wrote, handed to the check suites; verdicts into ops.check_results and Dagster.

Suites and their evaluation are in `assets/expectations.py`, one suite a file in `assets/checks/`.
The days of a table that failed stay pending in ops.cursors: every run checks them again, and marts
that read the table refuse to be refreshed until they pass. Rows are never taken out of core here;
rows that break a rule of their own never get in (`assets/rules.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Protocol, Self

import dagster as dg
import polars as pl

from assets.cursors import Mark, State
from assets.expectations import Evaluator, Suite, Verdict, suites
from golive_core import schema
from golive_core.lake import Lake

CHECK = "expectations"
STATE = "checks"


class CheckSuite(Protocol):
    """What evaluates the rows of one table: a context manager, entered once a run has rows."""

    def __enter__(self) -> Self:
        """Start what is slow to start."""
        ...

    def __exit__(self, *problem: object) -> None:
        """End it."""
        ...

    def evaluate(self, suite: Suite, frame: pl.DataFrame) -> list[Verdict]:
        """Return a verdict for every expectation of the suite."""
        ...


def specs(keys: Iterable[dg.AssetKey]) -> Iterator[dg.AssetCheckSpec]:
    """Yield the blocking check of every asset among `keys` that has a suite."""
    for key in keys:
        suite = suites().get(".".join(key.path))
        if suite:
            yield dg.AssetCheckSpec(
                CHECK,
                asset=key,
                blocking=True,
                description=f"{len(suite.expectations)} expectations of the days just written.",
            )


def pending(lake: Lake, table: str) -> set[date]:
    """Return the days of a table that have not passed its checks."""
    cursor = State.read(lake, STATE).mark(table, "check").cursor or {}
    return {date.fromisoformat(day) for day in cursor.get("days", ())}


class Checking:
    """The checks of one run; nothing is started before there are rows to check."""

    def __init__(
        self, lake: Lake, run_id: str, evaluator: Callable[[], CheckSuite] = Evaluator
    ) -> None:
        self._lake, self._run_id, self._make = lake, run_id, evaluator
        self._stack = ExitStack()
        self._evaluator: CheckSuite | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *problem: object) -> None:
        """End the evaluator if there is one."""
        self._stack.close()

    def warm(self) -> CheckSuite:
        """Start the evaluator, which takes seconds, while other work goes on; return it."""
        if self._evaluator is None:
            self._evaluator = self._stack.enter_context(self._make())
        return self._evaluator

    def results(
        self, written: Mapping[str, Collection[date]], selected: Collection[dg.AssetCheckKey]
    ) -> Iterator[dg.AssetCheckResult]:
        """Yield the result of each selected check of this kind, in order of the tables.

        Without rows to check the result is a pass: Dagster would warn of a missing one.
        """
        for key in sorted(key for key in selected if key.name == CHECK):
            table = ".".join(key.asset_key.path)
            days = pending(self._lake, table) | set(written.get(table, ()))
            if days:
                yield _result(key, self.check(suites()[table], days), len(days))
            else:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=True,
                    description="No new rows to check.",
                )

    def check(self, suite: Suite, days: set[date]) -> list[Verdict]:
        """Evaluate the suite on the rows of these days, and store the verdicts and what is open."""
        frame = self._lake.query(
            f"select {', '.join(suite.columns)} from {suite.table} "  # noqa: S608 - schema's names
            "where day in (select unnest(?::date[]))",
            [sorted(days)],
        )
        verdicts = self.warm().evaluate(suite, frame)
        self._store(suite, verdicts, days if failed(verdicts) else set())
        return verdicts

    def _store(self, suite: Suite, verdicts: list[Verdict], still_open: set[date]) -> None:
        state = State.read(self._lake, STATE)
        before = state.mark(suite.table, "check")
        mark = Mark(before.sequence + 1, {"days": [str(day) for day in sorted(still_open)]})
        with self._lake.transaction(f"check {suite.table}") as txn:
            txn.insert("ops.check_results", _rows(self._run_id, suite.table, verdicts))
            if mark.cursor != (before.cursor or {"days": []}):
                txn.merge("ops.cursors", state.row(suite.table, "check", mark))


def failed(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts that block."""
    return [one for one in verdicts if not one.passed and one.severity == "error"]


def _rows(run_id: str, table: str, verdicts: list[Verdict]) -> pl.DataFrame:
    now = datetime.now(UTC)
    rows = [
        {
            "check_id": f"{run_id}:{table}:{one.expectation}", "run_id": run_id, "at": now,
            "day": now.date(), "table_name": table, "expectation": one.expectation,
            "column_name": one.column, "severity": one.severity, "passed": one.passed,
            "observed": one.observed, "rows_checked": one.rows_checked,
            "rows_failed": one.rows_failed,
        }
        for one in verdicts
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=schema.CHECK_RESULTS.schema)


def _result(key: dg.AssetCheckKey, verdicts: list[Verdict], days: int) -> dg.AssetCheckResult:
    broken = [one for one in verdicts if not one.passed]
    error = dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not broken,
        severity=error if failed(verdicts) else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{one.expectation}: {one.observed}" for one in broken)[:2000],
        metadata={
            "expectations": len(verdicts),
            "broken": [one.expectation for one in broken],
            "rows": max((one.rows_checked for one in verdicts), default=0),
            "days": days,
        },
    )
