"""Verdicts on reruns: right where the rate is known, sound when one stops once one is sure."""

from __future__ import annotations

import random

import pytest

from models import reruns


def until_sure(rate: float, seed: int, most: int = 400) -> reruns.Judged:
    """Judge after every run of a test that fails with a rate, as the runner does."""
    chance, failed = random.Random(seed), 0
    for run in range(1, most + 1):
        failed += chance.random() < rate
        judged = reruns.flaky(failed, run, confidence=0.95)
        if judged.verdict != "unsure":
            return judged
    return reruns.flaky(failed, most, confidence=0.95)


@pytest.mark.parametrize(
    ("rate", "right"), [(0.0, "stable"), (0.1, "flaky"), (0.5, "flaky"), (1.0, "broken")]
)
def test_verdicts_are_right_where_the_rate_is_known(rate: float, right: str) -> None:
    found = [until_sure(rate, seed).verdict for seed in range(100)]
    assert found.count(right) >= 80  # a test that fails half the time may fail thrice at first
    assert found.count("flaky" if right == "stable" else "stable") <= 15


def test_of_tests_drawn_from_the_prior_few_verdicts_are_wrong() -> None:
    """Stopping when sure keeps the promise: at most 5 % of the tests called stable are not."""
    chance = random.Random(1)
    stable = flaky_among = 0
    cells = reruns.USUAL.masses()
    for seed in range(400):
        rate = float(chance.choices(reruns.rates.MIDDLE.tolist(), cells.tolist())[0])
        if until_sure(rate, seed).verdict == "stable":
            stable += 1
            flaky_among += rate > reruns.THRESHOLD
    assert stable > 300
    assert flaky_among / stable <= 0.06


def test_a_clean_test_needs_few_runs_and_more_for_more_confidence() -> None:
    needed = {
        sure: next(n for n in range(999) if reruns.flaky(0, n, confidence=sure).verdict == "stable")
        for sure in (0.9, 0.95, 0.99)
    }
    assert needed[0.9] < needed[0.95] < needed[0.99]
    assert needed[0.95] < 50


def test_the_interval_holds_the_rate_and_shrinks() -> None:
    few, many = (reruns.flaky(n // 5, n, confidence=0.95) for n in (10, 200))
    assert few.rate_low < 0.2 < few.rate_high
    assert many.rate_low < 0.2 < many.rate_high
    assert many.rate_high - many.rate_low < few.rate_high - few.rate_low


@pytest.mark.parametrize("before", [(0, 0), (3, 10), (10, 20), (2, 100)])
def test_a_fix_holds_after_enough_passes_and_one_failure_takes_that_back(before) -> None:
    def fix(failed: int, runs: int) -> reruns.Judged:
        return reruns.fix(failed, runs, before=before, confidence=0.95)

    needed = next(n for n in range(999) if fix(0, n).verdict == "stable")
    assert 5 <= needed <= 250
    assert fix(0, 3).verdict == "unsure"
    assert fix(1, needed).probability < fix(0, needed).probability
    assert fix(3, 20).verdict == "flaky"
    assert fix(5, 5).verdict == "broken"


def test_what_flaked_often_shows_sooner_that_it_does_no_more() -> None:
    def needed(*before: int) -> int:
        judged = (reruns.fix(0, n, before=before, confidence=0.95) for n in range(999))
        return next(one.runs for one in judged if one.verdict == "stable")

    assert needed(10, 20) < needed(2, 100)
