"""Planted changes of durations are found on their day; noise, slow days and trifles are not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models import change_point as model

START = date(2026, 1, 5)


def frame(*series: tuple[int, list[float]]) -> pl.DataFrame:
    rows = [
        ("shop", "test", str(test), START + timedelta(days=day), seconds, 10)
        for test, values in series
        for day, seconds in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=model.INPUT, orient="row")


def noisy(rng: np.random.Generator, *levels: tuple[int, float], spread: float = 0.1) -> list[float]:
    return [
        float(level * np.exp(spread * rng.standard_normal()))
        for days, level in levels
        for _ in range(days)
    ]


def test_a_planted_change_is_found_on_its_day_with_its_size() -> None:
    rng = np.random.default_rng(1)
    quiet = [(test, noisy(rng, (60, 2.0))) for test in range(2, 40)]
    found = model.changes(frame((1, noisy(rng, (35, 2.0), (25, 3.0))), *quiet))
    (row,) = found.to_dicts()
    assert row["subject_id"] == "1"
    assert abs((row["day"] - START).days - 35) <= 1
    assert row["ratio"] == pytest.approx(1.5, rel=0.1)
    assert row["days_before"] + row["days_after"] == 60
    assert row["runs_a_week"] == pytest.approx(70)
    assert row["cost_s_week"] == pytest.approx(70 * (row["after_s"] - row["before_s"]))


def test_of_two_changes_the_newest_counts_and_compares_with_the_level_before_it() -> None:
    rng = np.random.default_rng(2)
    (row,) = model.changes(frame((1, noisy(rng, (25, 1.0), (25, 4.0), (25, 2.0))))).to_dicts()
    assert abs((row["day"] - START).days - 50) <= 1
    assert (row["before_s"], row["after_s"]) == (
        pytest.approx(4.0, rel=0.1), pytest.approx(2.0, rel=0.1),
    )  # fmt: skip
    assert row["cost_s_week"] < 0


def test_a_clean_change_is_told_after_some_days_among_many_tests() -> None:
    rng = np.random.default_rng(6)
    quiet = [(test, noisy(rng, (60, 1.0), spread=0.1)) for test in range(1, 1000)]
    seen = []
    for days in range(4, 12):
        fresh = noisy(np.random.default_rng(7), (60 - days, 1.0), (days, 2.0), spread=0.05)
        seen.append("0" in model.changes(frame((0, fresh), *quiet))["subject_id"].to_list())
    assert True in seen
    assert seen.index(True) <= 2


def test_a_slow_day_a_trifle_and_a_short_history_are_no_change() -> None:
    rng = np.random.default_rng(3)
    slow_day = noisy(rng, (30, 2.0))
    slow_day[20] = 60.0
    trifle = noisy(rng, (30, 0.010), (30, 0.020), spread=0.01)
    small = noisy(rng, (30, 2.0), (30, 2.2), spread=0.01)
    short = noisy(rng, (3, 1.0), (4, 9.0))
    found = model.changes(frame((1, slow_day), (2, trifle), (3, small), (4, short)))
    assert found.is_empty()
    assert model.changes(frame()).is_empty()


def test_false_alarms_stay_rare_among_many_tests_and_most_changes_are_found() -> None:
    rng = np.random.default_rng(4)
    planted = {test: noisy(rng, (30, 1.0), (30, 1.6), spread=0.25) for test in range(40)}
    quiet = {test: noisy(rng, (60, 1.0), spread=0.25) for test in range(40, 1000)}
    found = {
        int(one)
        for one in model.changes(frame(*planted.items(), *quiet.items()))["subject_id"].to_list()
    }
    assert len(found & planted.keys()) >= 36
    assert len(found - planted.keys()) <= 4


def test_the_result_at_which_the_level_begins() -> None:
    seconds = np.array([2.0, 2.1, 1.9, 5.0, 2.0, 3.1, 2.9, 3.0, 3.2])
    assert model.first_result(seconds, 2.0, 3.0) == 5
    assert model.first_result(np.array([2.0, 2.1]), 2.0, 3.0) == 2
    assert model.first_result(np.array([3.0]), 2.0, 3.0) == 0
