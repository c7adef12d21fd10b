"""Runs the builds of a simulated history and writes down what they give, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core import schema
from golive_core.schema import TEST_STATUSES
from models.simulation import names
from models.simulation.attempts import SETUP_S, Attempts, Lab
from models.simulation.builds import build_row, finish, stage_rows
from models.simulation.history import History
from models.simulation.kept import artifact_rows, measures
from models.simulation.repository import repository
from models.simulation.rows import Frames, with_day
from models.simulation.shape import Shape

NEVER = np.iinfo(np.int64).max
COMPILE_SHARE = 0.6
"""Share of the aborted builds that do not compile; the others were cancelled."""


class Recorder:
    """Runs the builds of a history and writes down their rows, part by part."""

    def __init__(
        self, suite: names.Suite, past: History, lab: Lab, shape: Shape, rng: np.random.Generator
    ) -> None:
        self.suite, self.past, self.lab, self.shape, self.rng = suite, past, lab, shape, rng
        self.test_ids = suite.frame["test_id"].to_numpy()
        self.codes = lab.catalog.frame()
        self.failure_ids = self.codes["failure_id"].to_numpy()
        self.first_seen = np.full(lab.total, NEVER)
        self.last_seen = np.full(lab.total, -1)
        self.first_failed = np.full(self.codes.height, NEVER)

    def builds(self, indices: Iterable[int]) -> Frames:
        """Return results, builds, stages and artifacts of the builds at `indices`."""
        results: list[pl.DataFrame] = []
        builds: list[dict[str, Any]] = []
        stages: list[dict[str, Any]] = []
        artifacts: list[dict[str, Any]] = []
        for index in indices:
            row, found = self._build(index)
            builds.append(row)
            stages += stage_rows(row)
            artifacts += artifact_rows(row)
            if found is not None:
                results.append(found)
        empty = pl.DataFrame(schema=schema.TEST_RESULTS.schema)
        return {
            "core.builds": with_day("core.builds", builds, "queued_at"),
            "core.stages": with_day("core.stages", stages, "build_day"),
            "core.artifacts": with_day("core.artifacts", artifacts, "build_day"),
            "core.test_results": pl.concat([empty, *results]),
        }

    def _build(self, index: int) -> tuple[dict[str, Any], pl.DataFrame | None]:
        run = self.past.runs[index]
        row = build_row(run, self.past.commits[run.commit], self.shape, self.rng)
        if self.rng.random() < self.shape.aborted_share:
            status = "error" if self.rng.random() < COMPILE_SHARE else "cancelled"
            return finish(row, status, 20 + 60 * float(self.rng.random())), None
        got = self.lab.run(index)
        start = round(row["started_at"] * 1_000_000)
        at = start + (got.start_s * 1_000_000).astype(np.int64)
        self._see(got, at)
        bad = _final_failures(got)
        seconds = float((got.start_s + got.seconds).max()) + SETUP_S
        row["is_unstable"] = bad > 0
        row = finish(row, "failed" if bad else "passed", seconds)
        return row, self._results(got, at, row)

    def _see(self, got: Attempts, at: NDArray[np.int64]) -> None:
        np.minimum.at(self.first_seen, got.test, at)
        np.maximum.at(self.last_seen, got.test, at)
        failed = got.failure >= 0
        np.minimum.at(self.first_failed, got.failure[failed], at[failed])

    def _results(self, got: Attempts, at: NDArray[np.int64], row: dict[str, Any]) -> pl.DataFrame:
        words = pl.Series(TEST_STATUSES, dtype=pl.String)
        failure = pl.Series(self.failure_ids[got.failure])
        spec = schema.TEST_RESULTS
        found = pl.DataFrame(
            {
                "test_id": self.test_ids[got.test],
                "attempt": got.attempt,
                "status": words.gather(pl.Series(got.status.astype(np.uint32))),
                "duration_s": got.seconds,
                "started_at": pl.Series(at).cast(spec.schema["started_at"]),
                "failure_id": failure.set(pl.Series(got.failure < 0), None),
            }
        ).select(
            project_id=pl.lit(self.shape.project_id),
            build_id=pl.lit(row["build_id"]),
            test_id="test_id",
            attempt="attempt",
            day=pl.col("started_at").dt.date(),
            status="status",
            duration_s="duration_s",
            started_at="started_at",
            commit_sha=pl.lit(row["commit_sha"]),
            branch=pl.lit(row["branch"]),
            environment=pl.lit(""),
            failure_id="failure_id",
        )
        return schema.conform(spec, found)

    def entities(self) -> Frames:
        """Return what the builds refer to; tests and failures that never occurred are left out."""
        seen = pl.Series(self.last_seen >= 0)
        tests = self.suite.frame.with_columns(
            first_seen_at=pl.Series(self.first_seen).cast(pl.Datetime("us", "UTC")),
            last_seen_at=pl.Series(self.last_seen).cast(pl.Datetime("us", "UTC")),
        ).filter(seen)
        failures = self.codes.with_columns(
            first_seen_at=pl.Series(self.first_failed).cast(pl.Datetime("us", "UTC"))
        ).filter(pl.Series(self.first_failed < NEVER))
        failures = failures.unique("failure_id", keep="first", maintain_order=True)
        return {
            **repository(self.past, self.shape),
            **measures(self.past, self.suite.modules, self.shape),
            "core.tests": schema.conform(schema.TESTS, tests),
            "core.failures": schema.conform(schema.FAILURES, failures),
        }


def _final_failures(got: Attempts) -> int:
    """Return how many tests failed in their last attempt (attempts stand in order)."""
    failed = np.zeros(int(got.test.max(initial=0)) + 1, dtype=bool)
    failed[got.test] = got.failure >= 0
    return int(failed.sum())
