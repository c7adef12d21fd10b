"""Beta-binomial arithmetic shared by the models: fitting priors, posteriors, quantiles.

Counts are arrays: `failures` out of `trials`, floats allowed where evidence is weighted. A prior
is fitted by penalised marginal likelihood: no labels, and a weak opinion for small histories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
BISECTIONS = 30
"""Halvings of [0, 1]: quantiles of mixtures are exact to 1e-9."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A normal opinion on a parameter before any data: where it should be and how surely."""

    mean: float
    spread: float

    def penalty(self, value: float) -> float:
        """Return the negative log density of `value`, up to a constant."""
        return 0.5 * ((value - self.mean) / self.spread) ** 2


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of Beta distributions: `weight`, `a`, `b`, each of shape `(n_components,)`."""

    weight: Floats
    a: Floats
    b: Floats

    def posterior(self, failures: Floats, trials: Floats) -> Posterior:
        """Return the posterior of the rate behind each pair of counts, shape `(n,)`."""
        each = log_likelihood(failures[:, None], trials[:, None], self.a, self.b)
        logs = np.log(self.weight) + each
        weight = np.exp(logs - special.logsumexp(logs, axis=1, keepdims=True))
        a = self.a + failures[:, None]
        return Posterior(weight, a, self.b + (trials - failures)[:, None])

    def log_evidence(self, failures: Floats, trials: Floats) -> Floats:
        """Return the log marginal likelihood of each pair of counts, shape `(n,)`."""
        each = log_likelihood(failures[:, None], trials[:, None], self.a, self.b)
        return np.asarray(special.logsumexp(np.log(self.weight) + each, axis=1))


@dataclass(frozen=True, slots=True)
class Posterior:
    """Mixtures of Betas, one a row: arrays of shape `(n, n_components)`."""

    weight: Floats
    a: Floats
    b: Floats

    def mean(self) -> Floats:
        """Return the expected rates, shape `(n,)`."""
        return (self.weight * self.a / (self.a + self.b)).sum(axis=1)

    def above(self, rate: float | Floats) -> Floats:
        """Return P(rate above `rate`), shape `(n,)`; `rate` is a number or has shape `(n,)`."""
        at = np.broadcast_to(np.asarray(rate, dtype=np.float64), (len(self.a),))[:, None]
        return (self.weight * special.betaincc(self.a, self.b, at)).sum(axis=1)

    def quantile(self, share: float) -> Floats:
        """Return the rates below which lies `share` of the mass, shape `(n,)`.

        A mixture is searched by bisection, since it has no closed form.
        """
        if self.a.shape[1] == 1:
            return np.asarray(special.betaincinv(self.a[:, 0], self.b[:, 0], share))
        low, high = np.zeros(len(self.a)), np.ones(len(self.a))
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            is_below = 1 - self.above(middle) < share
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return (low + high) / 2


def log_likelihood(
    failures: Floats, trials: Floats, a: Floats | float, b: Floats | float
) -> Floats:
    """Return the log Beta-binomial likelihood without its binomial coefficient."""
    return special.betaln(a + failures, b + trials - failures) - special.betaln(a, b)


def minimise(loss: Callable[[Floats], float], start: Floats) -> Floats:
    """Return the parameters with the least loss; deterministic."""
    # One-sided differences of a sum over thousands of tests are too rough: the search ends early.
    found = optimize.minimize(
        loss, start, method="L-BFGS-B", jac="3-point", options={"ftol": 1e-13, "gtol": 1e-6}
    )
    return np.asarray(found.x, dtype=np.float64)


def shape_of(mean: float, strength: float) -> tuple[float, float]:
    """Return `a`, `b` of the Beta distribution with this mean and `a + b = strength`."""
    return mean * strength, (1 - mean) * strength


def fit_beta(
    failures: Floats, trials: Floats, mean: float, strength: float, times: Floats | None = None
) -> Mixture:
    """Fit one Beta to counts, each occurring `times` (default once).

    The opinion before any data is a Beta of `mean` and `strength`; it is worth little: a factor e
    on the strength, one logit on the mean.
    """
    opinions = (Opinion(float(special.logit(mean)), 1.0), Opinion(float(np.log(strength)), 1.0))
    weight = np.ones(len(failures)) if times is None else times

    def loss(x: Floats) -> float:
        a, b = shape_of(special.expit(x[0]), np.exp(x[1]))
        penalty = sum(o.penalty(float(v)) for o, v in zip(opinions, x, strict=True))
        return penalty - float((weight * log_likelihood(failures, trials, a, b)).sum())

    x = minimise(loss, np.array([opinion.mean for opinion in opinions]))
    a, b = shape_of(special.expit(x[0]), np.exp(x[1]))
    return Mixture(np.ones(1), np.array([a]), np.array([b]))
