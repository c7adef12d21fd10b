"""Durations: the next run of each test, and of each pipeline, told before it with intervals.

Data: one row an execution, one or more histories (`dataset`); several executions of a test in a
cycle add up. Each cycle is told from the cycles before it. Settings were chosen on the first
`CHOSEN_ON` of the cycles of two histories, so only the rest is judged. Seeds instead of a file take
histories of the simulator: tests, and builds, whose pipelines differ.

The loss is the pinball loss of five quantiles of log seconds (0.05 to 0.95): 0.01 of it is about
one percent of the duration. Rivals are plain rules with intervals made as ours are, so that what is
compared is the forecast; `last 10, normal` takes mean and deviation of the last ten instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from models.duration import Forecaster, Told, log_s, seconds
from models.duration_walks import along_builds, along_tests, numbered
from models.evaluate import Floats, Outcome, Protocol, Score, Tell
from models.residuals import LEVELS, pinball

CHOSEN_ON = 0.4
END = datetime(2026, 11, 24, 9, tzinfo=UTC)
NORMAL = "last 10, normal"
NORMAL_QUANTILES = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
MOST_BEHIND = 1.05
SHOWN = ("last", "mean of 10", "median of 10", "EWMA")


@dataclass(slots=True)
class Judged:
    """Forecasts beside what came: quantiles `(n, 5)` and seconds `(n,)`."""

    told: list[Floats]
    took: list[Floats]

    def add(self, told: Floats, took: Floats) -> None:
        """Take in a batch."""
        self.told.append(told)
        self.took.append(took)

    def all(self) -> tuple[Floats, Floats]:
        """Return both as one."""
        return np.concatenate(self.told), np.concatenate(self.took)


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the scores of each history of `rows`, or of simulated ones if it has seeds."""
    scores: list[Score] = []
    for name, found in _histories(rows):
        tell(name)
        scores += _scores(name, found)
    return Outcome(scores)


def _histories(rows: pl.DataFrame) -> Iterator[tuple[str, dict[str, Judged]]]:
    if "seed" in rows.columns:
        for seed in rows["seed"].to_list():
            tables = _simulated(seed)
            yield f"simulator {seed}, tests", _tests(_results(tables))
            yield f"simulator {seed}, builds", _builds(_build_rows(tables))
        return
    for (name,), part in rows.sort("cycle").group_by("dataset", maintain_order=True):
        once = part.group_by("cycle", "test_id").agg(pl.col("duration").sum()).sort(
            "cycle", "test_id"
        )  # fmt: skip
        yield str(name), _tests(once.rename({"cycle": "batch", "duration": "duration_s"}))


def _simulated(seed: int) -> dict[str, pl.DataFrame]:
    from models.simulate import simulate

    return simulate(seed=seed, builds=600, tests=400, days=90, end=END).tables


def _results(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the results of each build, in order of time, a test once."""
    order = tables["core.builds"].sort("queued_at", "build_id").with_row_index("batch")
    ran = tables["core.test_results"].filter(pl.col("status") != "skipped")
    once = ran.group_by("build_id", "test_id").agg(pl.col("duration_s").median())
    return once.join(order.select("build_id", "batch"), on="build_id").sort("batch", "test_id")


def _build_rows(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    ended = pl.col("status").is_in(["passed", "failed"])
    return tables["core.builds"].sort("queued_at", "build_id").select(
        "build_id", "pipeline_id", "trigger", "attempt",
        is_main=pl.col("branch") == "main", asked_at="queued_at",
        known_at=pl.when(ended).then("finished_at"), duration_s=pl.when(ended).then("duration_s"),
    )  # fmt: skip


def _tests(results: pl.DataFrame) -> dict[str, Judged]:
    rows, keys = numbered(results, "test_id")
    batches = rows["batch"].unique().sort()
    first = batches[int(CHOSEN_ON * len(batches))]
    late = (batches >= first).to_list()
    found = {who: Judged([], []) for who in ("", *SHOWN, NORMAL)}
    for who in ("", *SHOWN):
        forecaster = Forecaster(len(keys), only=who)
        for is_late, (told, took) in zip(late, along_tests(forecaster, rows), strict=True):
            if not is_late:
                continue
            has = told.known > 0
            found[who].add(told.quantiles[has], took[has])
            if who == SHOWN[1]:
                found[NORMAL].add(normal(forecaster, told)[has], took[has])
    return found


def normal(forecaster: Forecaster, told: Told) -> Floats:
    """Return the quantiles of a normal distribution with the moments of the last ten runs."""
    recent = seconds(forecaster.recent[told.series])
    with np.errstate(invalid="ignore"):
        count = np.maximum((~np.isnan(recent)).sum(axis=1), 1)
        mean = np.nansum(recent, axis=1) / count
        spread = np.sqrt(
            np.nansum((recent - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1)
        )
    return np.maximum(mean[:, None] + spread[:, None] * NORMAL_QUANTILES, 0.0)


def _builds(rows: pl.DataFrame) -> dict[str, Judged]:
    found = {who: Judged([], []) for who in ("", *SHOWN)}
    took = dict(rows.select("build_id", "duration_s").iter_rows())
    late = set(rows["build_id"][int(CHOSEN_ON * rows.height) :].to_list())
    for who, judged in found.items():
        for build, told, _ in along_builds(rows, who).walk():
            if build in late and took[build] is not None and told.known[0] > 0:
                judged.add(told.quantiles, np.array([took[build]]))
    return found


def _scores(name: str, found: dict[str, Judged]) -> list[Score]:
    measured = {who: _measures(*one.all()) for who, one in found.items()}
    ours, count = measured.pop(""), sum(len(one) for one in found[""].took)
    said: dict[str, dict[str, Any]] = {
        "pinball loss": {
            "goal": MOST_BEHIND * min(one["pinball loss"] for one in measured.values()),
            "is_low_good": True,
            "note": f"{count} runs; the goal: 5 % above the best of them in hindsight",
        },
        "median absolute error, % of it": {"is_low_good": True},
        "mean absolute error": {"is_low_good": True, "note": "in the unit of the file"},
        "in the 90 % interval": {
            "goal": 0.88, "note": "above 0.9 where runs take the same time",
        },
        "in the 50 % interval": {"note": "above 0.5 where runs take exactly the same time"},
    }  # fmt: skip
    return [
        Score(name, measure, ours[measure],
              {who: one[measure] for who, one in measured.items()}, **words)
        for measure, words in said.items()
    ]  # fmt: skip


def _measures(told: Floats, took: Floats) -> dict[str, float]:
    low, low_half, middle, high_half, high = (told[:, at] for at in range(len(LEVELS)))
    off = np.abs(took - middle)
    return {
        "pinball loss": float(pinball(log_s(took), log_s(told)).mean()),
        "median absolute error, % of it": 100 * float(np.median(off / np.maximum(took, 1e-3))),
        "mean absolute error": float(off.mean()),
        "in the 90 % interval": float(((took >= low) & (took <= high)).mean()),
        "in the 50 % interval": float(((took >= low_half) & (took <= high_half)).mean()),
    }


PROTOCOL = Protocol(
    "durations",
    "how long tests and builds take, told before, with intervals",
    ("dataset", "cycle", "test_id", "duration"),
    run,
    takes_seeds=True,
)
