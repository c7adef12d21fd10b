"""Every attempt of every test in one simulated build, drawn from the ground truth.

All in numpy vectors, one build at a time, so that ten million results take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation import causes
from models.simulation.causes import Catalog
from models.simulation.history import History
from models.simulation.names import AREAS, KINDS, Suite
from models.simulation.shape import Shape
from models.simulation.truth import GROUP_HIT, Flakiness, Floats, Ints, Outage, Regression

PASSED, FAILED, ERROR, SKIPPED = range(4)
"""Codes of TEST_STATUSES, in the schema's order."""
SECONDS = {"unit": 0.02, "integration": 0.4, "e2e": 6.0}
PARALLEL = 4
SETUP_S = 25.0
GROWING = 0.05
"""Share of the tests that get slower over the history."""


@dataclass(slots=True)
class Attempts:
    """Attempts of one build; every array has shape `(n_attempts,)`.

    `start_s` counts from the start of the build; `failure` is a code of the catalog, -1 if none.
    """

    test: Ints
    attempt: Ints
    status: Ints
    seconds: Floats
    start_s: Floats
    failure: Ints


@dataclass(slots=True)
class Draw:
    """One try of some tests: their index, whether each failed, and with which failure code."""

    test: Ints
    failure: Ints

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Tell which tests failed."""
        return self.failure >= 0


class Lab:
    """Draws attempts build by build; every build must be asked for once, in order."""

    def __init__(
        self,
        suite: Suite,
        history: History,
        flaky: Flakiness,
        broken: list[Regression],
        ill: list[Outage],
        shape: Shape,
        rng: np.random.Generator,
    ) -> None:
        self.suite, self.history, self.flaky, self.shape, self.rng = (
            suite, history, flaky, shape, rng,
        )  # fmt: skip
        self.broken, self.ill = broken, ill
        self.total = suite.frame.height
        typical = np.array([SECONDS[kind] for kind in KINDS])[suite.kind]
        self.median_s = typical * rng.lognormal(0, 0.6, self.total)
        self.growth = np.where(
            rng.random(self.total) < GROWING, rng.uniform(0, 0.8, self.total), 0.0
        )
        self.always_skipped = rng.random(self.total) < shape.skipped_share
        self.always_skipped[flaky.test] = False
        self.born = np.where(
            rng.random(self.total) < shape.new_share, rng.uniform(0.05, 0.9, self.total), 0.0
        )
        self.born[flaky.test] = 0.0
        self._fill_catalog()

    def _fill_catalog(self) -> None:
        self.catalog = Catalog([])
        files = self.suite.frame["file"].to_list()
        flaky = list(causes.FLAKY.values())
        self.flaky_codes = [
            self.catalog.family(flaky[cause], files[test], test)
            for test, cause in zip(self.flaky.test.tolist(), self.flaky.cause.tolist(), strict=True)
        ]
        self.noise_codes = [
            code
            for index, words in enumerate(causes.NOISE.values())
            for code in self.catalog.family(words, "runner/worker.py", index)
        ]
        self.broken_codes = [
            self.catalog.family(
                causes.REGRESSION,
                self.suite.modules[int(self.suite.group[item.tests[0]])],
                item.introduced,
                AREAS[int(self.suite.area[item.tests[0]])],
            )
            for item in self.broken
        ]
        self.ill_codes = [
            self.catalog.family(causes.OUTAGE[item.kind], "runner/network.py", index)
            for index, item in enumerate(self.ill)
        ]
        self.is_error = np.array(
            [row["type"] not in ("AssertionError", "TimeoutError") for row in self.catalog.rows],
            dtype=bool,
        )

    def run(self, index: int) -> Attempts:
        """Return all attempts of the build at `index` of the history."""
        x = index / max(1, len(self.history.runs) - 1)
        tests = np.flatnonzero(self.born <= x)
        skipped = self.always_skipped[tests]
        tries = [self._draw(tests[~skipped], index, x)]
        if self.rng.random() < self.shape.retry_share:
            for _ in range(self.shape.retries):
                again = tries[-1].test[tries[-1].failed]
                if len(again):
                    tries.append(self._draw(again, index, x))
        return self._collect(tries, tests[skipped], x)

    def _draw(self, tests: Ints, index: int, x: float) -> Draw:
        """Let each of `tests` run once: later causes win over earlier ones."""
        failure = np.full(self.total, -1)
        noisy = np.flatnonzero(self.rng.random(self.total, dtype=np.float32) < self.shape.noise)
        failure[noisy] = self.rng.choice(self.noise_codes, len(noisy))
        for place in np.flatnonzero(self._flakes(x)).tolist():
            failure[self.flaky.test[place]] = self._variant(self.flaky_codes[place])
        commit = self.history.runs[index].commit
        for item, codes in zip(self.broken, self.broken_codes, strict=True):
            if commit in item.commits:
                failure[item.tests] = codes[0]
        for item, codes in zip(self.ill, self.ill_codes, strict=True):
            if index in item.runs:
                hit = item.tests[self.rng.random(len(item.tests)) < item.share]
                failure[hit] = self.rng.choice(codes, len(hit))
        return Draw(tests, failure[tests])

    def _variant(self, codes: list[int]) -> int:
        return codes[int(self.rng.integers(len(codes)))]

    def _flakes(self, x: float) -> NDArray[np.bool_]:
        """Tell which flaky tests flake in this try; members of a group share its trigger."""
        rates = self.flaky.rates(x)
        alone = self.rng.random(len(rates)) < rates
        grouped = self.flaky.group >= 0
        if not grouped.any():
            return alone
        trigger = self.rng.random(int(self.flaky.group.max()) + 1)[self.flaky.group]
        shared = (trigger < rates / GROUP_HIT) & (self.rng.random(len(rates)) < GROUP_HIT)
        return np.where(grouped, shared, alone)

    def _collect(self, tries: list[Draw], skipped: Ints, x: float) -> Attempts:
        test = np.concatenate([skipped, *(draw.test for draw in tries)])
        failure = np.concatenate([np.full(len(skipped), -1), *(draw.failure for draw in tries)])
        number = [np.ones(len(skipped), dtype=np.int64)]
        number += [np.full(len(draw.test), place + 1) for place, draw in enumerate(tries)]
        status = np.where(failure < 0, PASSED, np.where(self.is_error[failure], ERROR, FAILED))
        status[: len(skipped)] = SKIPPED
        spread = np.exp(0.2 * self.rng.standard_normal(len(test), dtype=np.float32))
        seconds = self.median_s[test] * (1 + self.growth[test] * x) * spread
        seconds[: len(skipped)] = 0.0
        ends = np.cumsum(seconds) / PARALLEL
        start = SETUP_S + ends - seconds / PARALLEL
        return Attempts(test, np.concatenate(number), status, seconds, start, failure)
