"""Rates on a grid: a prior of noise and flaky tests, evidence in time, rates that may have changed.

A rate has a mass in each of CELLS cells between EDGES, so that the prior needs no conjugate form.
It is a mixture: a spike of healthy noise (Beta) and flaky tests (normal on the logit scale, since
flake rates spread over orders of magnitude). Counts are `bad` out of `tries`, floats allowed.

Old evidence fades in two ways. It is weighed down by its age (a power prior: Ibrahim, Chen 2000),
since rates move; and a test may have been mended, or have become flaky, at any time: Bayesian
change-point detection (Adams and MacKay 2007) with one change, whose every place is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from models.beta import Floats, Opinion, minimise, shape_of

CELLS = 200
LOWEST, HIGHEST = 1e-5, 0.995
EDGES: Floats = np.concatenate(
    [[0.0], special.expit(np.linspace(special.logit(LOWEST), special.logit(HIGHEST), CELLS - 1)),
     [1.0]]
)  # fmt: skip
MIDDLE: Floats = np.concatenate(
    [[LOWEST / 2], special.expit((special.logit(EDGES[1:-2]) + special.logit(EDGES[2:-1])) / 2),
     [(HIGHEST + 1) / 2]]
)  # fmt: skip
HIT, MISS = np.log(MIDDLE), np.log1p(-MIDDLE)
ROWS_AT_ONCE = 2048
OPINIONS = {
    "flaky_share": Opinion(float(special.logit(0.16)), 1.5),
    "noise": Opinion(float(np.log(0.0005)), 1.0),
    "noise_strength": Opinion(float(np.log(2000.0)), 1.0),
    "rate": Opinion(float(special.logit(0.03)), 0.5),
    "spread": Opinion(float(np.log(1.1)), 0.3),
}
"""What a project is like before any of its data, on the scale of the fit (logit, log).

The share is Google's (Micco 2016: some flakiness in 16 % of all tests). It is higher than the data
of most projects then shows, so that a few runs that passed are not yet an all-clear.
"""


@dataclass(frozen=True, slots=True)
class Prior:
    """The share of flaky tests, mean and strength of the noise, median and spread of the rates.

    `spread` is a standard deviation on the logit scale; the strength of a Beta is its a + b.
    """

    flaky_share: float
    noise: float
    noise_strength: float
    rate: float
    spread: float

    def spike(self) -> Floats:
        """Return the masses of the rates of healthy tests, shape `(CELLS,)`."""
        a, b = shape_of(self.noise, self.noise_strength)
        return np.diff(special.betainc(a, b, EDGES))

    def slab(self) -> Floats:
        """Return the masses of the rates of flaky tests, shape `(CELLS,)`."""
        at = (special.logit(EDGES) - special.logit(self.rate)) / self.spread
        return np.diff(special.ndtr(at))

    def masses(self) -> Floats:
        """Return the masses of the rates of all tests, shape `(CELLS,)`."""
        return (1 - self.flaky_share) * self.spike() + self.flaky_share * self.slab()


def _prior(x: Floats) -> Prior:
    share, rate = special.expit(x[0]), special.expit(x[3])
    noise, strength, spread = np.exp(x[[1, 2, 4]])
    return Prior(float(share), float(min(noise, 0.5)), float(strength), float(rate), float(spread))


def fit(bad: Floats, tries: Floats) -> Prior:
    """Fit the prior to the counts of a project's tests, shape `(n_tests,)` each; no labels.

    By penalised marginal likelihood. Equal pairs of counts are counted once, so that it costs what
    the distinct pairs cost.
    """
    pairs, times = np.unique(np.stack([bad, tries], axis=1), axis=0, return_counts=True)
    likely, top = likelihood(pairs[:, 0], pairs[:, 1])
    opinions = list(OPINIONS.values())

    def loss(x: Floats) -> float:
        penalty = sum(o.penalty(float(v)) for o, v in zip(opinions, x, strict=True))
        seen = np.log(np.maximum(likely @ _prior(x).masses(), 1e-300)) + top
        return penalty - float((times * seen).sum())

    return _prior(minimise(loss, np.array([opinion.mean for opinion in opinions])))


def likelihood(bad: Floats, tries: Floats) -> tuple[Floats, Floats]:
    """Return the likelihood of counts in each cell over its maximum `(n, CELLS)`, and its log."""
    logs = _logs(bad, tries)
    top = logs.max(axis=1, keepdims=True)
    return np.exp(logs - top), top[:, 0]


def _logs(bad: Floats, tries: Floats) -> Floats:
    return bad[:, None] * HIT + (tries - bad)[:, None] * MISS


@dataclass(frozen=True, slots=True)
class Posterior:
    """Masses of the rates, one row a test: shape `(n, CELLS)`."""

    mass: Floats

    def mean(self) -> Floats:
        """Return the expected rates, shape `(n,)`."""
        return self.mass @ MIDDLE

    def above(self, rate: float) -> Floats:
        """Return P(rate above `rate`), shape `(n,)`; the cell that holds it counts in part."""
        at = int(np.searchsorted(EDGES, rate, side="right")) - 1
        part = (EDGES[at + 1] - rate) / (EDGES[at + 1] - EDGES[at])
        return self.mass[:, at + 1 :].sum(axis=1) + part * self.mass[:, at]

    def quantile(self, share: float) -> Floats:
        """Return the rates below which lies `share` of the mass, shape `(n,)`."""
        sums = np.cumsum(self.mass, axis=1)
        at = np.minimum((sums < share).sum(axis=1), CELLS - 1)
        rows = np.arange(len(at))
        inside = self.mass[rows, at]
        part = (share - (sums[rows, at] - inside)) / np.maximum(inside, 1e-300)
        return EDGES[at] + np.clip(part, 0, 1) * (EDGES[at + 1] - EDGES[at])

    def unseen(self, tries: Floats, *, above: float) -> Floats:
        """Return P(no failure in `tries` attempts | rate above `above`), shape `(n,)`.

        The mean of `(1 - rate) ** tries` over the masses above; `tries` has shape `(n,)`.
        """
        part = np.where(above < MIDDLE, self.mass, 0.0)
        never = np.exp(tries[:, None] * MISS)
        return (part * never).sum(axis=1) / np.maximum(part.sum(axis=1), 1e-300)


@dataclass(frozen=True, slots=True)
class Fading:
    """How old evidence fades: `ages` (days) say when each bin of it began, newest bin first.

    Evidence counts half after `half_life` days, since rates move; a flaky test is still what it
    was after `life` days with probability one half, since tests are mended and new ones are born.
    """

    ages: tuple[float, ...]
    half_life: float
    life: float

    def weights(self) -> Floats:
        """Return what each bin counts by the age of its middle, shape `(bins,)`."""
        ends = np.array(self.ages)
        return 0.5 ** ((np.append(0.0, ends[:-1]) + ends) / 2 / self.half_life)

    def lasting(self) -> float:
        """Return the probability that a test did not change in all bins."""
        return float(0.5 ** (self.ages[-1] / self.life))

    def changes(self) -> Floats:
        """Return P(the change came between a bin and the next older one), shape `(bins - 1,)`."""
        kept = 0.5 ** (np.append(0.0, self.ages) / self.life)
        steps = (kept[:-1] - kept[1:])[:-1]
        return (1 - self.lasting()) * steps / steps.sum() if len(steps) else steps


def posteriors(
    bad: Floats, tries: Floats, share: Floats, prior: Prior, fading: Fading
) -> Iterator[Posterior]:
    """Yield the posteriors of the rates now, ROWS_AT_ONCE tests at a time.

    `bad` and `tries` have shape `(n, bins)`, newest bin first; `share` is each test's own prior
    probability of being flaky at some time in the bins, shape `(n,)`.
    """
    weights = fading.weights()
    for first in range(0, len(bad), ROWS_AT_ONCE):
        at = slice(first, first + ROWS_AT_ONCE)
        yield Posterior(_now(bad[at] * weights, tries[at] * weights, share[at], prior, fading))


def _now(bad: Floats, tries: Floats, share: Floats, prior: Prior, fading: Fading) -> Floats:
    """Return the masses now: the mean over all stories of a test, by their probabilities.

    Stories: healthy or flaky all along, and for each place of a change flaky before and healthy
    after (mended) or the reverse (born). Before a change a rate only tells how probable it was.
    """
    spike, slab = prior.spike(), prior.slab()
    share = np.clip(share, 1e-9, 1 - 1e-9)
    whole = _logs(bad.sum(axis=1), tries.sum(axis=1))
    story = _Stories(len(bad))
    story.add(np.log1p(-share), *_weighted(whole, spike))
    story.add(np.log(share * fading.lasting()), *_weighted(whole, slab))
    after = np.zeros_like(whole)
    for place, chance in enumerate(fading.changes()):
        after = after + _logs(bad[:, place], tries[:, place])
        for was, is_now in ((slab, spike), (spike, slab)):
            mass, told = _weighted(after, is_now)
            story.add(np.log(share * chance / 2) + _weighted(whole - after, was)[1], mass, told)
    return story.mass


class _Stories:
    """A running mean of masses, weighted by log probabilities; needs no story twice."""

    def __init__(self, tests: int) -> None:
        self.mass = np.zeros((tests, CELLS))
        self.weight = np.full(tests, -np.inf)

    def add(self, chance: Floats, mass: Floats, told: Floats) -> None:
        """Add a story: its log prior `(n,)`, masses now `(n, CELLS)`, log evidence `(n,)`."""
        total = np.logaddexp(self.weight, found := chance + told)
        old, new = np.exp(self.weight - total), np.exp(found - total)
        self.mass = self.mass * old[:, None] + mass * new[:, None]
        self.weight = total


def _weighted(logs: Floats, own: Floats) -> tuple[Floats, Floats]:
    """Return the normalised masses and the log evidence of a likelihood under a prior."""
    top = logs.max(axis=1, keepdims=True)
    mass = np.exp(logs - top) * own
    total = np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
    return mass / total, np.log(total[:, 0]) + top[:, 0]
