"""Beta-binomial arithmetic agrees with numeric integration and finds the prior behind counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from models.beta import Mixture, fit_beta

MIXTURE = Mixture(np.array([0.95, 0.05]), np.array([0.5, 1.0]), np.array([900.0, 15.0]))
COUNTS = [(0, 0), (0, 3), (1, 3), (2, 200), (7, 212), (40, 100)]


def density(failures: int, trials: int, rate: float) -> float:
    from scipy import stats

    prior = sum(
        weight * stats.beta.pdf(rate, a, b)
        for weight, a, b in zip(MIXTURE.weight, MIXTURE.a, MIXTURE.b, strict=True)
    )
    return prior * rate**failures * (1 - rate) ** (trials - failures)


def mass(failures: int, trials: int, low: float, high: float, *, power: int = 0) -> float:
    """Integrate density times rate**power over log rates, where the spike near 0 is smooth."""
    from scipy import integrate

    def inner(log_rate: float) -> float:
        rate = float(np.exp(log_rate))
        return density(failures, trials, rate) * rate ** (1 + power)

    ends = np.log(max(low, 1e-30)), np.log(high)
    cuts = [c for c in np.log([1e-12, 1e-8, 1e-5, 1e-4, 1e-3, 0.01, 0.1]) if ends[0] < c < ends[1]]
    edges = [ends[0], *cuts, ends[1]]
    return sum(integrate.quad(inner, a, b, limit=200)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize(("failures", "trials"), COUNTS)
def test_the_posterior_is_that_of_exact_integration(failures: int, trials: int) -> None:
    found = MIXTURE.posterior(np.array([float(failures)]), np.array([float(trials)]))
    total = mass(failures, trials, 0, 1 - 1e-12)
    assert found.above(0.01)[0] == pytest.approx(
        mass(failures, trials, 0.01, 1 - 1e-12) / total, rel=1e-6, abs=1e-9
    )
    low, high = found.quantile(0.05)[0], found.quantile(0.95)[0]
    assert mass(failures, trials, 0, max(low, 1e-20)) / total == pytest.approx(0.05, abs=1e-4)
    assert mass(failures, trials, 0, high) / total == pytest.approx(0.95, abs=1e-4)
    assert low <= found.mean()[0] <= 1


def test_the_mean_is_that_of_exact_integration() -> None:
    found = MIXTURE.posterior(np.array([7.0]), np.array([212.0]))
    top, bottom = (mass(7, 212, 0, 1 - 1e-12, power=power) for power in (1, 0))
    assert found.mean()[0] == pytest.approx(top / bottom, rel=1e-6)


def test_one_component_needs_no_search_for_its_quantiles() -> None:
    from scipy import stats

    one = Mixture(np.ones(1), np.array([2.0]), np.array([30.0]))
    found = one.posterior(np.array([1.0]), np.array([10.0])).quantile(0.95)[0]
    assert found == pytest.approx(stats.beta.ppf(0.95, 3, 39))


def test_evidence_sums_to_one_over_all_outcomes() -> None:
    from scipy import stats

    trials = 30
    failures = np.arange(trials + 1.0)
    logs = MIXTURE.log_evidence(failures, np.full(trials + 1, float(trials)))
    ways = stats.binom.pmf(failures, trials, 0.5) * 2.0**trials
    assert float((np.exp(logs) * ways).sum()) == pytest.approx(1)


def test_a_fitted_beta_is_the_one_behind_the_counts() -> None:
    rng = np.random.default_rng(1)
    trials = rng.integers(50, 300, 3000).astype(float)
    failures = rng.binomial(trials.astype(int), rng.beta(2.0, 40.0, 3000)).astype(float)
    found = fit_beta(failures, trials, mean=0.5, strength=2.0)
    assert found.a[0] == pytest.approx(2.0, rel=0.1)
    assert found.b[0] == pytest.approx(40.0, rel=0.1)


def test_counts_may_be_given_with_how_often_they_occur() -> None:
    failures, trials = np.array([0.0, 1.0]), np.array([10.0, 10.0])
    times = np.array([5.0, 2.0])
    short = fit_beta(failures, trials, 0.1, 10.0, times)
    long = fit_beta(np.repeat(failures, [5, 2]), np.repeat(trials, [5, 2]), 0.1, 10.0)
    assert short.a[0] == pytest.approx(long.a[0], rel=1e-4)


def test_without_counts_the_opinion_stands() -> None:
    found = fit_beta(np.zeros(0), np.zeros(0), mean=0.2, strength=10.0)
    assert found.a[0] == pytest.approx(2.0, rel=1e-3)
    assert found.b[0] == pytest.approx(8.0, rel=1e-3)
