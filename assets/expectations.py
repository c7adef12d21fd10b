"""Great Expectations, held at arm's length: suites as data, evaluated in a process of their own.

Importing Great Expectations costs 5 s of CPU and 250 MB, so a run starts the evaluator early, in
a child process that imports it while the sources are still being read. Batches travel as pandas
frames of just the columns that a suite names, since the DuckDB route of version 1.24 fails as
shipped. An empty batch passes every expectation, so every suite starts with a row count.

Suites are found in `assets/checks/`. Nothing here knows Dagster or writes to the lake.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import isnan
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, cast

import polars as pl

from assets.child import Child, Connection
from golive_core.errors import GoLiveError

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warning"]
Argument = str | int | float | list[str]
BATCH_ROWS = 500_000
"""Rows of one pandas batch: 500,000 test results take about 0.6 GB at the peak."""


@dataclass(frozen=True, slots=True)
class Expect:
    """One expectation: its Great Expectations name without `expect_`, arguments and severity."""

    kind: str
    arguments: Mapping[str, Argument]
    severity: Severity

    @property
    def name(self) -> str:
        """A name that is unique in its suite and readable on a page."""
        return "_".join([self.kind, *self.columns, self.severity])

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        named = self.arguments.get("column", self.arguments.get("column_list", []))
        return named if isinstance(named, list) else [str(named)]


@dataclass(frozen=True, slots=True)
class Suite:
    """What must hold for new rows of one table."""

    table: str
    expectations: tuple[Expect, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that the suite reads, each once, in order of mention."""
        return list(dict.fromkeys(name for each in self.expectations for name in each.columns))


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one expectation ended over all batches of one run."""

    expectation: str
    column: str | None
    severity: Severity
    passed: bool
    observed: str
    rows_checked: int
    rows_failed: int


def expect(kind: str, *, severity: Severity = "error", **arguments: Argument) -> Expect:
    """Return the expectation `expect_<kind>`; failing with severity error, it blocks the rest."""
    return Expect(kind, arguments, severity)


@cache
def suites() -> dict[str, Suite]:
    """Return every suite of `assets/checks/` by table."""
    package = importlib.import_module("assets.checks")
    modules = [
        importlib.import_module(f"assets.checks.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
    ]
    return {module.SUITE.table: module.SUITE for module in modules}


class _Result(Protocol):
    """What Great Expectations says of one expectation."""

    success: bool | None
    result: Mapping[str, object]
    exception_info: Mapping[str, object]


class _BatchDefinition(Protocol):
    """The part of a Great Expectations batch definition that is used here."""

    def get_batch(self, batch_parameters: Mapping[str, object]) -> Any: ...  # noqa: ANN401 - untyped


class Evaluator:
    """Evaluates batches in a child process that has Great Expectations loaded.

    Entering starts the child and its import; `evaluate` waits for it.
    """

    def __enter__(self) -> Self:
        """Start the child and its import."""
        self._child = Child("assets.expectations:serve")
        return self

    def __exit__(self, *_: object) -> None:
        """End the child, whether it is still importing or not."""
        self._child.end()

    def evaluate(self, suite: Suite, frame: pl.DataFrame) -> list[Verdict]:
        """Return one verdict per expectation for the new rows `frame` of the suite's table.

        Raises GoLiveError if the child fails.
        """
        try:
            self._child.pipe.send((suite, frame.select(suite.columns)))
            answer = cast("list[Verdict] | str", self._child.pipe.recv())
        except (EOFError, OSError) as error:
            raise GoLiveError("the checking process died", where=suite.table) from error
        if isinstance(answer, str):
            raise GoLiveError(f"a check could not be evaluated: {answer}", where=suite.table)
        return answer


def serve(pipe: Connection) -> None:
    """Load Great Expectations and answer batches until the parent is gone."""
    _great_expectations()
    try:
        while True:
            suite, frame = cast("tuple[Suite, pl.DataFrame]", pipe.recv())
            pipe.send(_answer(suite, frame))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pipe.close()


def _answer(suite: Suite, frame: pl.DataFrame) -> list[Verdict] | str:
    try:
        return evaluate(suite, frame)
    except Exception as error:  # noqa: BLE001 - whatever the library raises crosses as text
        return repr(error)


def evaluate(suite: Suite, frame: pl.DataFrame) -> list[Verdict]:
    """Evaluate `suite` on `frame` in this process, `BATCH_ROWS` at a time.

    Uniqueness holds within a batch; across batches the lake's keys see to it.
    """
    batches: Iterable[pl.DataFrame] = frame.iter_slices(BATCH_ROWS) if frame.height else [frame]
    rounds = [_evaluate_batch(suite, batch) for batch in batches]
    return [_combine(list(verdicts)) for verdicts in zip(*rounds, strict=True)]


def _great_expectations() -> ModuleType:
    """Import the library with its analytics off, and without Spark, which it would load too.

    Of pyspark it asks for a part that ends the process where gRPC is not installed.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # noqa: TID251 - the library's switch, not ours
    with _hidden("pyspark"):
        import great_expectations

    return great_expectations


@contextmanager
def _hidden(name: str) -> Generator[None]:
    """Let nobody import a package, or any part of it, for a while."""
    kept = {one: module for one, module in sys.modules.items() if one.partition(".")[0] == name}
    for one in kept:
        del sys.modules[one]
    sys.modules[name] = None  # type: ignore[assignment] - so it is that imports are refused
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(kept)


@cache
def _batch_definition() -> _BatchDefinition:
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("new")
    return asset.add_batch_definition_whole_dataframe("all")


def _evaluate_batch(suite: Suite, frame: pl.DataFrame) -> list[Verdict]:
    library = _great_expectations()
    built = [_build(library, each) for each in suite.expectations]
    validated = (
        _batch_definition()
        .get_batch(batch_parameters={"dataframe": _pandas(frame)})
        .validate(library.ExpectationSuite(name=suite.table, expectations=built))
    )
    by_id = {result.expectation_config.meta["name"]: result for result in validated.results}
    return [_verdict(each, by_id[each.name], frame.height) for each in suite.expectations]


def _build(library: ModuleType, each: Expect) -> object:
    words = each.kind.split("_")
    kind = getattr(library.expectations, "Expect" + "".join(word.capitalize() for word in words))
    severity = "critical" if each.severity == "error" else "warning"
    return kind(**each.arguments, severity=severity, meta={"name": each.name})


def _pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Return the frame for pandas; times as integers, since pandas cannot hold year 1 or 9999."""
    times = [name for name, dtype in frame.schema.items() if dtype.is_temporal()]
    return frame.with_columns(pl.col(times).to_physical()).to_pandas()


def _verdict(each: Expect, result: _Result, rows: int) -> Verdict:
    found = result.result
    failed = found.get("unexpected_count")
    observed = found.get("observed_value", found.get("partial_unexpected_list"))
    if result.exception_info.get("raised_exception"):
        observed = result.exception_info.get("exception_message")
    text = json.dumps(_seen(observed), default=str)[:1000]
    column = ", ".join(each.columns) or None
    passed, count = bool(result.success), failed if isinstance(failed, int) else 0
    return Verdict(each.name, column, each.severity, passed, text, rows, count)


def _seen(observed: object) -> object:
    """Return what was seen with nulls as such: pandas has them as NaN, which is no JSON."""
    if isinstance(observed, list):
        return [_seen(one) for one in cast("list[object]", observed)]
    return None if isinstance(observed, float) and isnan(observed) else observed


def _combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Fold the verdicts of one expectation over the batches; the first failed one is shown."""
    shown = next((each for each in verdicts if not each.passed), verdicts[0])
    return Verdict(
        shown.expectation, shown.column, shown.severity,
        all(each.passed for each in verdicts), shown.observed,
        sum(each.rows_checked for each in verdicts), sum(each.rows_failed for each in verdicts),
    )  # fmt: skip
