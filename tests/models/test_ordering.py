"""Orders of tests are judged as their definitions say."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from models import ordering
from models.budget import Bank


def by_hand(order: tuple[int, ...], failed: np.ndarray) -> float:
    """APFD by the positions of the failed tests."""
    count = len(order)
    places = [place for place, test in enumerate(order, start=1) if failed[test]]
    return 1 - sum(places) / (count * len(places)) + 1 / (2 * count)


def test_apfd_is_that_of_rothermel() -> None:
    failed = np.array([True, False, False, True])
    assert ordering.apfd(np.array([4.0, 3.0, 2.0, 1.0]), failed) == by_hand((0, 1, 2, 3), failed)
    assert ordering.apfd(np.array([4.0, 1.0, 2.0, 3.0]), failed) == by_hand((0, 3, 2, 1), failed)


def test_apfd_of_ties_is_the_mean_over_their_orders() -> None:
    failed = np.array([True, False, False, True])
    every = [by_hand(order, failed) for order in permutations(range(4))]
    assert ordering.apfd(np.zeros(4), failed) == pytest.approx(np.mean(every))


def test_a_budget_is_kept_and_filled() -> None:
    value = np.array([9.0, 8.0, 7.0, 6.0])
    duration = np.array([2.0, 5.0, 2.0, 1.0])
    assert ordering.chosen(value, duration, 5.0).tolist() == [True, False, True, True]
    assert ordering.chosen(value, duration, 10.0).all()
    assert not ordering.chosen(value, duration, 0.5).any()


def test_shares_caught_count_failures_and_failing_builds() -> None:
    failed = [np.array([True, True]), np.array([False, False]), np.array([True, False])]
    picked = [np.array([True, False])] * 2 + [np.array([False, True])]
    found = ordering.caught(picked, failed, [np.ones(2)] * 3)
    assert found == ordering.Caught(1 / 3, 1 / 2, 1 / 2)


def test_a_bank_never_spends_more_than_its_share_and_runs_small_builds_whole() -> None:
    dice = np.random.default_rng(0)
    bank = Bank(0.5)
    took: list[bool] = []
    for size in [40] * 5 + [1] * 5 + [40, 1] * 20:
        picked = bank.choose(dice.random(size), dice.random(size))
        assert bank.spent <= bank.earned + 1e-9
        if size == 1:
            took.append(bool(picked.all()))
    assert all(took)


def test_a_bank_takes_large_builds_by_score() -> None:
    picked = Bank(0.5).choose(np.arange(100.0), np.ones(100))
    assert picked.tolist() == [False] * 55 + [True] * 45
