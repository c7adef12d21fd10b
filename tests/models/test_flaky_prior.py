"""The prior: learned where it helps, one share where it does not, moved by flaky partners."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models import flaky_prior, rates


def project(seed: int, effect: float, tests: int = 1500) -> tuple[pl.DataFrame, np.ndarray]:
    """Return tests whose log odds of being flaky rise by `effect` a unit of log duration."""
    rng = np.random.default_rng(seed)
    log_time = rng.normal(0, 1, tests)
    chance = 1 / (1 + np.exp(3.0 - effect * log_time))
    is_flaky = rng.random(tests) < chance
    frame = pl.DataFrame(
        {
            "suite": ["unit"] * tests,
            "class_name": [f"c{n // 10}" for n in range(tests)],
            "name": [f"t{n}" for n in range(tests)],
            "duration_s": np.exp(log_time),
        }
    )
    return frame, is_flaky


def learned(seed: int, effect: float) -> tuple[np.ndarray, float, np.ndarray]:
    """Return shares, gain and truth after 40 runs a test."""
    frame, is_flaky = project(seed, effect)
    rng = np.random.default_rng(seed + 100)
    rate = np.where(is_flaky, 0.06, 0.0005)
    bad, tries = rng.binomial(40, rate).astype(float), np.full(len(rate), 40.0)
    prior = rates.fit(bad, tries)
    healthy, flaky = flaky_prior.evidence(bad, tries, prior)
    groups = frame.select(pl.col("class_name").rank("dense")).to_series().to_numpy()
    known = flaky_prior.columns(frame)
    share, gain = flaky_prior.shares(healthy, flaky, known, groups, prior.flaky_share)
    return share, gain, is_flaky


def test_slow_tests_that_flake_more_often_get_a_higher_prior() -> None:
    share, gain, is_flaky = learned(1, effect=1.5)
    assert gain > flaky_prior.GAIN
    assert share[is_flaky].mean() > 1.7 * share[~is_flaky].mean()


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_where_nothing_is_to_learn_all_get_the_share_of_the_project(seed: int) -> None:
    share, gain, _ = learned(seed, effect=0.0)
    assert gain == 0
    assert len(np.unique(share)) == 1


def test_a_small_project_is_not_learned_from() -> None:
    few = np.zeros(20)
    share, gain = flaky_prior.shares(few, few, np.ones((20, 2)), np.arange(20), 0.1)
    assert (gain, set(share)) == (0.0, {0.1})


def test_a_flaky_partner_raises_the_prior_and_a_healthy_one_does_not() -> None:
    share = flaky_prior.with_partners(np.full(3, 0.02), np.array([0.0, 0.01, 1.0]))
    assert share[0] == pytest.approx(0.02)
    assert share[1] < 0.03
    assert share[2] == pytest.approx(20 * 0.02 / 0.98 / (1 + 20 * 0.02 / 0.98))
