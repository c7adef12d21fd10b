"""The comparison of learned and heuristic forecasts: only from the past, with its uncertainty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import calibration, drift, evaluate, gate, learners, life, walk_forward
from models.learned import LearnedModel, matrix
from models.store import Loaded

START = datetime(2026, 1, 1, tzinfo=UTC)
FEATURES = {"x": "what decides", "noise": "what does not"}
AS_OF = START + timedelta(days=1000)


def cases(count: int = 600, *, weight: float = 2.0, seed: int = 0) -> pl.DataFrame:
    """Return cases whose log odds are `weight * x - 1`, twelve a day, known two hours later."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    at = [START + timedelta(hours=2 * number) for number in range(count)]
    return pl.DataFrame(
        {
            "project_id": "shop",
            "case": np.arange(count),
            "at": at,
            "known_at": [one + timedelta(hours=2) for one in at],
            "day": [one.date() for one in at],
            "x": x,
            "noise": rng.normal(size=count),
            "failed": rng.random(count) < calibration.expit(weight * x - 1),
        },
        schema_overrides={"at": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC")},
    )


def fit(rows: pl.DataFrame, threads: int) -> learners.Classifier:
    assert threads == 1
    return learners.logistic(1.0).fit(matrix(rows, FEATURES), rows["failed"].cast(float).to_numpy())


def rate(past: pl.DataFrame, rows: pl.DataFrame) -> np.ndarray:
    return np.full(rows.height, (past["failed"].sum() + 1) / (past.height + 2))


MODEL = LearnedModel(
    name="case", title="whether a case fails", table="marts.cases", key=("case",),
    features=FEATURES, label="failed", fit=fit, heuristic=rate, heuristic_name="past rate",
    files=(__file__,), predict=lambda fitted, rows: learners.chance(fitted, matrix(rows, FEATURES)),
)  # fmt: skip


def evaluated(rows: pl.DataFrame, model: LearnedModel = MODEL) -> life.Evaluated:
    found = life.evaluate(model, life.labelled(model, rows, AS_OF), Loaded(None), 1)
    assert found is not None
    return found


def test_a_model_that_knows_more_wins() -> None:
    found = evaluated(cases())
    assert found.decision.word == "promote"
    said = found.comparison
    assert said.win > 0.99
    assert 0 < said.lift_low < said.lift < said.lift_high
    assert said.brier < said.brier_constant
    assert said.precision > said.precision_heuristic
    assert said.rows == pytest.approx(360, abs=2)


def test_a_model_that_learns_noise_does_not_replace_the_heuristic() -> None:
    decisions = [evaluated(cases(300, weight=0.0, seed=seed)).decision.word for seed in range(8)]
    assert decisions == ["keep"] * 8


def test_no_forecast_changes_when_the_future_does() -> None:
    rows = cases()
    middle = rows["at"][450]
    told = walk_forward.forecasts(MODEL, rows, 1)
    flipped = rows.with_columns(
        failed=pl.when(pl.col("at") >= middle).then(~pl.col("failed")).otherwise("failed")
    )
    other = walk_forward.forecasts(MODEL, flipped, 1)
    assert told is not None
    assert other is not None
    before = (told.at < middle).to_numpy()
    assert before.sum() > 150
    for name in ("learned", "raw", "heuristic", "constant"):
        assert np.array_equal(getattr(told, name)[before], getattr(other, name)[before])
    assert not np.array_equal(told.learned[~before], other.learned[~before])


def test_a_label_that_came_late_is_not_known_to_earlier_steps() -> None:
    seen: list[datetime] = []

    def spying(rows: pl.DataFrame, threads: int) -> learners.Classifier:
        seen.append(rows["known_at"].max())
        return fit(rows, threads)

    rows = cases().with_columns(known_at=pl.col("at") + pl.duration(days=3))
    model = replace(MODEL, fit=spying)
    starts = [step["at"].min() for step in walk_forward.steps(model, rows)]
    walk_forward.forecasts(model, rows, 1)
    assert len(seen) == len(starts) == walk_forward.STEPS
    assert all(known < start for known, start in zip(seen, starts, strict=True))


def test_cases_whose_end_is_not_known_are_left_out_of_training() -> None:
    rows = cases(100).with_columns(
        failed=pl.when(pl.col("case") >= 90).then(None).otherwise("failed")
    )
    assert life.labelled(MODEL, rows, AS_OF).height == 90
    assert life.labelled(MODEL, rows, rows["known_at"][49]).height == 50
    assert life.labelled(replace(MODEL, max_rows=20), rows, AS_OF)["case"].to_list() == list(
        range(70, 90)
    )


def test_what_is_too_little_to_learn_from_is_told() -> None:
    assert life.lacking(MODEL, 34, 10) == "34 of 200 cases that it takes"
    assert life.lacking(MODEL, 400, 390) == "10 of 20 cases of the rarer kind that it takes"
    assert life.lacking(MODEL, 400, 200) == ""
    assert life.evaluate(MODEL, cases(50).filter(~pl.col("failed")), Loaded(None), 1) is None


def test_days_are_drawn_not_rows() -> None:
    """A hundred equal rows of one day are one observation: the interval must not shrink."""
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(30), rng.random(30)
    day = pl.Series(range(30))
    once = walk_forward.resampled(ours, theirs, day)
    often = walk_forward.resampled(
        np.repeat(ours, 100), np.repeat(theirs, 100), pl.Series(np.repeat(day.to_numpy(), 100))
    )
    assert np.allclose(once, often)


def test_the_gate_is_rarely_passed_by_luck() -> None:
    """Of forecasts that are equally good, about one in twenty wins 95 % of resamples."""
    rng = np.random.default_rng(3)
    wins = [
        (walk_forward.resampled(rng.random(40), rng.random(40), pl.Series(range(40))) > 0).mean()
        for _ in range(200)
    ]
    assert np.mean(np.array(wins) >= gate.WIN) < 0.1


@pytest.mark.parametrize(("is_learned", "change", "champion_wins", "word"), [
    (False, {}, None, "promote"),
    (False, {"win": 0.9}, None, "keep"),
    (False, {"groups": 5}, None, "keep"),
    (False, {"brier": 0.3}, None, "keep"),
    (True, {"win": 0.9}, None, "promote"),
    (True, {"win": 0.4}, None, "retire"),
    (True, {"brier": 0.3}, None, "retire"),
    (True, {"groups": 5}, None, "keep"),
    (True, {}, 0.97, "keep"),
    (True, {}, 0.5, "promote"),
])  # fmt: skip
def test_the_gate(
    is_learned: bool, change: dict[str, Any], champion_wins: float | None, word: str
) -> None:
    good = replace(evaluated(cases(300)).comparison, win=0.99, groups=30, brier=0.1,
                   brier_constant=0.2)  # fmt: skip
    found = gate.decide(replace(good, **change), is_learned=is_learned, champion_wins=champion_wins)
    assert found.word == word
    assert found.reason


def test_calibration_mends_forecasts_that_are_too_sure() -> None:
    rng = np.random.default_rng(0)
    honest = calibration.expit(rng.normal(size=4000))
    truth = (rng.random(4000) < honest).astype(float)
    bold = calibration.expit(3 * calibration.logit(honest) + 1)
    line = calibration.fit(truth, bold)
    assert evaluate.calibration_error(truth, bold) > 0.1
    assert evaluate.calibration_error(truth, line.apply(bold)) < 0.03
    assert calibration.Calibration.of(line.cells()) == line


def test_a_few_forecasts_hardly_move_the_calibration() -> None:
    line = calibration.fit(np.array([1.0, 1.0]), np.array([0.1, 0.2]))
    assert 0 <= line.intercept < 2
    assert 0.5 < line.slope < 1.5
    assert calibration.fit(np.array([]), np.array([])) == calibration.Calibration()


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_average_precision_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(seed)
    truth, told = (rng.random(30) < 0.3).astype(float), rng.integers(0, 8, 30) / 8
    if truth.any():
        expected = average_precision_score(truth, told)
        assert walk_forward.average_precision(truth, told) == pytest.approx(expected)


def test_drift_is_told_where_it_is_and_not_where_it_is_not() -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=2000) for name in ("same", "moved", "lost")}
    known = drift.reference(columns)
    assert known["same"]["counts"][-1] == 0
    new = {"same": rng.normal(size=500), "moved": rng.normal(1, 1, 500),
           "lost": np.where(rng.random(500) < 0.5, np.nan, rng.normal(size=500))}  # fmt: skip
    found = {one.name: one.verdict for one in drift.shifts(known, new)}
    assert found == {"same": "steady", "moved": "much", "lost": "much"}
    assert drift.shifts(known, {"same": np.zeros(drift.FEWEST - 1)}) == []


def test_small_samples_without_drift_stay_steady() -> None:
    rng = np.random.default_rng(1)
    known = drift.reference({"x": rng.normal(size=300)})
    told = [drift.shifts(known, {"x": rng.normal(size=60)})[0] for _ in range(200)]
    assert sum(one.psi >= drift.MUCH for one in told) > 10  # the plain rule of thumb
    assert sum(one.verdict != "steady" for one in told) <= 3


def test_threads_are_capped_while_a_model_is_fitted() -> None:
    from threadpoolctl import threadpool_info

    seen: list[int] = []

    def watched(rows: pl.DataFrame, threads: int) -> learners.Classifier:
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return fit(rows, threads)

    life.fit(replace(MODEL, fit=watched), cases(100), 1)
    assert seen
    assert set(seen) == {1}
