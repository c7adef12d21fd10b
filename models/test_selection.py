"""Which tests will fail in the next build: P(fail), order and reasons, and what a budget catches.

Heuristics come first. A logistic ranker, fitted again every few builds to past builds only, takes
over in a history only where its order beat the best heuristic's in that history's own past builds.
P(fail) blends the ranker with the smoothed failure rate, which stands alone at first. See
`docs/models/test_selection.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.special import expit, logit

from models import beta, learners, ordering, test_history
from models.beta import Floats
from models.test_history import Flags, History, Ints

NAME = "test_selection"
FILES = (__file__, str(test_history.__file__), str(ordering.__file__), str(beta.__file__))
"""Files whose change is another version of the model."""
HEURISTICS = ("failure rate", "neighbours", "EWMA", "last verdict")
LEARNED = "learned"
BLEND = "learned and failure rate"
"""Mean of the log odds of both."""
EVERY = 4
"""Builds after which the ranker is fitted again, as long as that is cheap."""
CHEAP_ROWS = 40_000
"""Results up to which it is; a ranker of more is fitted again when GROWTH of them are new."""
GROWTH = 0.1
STRENGTH = 0.003
"""C of the logistic regression, chosen on the first 40 % of the cycles of two histories."""
HALF_LIFE = 80.0
"""Builds after which a build counts half in fitting, chosen likewise."""
FEWEST_FAILURES = 10
"""Failures below which nothing is fitted."""
FEWEST_BUILDS = 5
"""Failing builds that two orders are compared on before anything but the failure rate ranks."""
FEWEST_TESTS = 6
"""Tests from which on the order of a build tells something."""
KEPT_ROWS = 200_000
"""Newest results that are fitted to."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build: numbers of its tests, what came of them, and which stand next to the change."""

    tests: Ints
    failed: Flags
    duration: Floats
    touches: Flags | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is said of the tests of one build before it runs; arrays of shape `(n,)`."""

    probability: Floats
    score: Floats
    by: str
    """Who ranked: one of HEURISTICS, or LEARNED."""
    scores: dict[str, Floats]
    duration: Floats
    """Expected time of each test, in the unit of its durations."""


@dataclass(slots=True)
class _Seen:
    """One past build as the ranker is fitted to it: features and verdicts."""

    features: Floats
    failed: Flags
    at: int


@dataclass(slots=True)
class Selector:
    """Walks forward through builds: `forecast` one, then `learn` what came of it."""

    count: int
    history: History = field(init=False)
    merits: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """APFD of each order in the failing builds with at least FEWEST_TESTS tests so far."""
    _seen: list[_Seen] = field(default_factory=list[_Seen])
    _model: learners.Classifier | None = None
    _fitted_at: int = 0
    _fresh_rows: int = 0
    """Results since the ranker was fitted."""
    _rows: int = 0

    def __post_init__(self) -> None:
        """Begin without a past."""
        self.history = History(self.count)

    def forecast(self, tests: Ints, touches: Flags | None = None) -> Forecast:
        """Return what the past says of all tests that a build is to run."""
        return self._forecast(tests, self.history.features(tests, touches))

    def _forecast(self, tests: Ints, features: Floats) -> Forecast:
        if self._is_due():
            self._fit()
        scores = self._scores(tests, features)
        by = self.leader()
        return Forecast(scores[BLEND], scores[by], by, scores, self._expected(tests))

    def _is_due(self) -> bool:
        if self._model is None:
            return True
        is_told = self._rows <= CHEAP_ROWS or self._fresh_rows >= GROWTH * self._rows
        return is_told and self.history.builds - self._fitted_at >= EVERY

    def _scores(self, tests: Ints, features: Floats) -> dict[str, Floats]:
        history = self.history
        scores = {
            "failure rate": history.rate(tests), "neighbours": history.near_rate(tests),
            "EWMA": history.average(tests, 8.0),
            "last verdict": np.where(history.runs[tests] > 0, history.last[tests], history.prior),
        }  # fmt: skip
        fitted = self._model
        usual = scores[HEURISTICS[0]]
        learned = learners.chance(fitted, features) if fitted else usual
        blend = expit((_log_odds(learned) + _log_odds(usual)) / 2)
        return {**scores, LEARNED: learned, BLEND: blend}

    def leader(self) -> str:
        """Return whose order did best in the past; the failure rate where that is not known."""
        usual = HEURISTICS[0]
        if len(self.merits.get(usual, [])) < FEWEST_BUILDS:
            return usual
        means = {name: float(np.mean(self.merits[name])) for name in HEURISTICS}
        best = max(means, key=lambda name: means[name])
        learned = {name: float(np.mean(self.merits[name])) for name in (LEARNED, BLEND)}
        top = max(learned, key=lambda name: learned[name])
        return top if self._model and learned[top] > means[best] else best

    def _expected(self, tests: Ints) -> Floats:
        known = self.history.runs > 0
        usual = float(np.median(self.history.duration[known])) if known.any() else 1.0
        return np.where(known[tests], self.history.duration[tests], usual)

    def learn(self, build: Build) -> Forecast:
        """Forecast a build, then take in what came of it; return what had been said."""
        features = self.history.features(build.tests, build.touches)
        told = self._forecast(build.tests, features)
        if len(build.tests) >= FEWEST_TESTS and build.failed.any():
            for name, score in told.scores.items():
                self.merits.setdefault(name, []).append(ordering.apfd(score, build.failed))
        self._seen.append(_Seen(features, build.failed, self.history.builds))
        self._rows += len(build.failed)
        self._fresh_rows += len(build.failed)
        self.history.learn(build.tests, build.failed, build.duration)
        return told

    def _fit(self) -> None:
        self._fitted_at, self._fresh_rows = self.history.builds, 0
        while self._rows > KEPT_ROWS and len(self._seen) > 1:
            self._rows -= len(self._seen.pop(0).failed)
        failures = sum(int(one.failed.sum()) for one in self._seen)
        results = sum(len(one.failed) for one in self._seen)
        if min(failures, results - failures) < FEWEST_FAILURES:
            return
        failed = np.concatenate([one.failed for one in self._seen]).astype(np.float64)
        ages = [np.full(len(one.failed), self.history.builds - one.at) for one in self._seen]
        weight = 0.5 ** (np.concatenate(ages) / HALF_LIFE)
        weight /= weight.mean()
        rows = np.concatenate([one.features for one in self._seen])
        self._model = learners.logistic(STRENGTH).fit(rows, failed, weight)


def _log_odds(chance: Floats) -> Floats:
    return logit(np.clip(chance, 1e-4, 1 - 1e-4))


def walk(selector: Selector, builds: Iterable[Build]) -> list[Forecast]:
    """Return what was said of each build before it ran."""
    return [selector.learn(build) for build in builds]


def builds_of(results: pl.DataFrame, numbers: pl.DataFrame) -> list[Build]:
    """Return the builds of results in their order.

    `results` has `build` (any order that rises in time), `test_id`, `failed` (bool), `duration`
    (one unit, null if unknown) and may have `touches`. A test that ran several times in a build has
    failed if one run did, and its times add up. `numbers` is that of `numbered`.
    """
    if "touches" not in results.columns:
        results = results.with_columns(touches=pl.lit(value=False))
    once = results.group_by("build", "test_id").agg(
        pl.col("failed", "touches").any(),
        pl.col("duration").cast(pl.Float64).fill_nan(0.0).clip(0.0).sum(),
    )
    ordered = once.join(numbers, on="test_id", how="inner").sort("build", "number")
    return [
        Build(
            part["number"].cast(pl.Int64).to_numpy(), part["failed"].to_numpy(),
            part["duration"].cast(pl.Float64).to_numpy(), part["touches"].to_numpy(),
        )
        for part in ordered.partition_by("build", maintain_order=True)
    ]  # fmt: skip


def numbered(tests: pl.DataFrame) -> pl.DataFrame:
    """Return `test_id` and `number`; like tests get near numbers.

    That is the order of `place` (file, class and name of a test, say) where there is one, else of
    `test_id`.
    """
    by = ["place", "test_id"] if "place" in tests.columns else ["test_id"]
    return tests.select(*by).unique("test_id").sort(by).select("test_id").with_row_index("number")
