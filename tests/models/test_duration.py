"""Forecasts of durations: right on average, honest intervals, nothing of the future, no haste."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models import duration_walks as walks
from models.duration import LEARNED, RULES, Forecaster, log_s, seconds
from models.evaluate import seeded
from models.protocols import durations

START = datetime(2026, 3, 2, 0, tzinfo=UTC)


def noisy(batches: int, series: int, *, spread: float, seed: int) -> pl.DataFrame:
    """Return results of tests with levels of their own and a common luck in each build."""
    rng = np.random.default_rng(seed)
    level = rng.lognormal(0, 1, series)
    luck = np.exp(0.2 * rng.standard_normal(batches))
    took = level * luck[:, None] * np.exp(spread * rng.standard_normal((batches, series)))
    return pl.DataFrame({
        "batch": np.repeat(np.arange(batches), series),
        "series": np.tile(np.arange(series), batches),
        "duration_s": took.ravel(),
    })  # fmt: skip


def coverage(results: pl.DataFrame, low: int, high: int, *, since: int) -> float:
    held: list[bool] = []
    forecaster = Forecaster(results["series"].n_unique())
    for number, (told, took) in enumerate(walks.along_tests(forecaster, results)):
        if number >= since:
            held += ((took >= told.quantiles[:, low]) & (took <= told.quantiles[:, high])).tolist()
    return sum(held) / len(held)


@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_intervals_hold_what_they_say_although_tests_of_a_build_share_their_luck(
    spread: float,
) -> None:
    results = noisy(150, 40, spread=spread, seed=3)
    assert coverage(results, 0, 4, since=30) == pytest.approx(0.9, abs=0.03)
    assert coverage(results, 1, 3, since=30) == pytest.approx(0.5, abs=0.05)


def test_nothing_of_a_run_is_known_to_its_forecast() -> None:
    results = noisy(30, 5, spread=0.3, seed=4)
    later = pl.col("batch") >= 20
    other = results.with_columns(duration_s=pl.when(later).then(1e4).otherwise("duration_s"))
    told = [
        [one.quantiles for one, _ in walks.along_tests(Forecaster(5), frame)][:21]
        for frame in (results, other)
    ]
    for ours, theirs in zip(*told, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_correction_speaks_only_where_it_is_surely_better() -> None:
    rng = np.random.default_rng(5)
    plain, weekly = Forecaster(1), Forecaster(1, extra=1)
    for number in range(300):
        late = np.array([[float(number % 3 == 0)]])
        noise = float(np.exp(0.1 * rng.standard_normal()))
        plain.seen(plain.tell(np.array([0])), np.array([60 * noise]))
        weekly.seen(weekly.tell(np.array([0]), late), np.array([60 * noise * (1 + late[0, 0])]))
    assert plain.standing.by in RULES
    assert weekly.standing.by == LEARNED
    assert weekly.standing.lift > 0.3
    slow, fast = (
        float(weekly.tell(np.array([0]), np.array([[late]])).quantiles[0, 2]) for late in (1.0, 0.0)
    )
    assert slow / fast == pytest.approx(2.0, rel=0.1)


def test_a_new_test_gets_a_wide_interval_and_one_without_runs_none() -> None:
    results = noisy(60, 20, spread=0.1, seed=6).filter(
        (pl.col("series") != 0) | (pl.col("batch") == 59)
    )
    forecaster = Forecaster(20)
    assert len(list(walks.along_tests(forecaster, results))) == 60
    told = forecaster.tell(np.array([0, 1, 2]))
    width = np.log(told.quantiles[:, 4] / told.quantiles[:, 0])
    assert width[0] > 1.15 * width[1]
    never = Forecaster(1).tell(np.array([0]))
    assert walks.told_rows(never, 0.0).is_empty()
    (row,) = walks.told_rows(told.of(told.known == 1), 0.0).to_dicts()
    assert row["reasons"][1] == "only 1 earlier runs are known, so the interval is wide"


def built(count: int) -> pl.DataFrame:
    """Return builds asked for every hour that take two hours each, the last two still running."""
    asked = [START + timedelta(hours=number) for number in range(count)]
    is_open = [number >= count - 2 for number in range(count)]
    return pl.DataFrame({
        "build_id": [f"b{number}" for number in range(count)], "pipeline_id": "ci",
        "is_main": [number % 2 == 0 for number in range(count)], "asked_at": asked,
        "known_at": [None if open_ else at + timedelta(hours=2)
                     for at, open_ in zip(asked, is_open, strict=True)],
        "trigger": "push", "attempt": 1,
        "duration_s": [None if open_ else 7200.0 for open_ in is_open],
    }, schema=walks.BUILD, strict=False)  # fmt: skip


def test_a_build_is_told_from_those_that_had_ended_when_it_was_asked_for() -> None:
    told = {build: one for build, one, _ in walks.along_builds(built(12)).walk()}
    known = [int(told[f"b{number}"].known[0]) for number in range(12)]
    assert known[:3] == [0, 0, 1]
    assert known[3] == 1  # of the other line: it has none itself that ended
    assert known[11] == 5
    assert told["b11"].quantiles[0, 2] == pytest.approx(7200, rel=0.01)


def test_durations_come_back_from_their_logarithms() -> None:
    took = np.array([0.0, 0.001, 3.0, 1e5])
    np.testing.assert_allclose(seconds(log_s(took)), took, atol=1e-9)


def test_the_protocol_scores_beside_its_rivals() -> None:
    rows = noisy(40, 10, spread=0.2, seed=7).select(
        dataset=pl.lit("one"), cycle="batch", test_id="series", duration="duration_s"
    )
    scores = {one.measure: one for one in durations.run(rows, print).scores}
    loss = scores["pinball loss"]
    assert loss.value < loss.rivals["last"]
    assert loss.is_met
    assert 0.8 < scores["in the 90 % interval"].value <= 1
    assert seeded("1,2") is not None
    assert durations.PROTOCOL.takes_seeds
