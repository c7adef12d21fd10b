"""How probable is it that a test's next attempt fails: a smoothed rate, given its present state.

A test is in one of four states: its last run on the default branch passed, or it has failed there
in 1, in 2 or 3, or in more attempts since. Within each state the project's own past days give a
Beta prior (how often did a test in this state fail next), and the test's own past in this state,
weighted down by age, moves it. Outages hit every test alike, so their rate is one number of the
project, added to all. A test without history gets the prior: an interval as wide as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core import schema
from models import beta, features, reasons
from models.beta import Floats, Mixture, fit_beta
from models.features import KEY
from models.runs import model_id

NAME = "next_failure"
FILES = (__file__, str(beta.__file__), str(features.__file__))
"""Files whose change is another version of the model."""
HALF_LIFE_DAYS = 21.0
"""Age at which a day counts half."""
STATES = ((0, 0.003, 20.0), (1, 0.4, 2.0), (2, 0.75, 3.0), (4, 0.9, 5.0))
"""Fewest failures since the last pass, and the mean and strength of the opinion before any data."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a project's past says: a prior per state, and the share of attempts lost to outages."""

    priors: dict[int, Mixture]
    outage_share: float

    def parameters(self) -> dict[str, float]:
        """Return the numbers behind it, for ops.model_runs."""
        shapes = {
            f"{name}_{state}": float(values[0])
            for state, prior in self.priors.items()
            for name, values in (("a", prior.a), ("b", prior.b))
        }
        return {**shapes, "outage_share": self.outage_share}


def days(past: pl.DataFrame) -> pl.DataFrame:
    """Return each test's days with the state in which the day began and what then happened.

    Of one project, sorted by test and day. `state` is the index in STATES, `now` the state after
    the day. `bad` of `tries` attempts failed: all of the day, outages left out, while the test was
    well; only its first one while it was failing, since what came after may know a fix.
    """
    ordered = past.sort("test_id", "day")
    before, after = _failing(ordered)
    failures = pl.col("failed") + pl.col("errored") - pl.col("outage_failures")
    first, was_well = pl.col("first_status"), pl.col("state") == 0
    return (
        ordered.select(*KEY, "day", "runs", "outage_failures", "first_status", failures=failures)
        .with_columns(state=_state(before), now=_state(after))
        .with_columns(
            bad=pl.when(was_well)
            .then("failures")
            .otherwise(first.is_in(["failed", "error"]).fill_null(value=False)),
            tries=pl.when(was_well)
            .then(pl.col("runs") - pl.col("outage_failures"))
            .otherwise(first.is_not_null()),
        )
    )


def _failing(ordered: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the failed attempts since the last pass before and after each row's day.

    Counted by one running sum over all rows, from which each row takes away what it had reached
    where the test's present spell without a pass began.
    """
    test = ordered["test_id"].to_numpy()
    failing = ordered["failing_attempts"].to_numpy()
    is_new = np.ones(len(test), dtype=bool)
    is_new[1:] = test[1:] != test[:-1]
    begins = is_new | ordered["last_passed_at"].is_not_null().to_numpy()
    start = np.maximum.accumulate(np.where(begins, np.arange(len(test)), 0))
    total = np.cumsum(failing)
    after = total - (total - failing)[start]
    before = np.where(is_new, 0, np.roll(after, 1))
    return before, after


def _state(failing: NDArray[np.int64]) -> pl.Series:
    lows = np.array([low for low, _, _ in STATES[1:]])
    return pl.Series(np.searchsorted(lows, failing, side="right").astype(np.int64))


def fit(history: pl.DataFrame) -> Fitted:
    """Fit the priors to rows of `days` of one project."""
    priors: dict[int, Mixture] = {}
    for state, (_, mean, strength) in enumerate(STATES):
        rows = history.filter((pl.col("state") == state) & (pl.col("tries") > 0))
        seen = _per_test(rows) if state == 0 else _per_day(rows)
        priors[state] = fit_beta(
            _floats(seen, "bad"), _floats(seen, "tries"), mean, strength, _floats(seen, "times")
        )
    lost, runs = (float(history[name].sum()) for name in ("outage_failures", "runs"))
    return Fitted(priors, (lost + 0.5) / (runs + 100.0))


def _per_test(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct counts of tests, and how many tests have them."""
    tests = rows.group_by(KEY).agg(pl.sum("bad", "tries"))
    return tests.group_by("bad", "tries").agg(times=pl.len())


def _per_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the share of each day's tests that failed next, each day worth one attempt.

    Tests that fail on one day are mostly broken by one commit and mended by one: a thousand of
    them teach as much as one does.
    """
    return rows.group_by("day").agg(bad=pl.col("bad").mean(), tries=pl.lit(1.0), times=pl.lit(1.0))


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).to_numpy()


def score(
    daily: pl.DataFrame, *, as_of: datetime, made_at: datetime | None = None
) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Return rows of predictions.next_failure from rows of marts.test_daily, and the parameters.

    Only rows known at `as_of` (aware) count.
    """
    made_at = made_at or datetime.now(UTC)
    parameters: dict[str, dict[str, float]] = {}
    frames = [pl.DataFrame(schema=schema.NEXT_FAILURE.schema)]
    past = features.known(daily, as_of)
    for (project_id,), group in past.group_by("project_id", maintain_order=True):
        history = days(group)
        fitted = fit(history)
        parameters[str(project_id)] = fitted.parameters()
        frames.append(_scored(_present(history, as_of), fitted, as_of, made_at))
    return pl.concat(frames).sort(KEY), parameters


def _present(history: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return one row per test: its state now, and its weighted past in that state."""
    age = (pl.lit(as_of.date()) - pl.col("day")).dt.total_days()
    tests = history.group_by(KEY, maintain_order=True).agg(
        pl.col("now").last(),
        attempts=pl.col("runs").sum() - pl.col("outage_failures").sum(),
        failures=pl.col("failures").sum(),
    )
    weighted = history.with_columns(weight=0.5 ** (age / HALF_LIFE_DAYS)).group_by(*KEY, "state")
    states = weighted.agg((pl.col("bad", "tries") * pl.col("weight")).sum())
    return tests.join(
        states, left_on=[*KEY, "now"], right_on=[*KEY, "state"], how="left", maintain_order="left"
    ).with_columns(pl.col("bad", "tries").fill_null(0.0))


def _scored(
    present: pl.DataFrame, fitted: Fitted, as_of: datetime, made_at: datetime
) -> pl.DataFrame:
    parts = [
        _with_posterior(present.filter(pl.col("now") == state), prior, fitted.outage_share)
        for state, prior in fitted.priors.items()
    ]
    told = pl.concat(parts).with_columns(
        reasons=reasons.next_failure(fitted.outage_share),
        model_id=pl.lit(model_id(NAME, made_at)),
        as_of=pl.lit(as_of),
        made_at=pl.lit(made_at),
    )
    return schema.conform(schema.NEXT_FAILURE, told.select(schema.NEXT_FAILURE.schema.names()))


def _with_posterior(rows: pl.DataFrame, prior: Mixture, outage_share: float) -> pl.DataFrame:
    posterior = prior.posterior(_floats(rows, "bad"), _floats(rows, "tries"))
    own = {
        "probability": posterior.mean(),
        "low": posterior.quantile(0.05),
        "high": posterior.quantile(0.95),
    }
    return rows.with_columns(
        pl.Series(name, 1 - (1 - np.asarray(value)) * (1 - outage_share))
        for name, value in own.items()
    )
