"""Rates on a grid: old evidence fades, changes are seen, intervals hold what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from models import rates
from models.rates import Fading, Prior

PRIOR = Prior(0.03, 0.0005, 2000.0, 0.03, 1.0)
WEEKS = tuple(7.0 * week for week in range(1, 15))
FADING = Fading(WEEKS, half_life=120.0, life=365.0)


def one(flakes: list[float], trials: float = 30.0, fading: Fading = FADING) -> rates.Posterior:
    """Return the posterior of one test with weekly flakes, the newest week first."""
    bad = np.array([flakes + [0.0] * (len(fading.ages) - len(flakes))])
    tries = np.full(bad.shape, trials)
    [found] = rates.posteriors(bad, tries, np.array([PRIOR.flaky_share]), PRIOR, fading)
    return found


def test_masses_are_probabilities_and_the_threshold_cuts_a_cell_in_part() -> None:
    found = one([1.0, 2.0])
    assert found.mass.sum() == pytest.approx(1.0)
    steps = [found.above(rate)[0] for rate in (0.001, 0.01, 0.0101, 0.05, 0.9)]
    assert steps == sorted(steps, reverse=True)
    assert steps[1] != steps[2]


def test_quantiles_are_where_the_mass_is() -> None:
    found = one([2.0, 1.0, 3.0])
    low, high = found.quantile(0.05)[0], found.quantile(0.95)[0]
    assert low < found.mean()[0] < high
    assert found.above(low)[0] - found.above(high)[0] == pytest.approx(0.90, abs=0.002)


def test_a_test_that_stopped_flaking_looks_mended() -> None:
    mended = one([0.0] * 8 + [2.0] * 6)
    still = one([2.0, 0.0, 2.0, 1.0] * 3 + [0.0, 1.0])
    assert mended.above(0.01)[0] < 0.3
    assert still.above(0.01)[0] > 0.99


def test_a_test_that_began_to_flake_is_believed_soon() -> None:
    assert one([3.0, 3.0, 2.0]).above(0.01)[0] > 0.95


def test_without_change_or_fading_it_is_what_the_counts_say() -> None:
    still = Fading(WEEKS, half_life=1e9, life=1e9)
    found = one([3.0] * 14, fading=still)
    assert found.mean()[0] == pytest.approx(3 / 30, rel=0.1)


def test_intervals_hold_the_present_rates_of_tests_that_move_as_the_simulator_has_it() -> None:
    rng = np.random.default_rng(4)
    count = 3000
    rate = 1 / (1 + np.exp(-rng.normal(np.log(0.03 / 0.97), 1.0, count)))
    moves = np.where(rng.random(count) < 0.25, rng.uniform(-1, 1, count), 0.0)
    drift = 2.0 ** np.outer(moves, np.linspace(0, 1, len(WEEKS)))
    bad = rng.binomial(30, np.minimum(rate[:, None] * drift, 0.9)).astype(float)
    parts = list(
        rates.posteriors(bad, np.full(bad.shape, 30.0), np.full(count, 0.97), PRIOR, FADING)
    )
    low = np.concatenate([part.quantile(0.05) for part in parts])
    high = np.concatenate([part.quantile(0.95) for part in parts])
    assert ((rate >= low) & (rate <= high)).mean() == pytest.approx(0.90, abs=0.03)


def test_the_ceiling_is_the_mean_over_rates_of_never_failing() -> None:
    rng = np.random.default_rng(5)
    drawn = 1 / (1 + np.exp(-rng.normal(np.log(0.03 / 0.97), 1.0, 200_000)))
    above = drawn[drawn > 0.01]
    slab = rates.Posterior(np.tile(PRIOR.slab(), (3, 1)))
    tries = np.array([0.0, 20.0, 200.0])
    said = slab.unseen(tries, above=0.01)
    assert said == pytest.approx([((1 - above) ** n).mean() for n in tries], abs=0.01)
