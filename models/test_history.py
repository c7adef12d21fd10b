"""What the past says of each test, build by build: arrays that one build changes in one step.

Nothing here knows a verdict before `learn` has been given it, so that features made before a build
can only be of the past. Cost of a build: its tests times the builds that are remembered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from models.beta import Floats

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Half lives, in runs of the test, of its moving averages of verdicts."""
REMEMBERED = 64
"""Builds that are compared with the present one."""
FADING = 0.97
"""Weight that a remembered build keeps from build to build."""
TRUST = 2.0
"""Runs that a prior is worth."""
NEAR = (2, 8, 32)
"""Neighbours on either side, in the order of the tests."""
LONG_AGO = 300.0
"""Builds after which it no longer matters how many they are."""
NAMES = (
    "rate", "average_1", "average_2", "average_8", "average_32", "alike", "near_2", "near_8",
    "near_32", "build_average", "alike_share", "last", "is_new", "runs", "since_failure",
    "since_run", "age", "streak", "passes", "size", "flips", "place", "duration", "touches",
)  # fmt: skip
"""Columns of `features`."""


class History:
    """The state of `count` tests, numbered in an order in which neighbours are alike."""

    def __init__(self, count: int) -> None:
        self.builds = 0
        self.runs, self.failures, self.duration = (np.zeros(count) for _ in range(3))
        self.last, self.streak, self.flips = (np.zeros(count) for _ in range(3))
        self.last_run, self.last_failure, self.first_run = (
            np.full(count, -1, dtype=np.int64) for _ in range(3)
        )
        self.recent = np.zeros(count, dtype=np.uint8)
        """Verdicts of the last eight runs, the newest in the lowest bit."""
        self._sums = np.zeros((len(HALF_LIVES), count))
        self._weights = np.zeros((len(HALF_LIVES), count))
        self._ran = np.zeros((REMEMBERED, count), dtype=bool)
        self._failed = np.zeros((REMEMBERED, count), dtype=bool)
        self._share = np.array([1.0, 5.0])

    @property
    def prior(self) -> float:
        """The share of tests that failed in recent builds, one fifth before any."""
        return float(self._share[0] / self._share[1])

    def rate(self, tests: Ints) -> Floats:
        """Return the failure rate of tests, smoothed by the prior."""
        return (self.failures[tests] + TRUST * self.prior) / (self.runs[tests] + TRUST)

    def average(self, tests: Ints, half_life: float) -> Floats:
        """Return the moving average of verdicts with one of HALF_LIVES."""
        at = HALF_LIVES.index(half_life)
        weak = 0.5 * (1 - 0.5 ** (1 / half_life))
        return (self._sums[at, tests] + weak * self.prior) / (self._weights[at, tests] + weak)

    def near(self, tests: Ints, width: int) -> Floats:
        """Return the mean average of the known tests next to each, itself left out."""
        known = np.flatnonzero(self.runs > 0)
        rates = self._sums[2, known] / np.maximum(self._weights[2, known], 1e-9)
        sums = np.concatenate([[0.0], np.cumsum(rates)])
        at = np.searchsorted(known, tests)
        is_known = self.runs[tests] > 0
        low = np.maximum(at - width, 0)
        high = np.minimum(at + width + is_known, len(known))
        own = np.where(
            is_known, self._sums[2, tests] / np.maximum(self._weights[2, tests], 1e-9), 0
        )
        return (sums[high] - sums[low] - own + self.prior) / (high - low - is_known + 1)

    def near_rate(self, tests: Ints) -> Floats:
        """Return the failure rate of tests, smoothed by their neighbours."""
        return (self.failures[tests] + TRUST * self.near(tests, 8)) / (self.runs[tests] + TRUST)

    def features(self, tests: Ints, touches: Flags | None = None) -> Floats:
        """Return what is known of `tests`, the whole of a build, of shape `(n, len(NAMES))`.

        Rates are logits, counts logarithms. `touches` tells which tests are next to the change.
        """
        alike, share = self._like_before(tests)
        average = {life: self.average(tests, life) for life in HALF_LIVES}
        near = [self.near(tests, width) for width in NEAR]
        ones = np.ones(len(tests))
        rates = [
            self.rate(tests), average[1.0], average[2.0], average[8.0], average[32.0], alike, *near,
            average[4.0].mean() * ones, share * ones,
        ]  # fmt: skip
        is_new = self.runs[tests] == 0
        streak = self.streak[tests]
        others = [
            np.where(is_new, self.prior, self.last[tests]), is_new.astype(np.float64),
            np.log1p(self.runs[tests]), self._since(self.last_failure[tests]),
            self._since(self.last_run[tests]),
            np.log1p(np.where(is_new, 0, self.builds - self.first_run[tests])),
            np.clip(streak, -5, 5), np.log1p(np.maximum(-streak, 0)), np.log1p(len(tests)) * ones,
            self.flips[tests] / np.maximum(self.runs[tests], 1), self._place(tests),
            np.log1p(self.duration[tests]),
            np.zeros(len(tests)) if touches is None else touches.astype(np.float64),
        ]  # fmt: skip
        return np.column_stack([*(logit(np.clip(one, 0.003, 0.997)) for one in rates), *others])

    def _since(self, when: Ints) -> Floats:
        gone = np.where(when < 0, LONG_AGO, self.builds - when)
        return np.log1p(np.minimum(gone, LONG_AGO))

    def _place(self, tests: Ints) -> Floats:
        known = np.flatnonzero(self.runs > 0)
        return np.searchsorted(known, tests) / max(len(known), 1)

    def _like_before(self, tests: Ints) -> tuple[Floats, float]:
        """Return the failure rate of each test, and of all, in builds that ran the same tests.

        Remembered builds are weighted by the Jaccard index of their tests, and by age.
        """
        kept = min(self.builds, REMEMBERED)
        if not kept:
            return np.full(len(tests), self.prior), self.prior
        age = (self.builds - 1 - np.arange(kept)) % REMEMBERED
        ran, failed = self._ran[:kept], self._failed[:kept]
        here, sizes = ran[:, tests].astype(np.float64), ran.sum(axis=1)
        common = here.sum(axis=1)
        weight = common / np.maximum(sizes + len(tests) - common, 1) * FADING**age
        share = float(weight @ (failed.sum(axis=1) / np.maximum(sizes, 1)))
        bad = weight @ failed[:, tests].astype(np.float64)
        usual = 0.05 * self.prior
        alike = (bad + usual) / (weight @ here + 0.05)
        return alike, (share + usual) / (float(weight.sum()) + 0.05)

    def learn(self, tests: Ints, failed: Flags, duration: Floats) -> None:
        """Take in the results of one build: each of its tests once, durations in any one unit."""
        bad = failed.astype(np.float64)
        is_new = self.runs[tests] == 0
        is_same = (self.last[tests] == bad) & ~is_new
        step = np.where(failed, 1.0, -1.0)
        self.streak[tests] = np.where(is_same, self.streak[tests] + step, step)
        self.flips[tests] += ~is_new & ~is_same
        self.last[tests] = bad
        self.recent[tests] = (self.recent[tests] << 1) | failed
        usual = 0.7 * self.duration[tests] + 0.3 * duration
        self.duration[tests] = np.where(is_new, duration, usual)
        self.runs[tests] += 1
        self.failures[tests] += bad
        self.last_run[tests] = self.builds
        self.last_failure[tests[failed]] = self.builds
        self.first_run[tests[is_new]] = self.builds
        keep = 0.5 ** (1 / np.array(HALF_LIVES))[:, None]
        self._sums[:, tests] = keep * self._sums[:, tests] + (1 - keep) * bad
        self._weights[:, tests] = keep * self._weights[:, tests] + (1 - keep)
        slot = self.builds % REMEMBERED
        self._ran[slot], self._failed[slot] = False, False
        self._ran[slot, tests], self._failed[slot, tests] = True, failed
        self._share = 0.99 * self._share + np.array([bad.mean() if len(bad) else 0.0, 1.0])
        self.builds += 1
