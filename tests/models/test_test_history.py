"""What is known of a test before a build comes from the builds before it, and from nothing else."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from histories import planted, results

from models.test_history import NAMES, History
from models.test_selection import Selector, builds_of, numbered, walk

TESTS = np.arange(4)


def taught(*verdicts: str) -> History:
    """Return the history of four tests: a letter each a build, f failed, p passed, - not run."""
    history = History(4)
    for word in verdicts:
        ran = np.array([at for at, letter in enumerate(word) if letter != "-"], dtype=np.int64)
        failed = np.array([word[at] == "f" for at in ran], dtype=bool)
        history.learn(ran, failed, np.full(len(ran), 2.0))
    return history


def column(history: History, name: str, tests: np.ndarray = TESTS) -> np.ndarray:
    return history.features(tests)[:, NAMES.index(name)]


@pytest.mark.parametrize("now", [1, 9, 25])
def test_builds_to_come_change_no_forecast(now: int) -> None:
    """Of the future verdicts are turned, rows deleted and shuffled; the past is shuffled only."""
    whole = planted(40)
    numbers = numbered(whole)
    later = whole.filter(pl.col("build") > now)
    turned = later.sample(fraction=0.5, shuffle=True, seed=1).with_columns(~pl.col("failed"))
    past = whole.filter(pl.col("build") <= now).sample(fraction=1, shuffle=True, seed=2)
    told = [
        walk(Selector(numbers.height), builds_of(rows, numbers))[now]
        for rows in (whole, pl.concat([turned, past]), past)
    ]
    for other in told[1:]:
        np.testing.assert_array_equal(told[0].probability, other.probability)
        np.testing.assert_array_equal(told[0].score, other.score)


def test_verdicts_of_the_build_itself_change_no_forecast_of_it() -> None:
    whole = planted(20)
    numbers = numbered(whole)
    is_last = pl.col("build") == 19
    turned = whole.with_columns(
        failed=pl.col("failed") ^ is_last,
        duration=pl.when(is_last).then(9.0).otherwise("duration"),
    )
    before, after = (
        walk(Selector(numbers.height), builds_of(rows, numbers))[-1] for rows in (whole, turned)
    )
    np.testing.assert_array_equal(before.probability, after.probability)
    np.testing.assert_array_equal(before.duration, after.duration)


def test_a_test_that_was_never_run_leaves_the_others_as_they_are() -> None:
    """Its number must not tell that it will come."""
    short, long = taught("fp--", "pp--"), History(9)
    for failed in ([True, False], [False, False]):
        long.learn(np.arange(2), np.array(failed), np.full(2, 2.0))
    two = np.arange(2)
    np.testing.assert_array_equal(short.features(two), long.features(two))


def test_rates_averages_and_streaks_follow_the_verdicts() -> None:
    history = taught("fppp", "fppp", "fpfp")
    rate = history.rate(TESTS)
    assert rate[0] > rate[2] > rate[1] == rate[3]
    assert (history.average(TESTS, 1.0) > history.rate(TESTS))[2]
    assert history.streak.tolist() == [3, -3, 1, -3]
    assert history.flips.tolist() == [0, 0, 1, 0]
    assert history.recent[:3].tolist() == [7, 0, 1]


def test_builds_without_a_test_are_counted() -> None:
    history = taught("ffpp", "-ppp", "-ppp")
    assert column(history, "since_run")[0] == pytest.approx(math.log1p(3))
    assert column(history, "since_failure")[1] == pytest.approx(math.log1p(3))


def test_neighbours_lift_a_new_test_and_it_does_not_count_itself() -> None:
    history = taught("f--p", "f--p", "f--p")
    near = history.near(TESTS, 1)
    assert near[1] > history.prior
    assert near[0] < near[3]
    assert column(history, "is_new").tolist() == [0, 1, 1, 0]


def test_builds_of_the_same_tests_weigh_more() -> None:
    history = taught("ff--", "-fpp", "-ppp", "-ppp")
    together = column(history, "alike", np.array([0, 1]))[1]
    assert together > column(history, "alike", np.array([1, 2, 3]))[0]


def test_features_are_finite_for_any_build() -> None:
    for history in (History(4), taught("ffff"), taught("----", "p---")):
        assert np.isfinite(history.features(TESTS)).all()
        assert np.isfinite(history.features(TESTS[:1])).all()


def test_several_runs_of_a_test_in_a_build_are_one() -> None:
    rows = results([(1, 7, False, 1.0), (1, 7, True, 2.0), (1, 8, False, 4.0), (0, 8, False, 1.0)])
    first, second = builds_of(rows, numbered(rows))
    assert first.tests.tolist() == [1]
    assert second.failed.tolist() == [True, False]
    assert second.duration.tolist() == [3.0, 4.0]
