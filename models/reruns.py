"""What runs of one test, one after the other, say of it; made to be asked after every few runs.

The prior is that of `models/rates.py`: a spike of healthy noise and a slab of flaky tests, as in a
project without any data. Two questions: is a new test flaky, and does a fix hold. The answers are
posterior probabilities, so that looking after each run and stopping when sure is sound (Berger and
Wolpert 1988, the likelihood principle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from models import rates
from models.beta import Floats
from models.rates import OPINIONS, Posterior, Prior

THRESHOLD = 0.01
"""Failures per run above which a test counts as flaky, as in `models/flaky.py`."""
BROKEN_RATE = 0.9
"""Failures per run above which a test does not flake but fails."""
BROKEN_SHARE = 0.05
"""New tests that fail whatever happens, before any run of theirs: written against no code yet."""
BROKEN_FAILURES = 3
"""Fewer failures are called flaky or nothing yet, not broken."""
HEALED, AS_BEFORE, BETTER = 0.6, 0.3, 0.1
"""Before any run: a fix holds, changed nothing, or only made the test another flaky one."""
Verdict = Literal["stable", "flaky", "broken", "unsure"]
USUAL = Prior(
    float(special.expit(OPINIONS["flaky_share"].mean)), float(np.exp(OPINIONS["noise"].mean)),
    float(np.exp(OPINIONS["noise_strength"].mean)), float(special.expit(OPINIONS["rate"].mean)),
    float(np.exp(OPINIONS["spread"].mean)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on `failed` of `runs`; `rate` with its 90 % interval, `probability` of flakiness.

    Of a fix, `probability` is that it holds.
    """

    verdict: Verdict
    failed: int
    runs: int
    probability: float
    rate: float
    rate_low: float
    rate_high: float


def flaky(failed: int, runs: int, *, confidence: float, threshold: float = THRESHOLD) -> Judged:
    """Judge a test by its runs: unsure until a verdict has at least `confidence`."""
    masses = (1 - BROKEN_SHARE) * USUAL.masses()
    masses[-1] += BROKEN_SHARE
    found = _posterior(masses, failed, runs)
    bad, broken = float(found.above(threshold)[0]), float(found.above(BROKEN_RATE)[0])
    probability = bad - broken
    sure: dict[Verdict, float] = {"broken": broken, "flaky": probability, "stable": 1 - bad}
    if failed < BROKEN_FAILURES:
        del sure["broken"]
    certain: list[Verdict] = [word for word, share in sure.items() if share >= confidence]
    verdict = certain[0] if certain else "unsure"
    return _judged(verdict, failed, runs, probability, found)


def fix(failed: int, runs: int, *, before: tuple[int, int], confidence: float) -> Judged:
    """Judge a fix by runs since; `before` are failures and runs until then, (0, 0) if unknown.

    Verdicts: stable (it holds), flaky or broken (it does not), unsure.
    """
    slab = USUAL.slab()
    was = _posterior(slab, *before).mass[0]
    spike = USUAL.spike()
    parts = np.stack([HEALED * spike, AS_BEFORE * was, BETTER * slab])
    likely, _ = rates.likelihood(np.array([float(failed)]), np.array([float(runs)]))
    weights = (parts * likely).sum(axis=1)
    holds = float(weights[0] / weights.sum())
    found = _posterior(parts.sum(axis=0), failed, runs)
    verdict: Verdict = "unsure"
    if holds >= confidence:
        verdict = "stable"
    elif 1 - holds >= confidence:
        verdict = "broken" if failed == runs >= BROKEN_FAILURES else "flaky"
    return _judged(verdict, failed, runs, holds, found)


def _posterior(masses: Floats, failed: int, runs: int) -> Posterior:
    likely, _ = rates.likelihood(np.array([float(failed)]), np.array([float(runs)]))
    mass = masses * likely
    return Posterior(mass / mass.sum(axis=1, keepdims=True))


def _judged(
    verdict: Verdict, failed: int, runs: int, probability: float, found: Posterior
) -> Judged:
    low, high = (float(found.quantile(share)[0]) for share in (0.05, 0.95))
    return Judged(verdict, failed, runs, probability, float(found.mean()[0]), low, high)
