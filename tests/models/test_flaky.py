"""Verdicts, probabilities and reasons of the flaky posterior, case by case."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from daily import at, failing, frame, passing, row

from golive_core import schema
from models import flaky
from models.rates import Fading, Prior, posteriors

NOW = at(30)
HEALTHY = [passing(test, 0, runs=400) for test in range(100, 300)]


def score(*rows: dict[str, object], crowd: bool = True) -> pl.DataFrame:
    """Score hand-made days, among 200 healthy tests unless alone."""
    daily = frame(*rows, *(HEALTHY if crowd else []))
    found, _ = flaky.score(daily, as_of=NOW, made_at=NOW)
    return found


def one(*rows: dict[str, object], crowd: bool = True) -> dict[str, object]:
    """Return the row of test 1."""
    return score(*rows, crowd=crowd).filter(test_id=1).row(0, named=True)


def test_a_test_that_always_passes_is_healthy_and_surely_so() -> None:
    found = one(passing(1, 0, runs=400))
    assert found["verdict"] == "healthy"
    assert found["probability"] < 0.01
    assert found["reasons"] == ["passed all 400 judged attempts"]


def test_a_test_that_always_fails_is_broken_since_its_first_run() -> None:
    found = one(failing(1, 0), failing(1, 1))
    assert found["verdict"] == "broken"
    assert (found["broken_since_sha"], found["broken_since_at"]) == ("c0", at(0))
    assert (
        "fails since commit c0 (2026-03-02 09:00 UTC), 8 attempts in a row" in found["reasons"][0]
    )


def test_a_test_that_fails_since_a_commit_is_broken_not_flaky() -> None:
    found = one(passing(1, 0, runs=200), failing(1, 5, runs=30))
    assert found["verdict"] == "broken"
    assert found["broken_since_sha"] == "c5"
    assert (found["attempts"], found["failures"], found["flakes"]) == (230, 30, 0)
    assert found["probability"] < 0.05


def test_what_was_broken_once_and_passes_now_is_healthy() -> None:
    found = one(failing(1, 0, runs=30), passing(1, 5, runs=200))
    assert found["verdict"] == "healthy"
    assert found["broken_since_sha"] is None
    assert "30 of these failures lasted: kept apart as broken code" in found["reasons"]


def test_passes_on_retry_make_a_test_flaky() -> None:
    found = one(passing(1, 0, runs=206, trials=212, flakes=7, retry_passes=5, mixed_commits=2))
    assert found["verdict"] == "flaky"
    assert found["rate_low"] < 7 / 212 < found["rate_high"]
    assert found["reasons"][0] == "failed 7 of 212 judged attempts"
    assert found["reasons"][1].startswith("7 of these failures contradicted by a pass (5 retry")


def test_one_flake_in_a_long_history_is_noise() -> None:
    found = one(passing(1, 0, runs=400, flakes=1))
    assert found["verdict"] == "healthy"
    assert found["probability"] < 0.1


def test_a_failure_in_an_outage_is_the_infrastructure_while_it_lasts() -> None:
    away = row(1, 1, runs=2, errored=2, outage_failures=2, failing_since_at=at(1))
    assert one(passing(1, 0, runs=100), away)["verdict"] == "infrastructure"
    back = one(passing(1, 0, runs=100), away, passing(1, 2))
    assert back["verdict"] == "healthy"
    assert back["probability"] < 0.05
    assert "put down to infrastructure" in " ".join(back["reasons"])


def test_one_failure_at_the_end_is_not_yet_broken() -> None:
    found = one(passing(1, 0, runs=100), failing(1, 1, runs=1, lasting_failures=0))
    assert found["verdict"] == "healthy"


def test_a_very_flaky_test_that_failed_twice_is_flaky_rather_than_broken() -> None:
    found = one(
        passing(1, 0, runs=60, trials=100, flakes=40), failing(1, 1, runs=2, lasting_failures=0)
    )
    assert found["verdict"] == "flaky"


def test_a_flaky_test_that_stays_red_is_broken() -> None:
    found = one(passing(1, 0, runs=95, trials=100, flakes=5), failing(1, 1, runs=12))
    assert found["verdict"] == "broken"
    assert found["probability"] > 0.9


def test_a_tiny_history_gets_a_wide_interval_and_says_so() -> None:
    tiny = one(passing(1, 0, runs=3), crowd=False)
    long = one(passing(1, 0, runs=400), crowd=False)
    assert tiny["rate_high"] - tiny["rate_low"] > 4 * (long["rate_high"] - long["rate_low"])
    assert any("more attempts will tell" in one for one in tiny["reasons"])
    assert tiny["shown_by_now"] < 0.3
    assert tiny["reasons"][-1].startswith("of flaky tests like those of this project,")


def test_a_test_without_a_judged_attempt_gets_the_prior() -> None:
    found = one(row(1, 0, runs=1))
    assert found["attempts"] == 0
    assert found["reasons"][0] == "no attempt could be judged yet"
    assert 0 < found["probability"] < 0.2


def test_more_flakes_at_the_same_number_of_trials_are_never_less_probable() -> None:
    rows = [passing(test, 0, runs=200, trials=200, flakes=test) for test in range(12)]
    found = score(*rows).filter(pl.col("test_id") < 12)["probability"].to_numpy()
    assert (np.diff(found) > 0).all()


def test_the_prior_is_found_again_from_counts_without_labels() -> None:
    rng = np.random.default_rng(2)
    is_flaky = rng.random(20_000) < 0.02
    rates = np.where(is_flaky, rng.beta(1.2, 20, 20_000), 0.0005)
    trials = rng.integers(300, 500, 20_000)
    found = flaky.fit(rng.binomial(trials, rates).astype(float), trials.astype(float))
    assert found.flaky_share == pytest.approx(0.02, abs=0.003)
    assert found.noise == pytest.approx(0.0005, rel=0.1)
    logits = np.log(rates[is_flaky] / (1 - rates[is_flaky]))
    assert np.log(found.rate / (1 - found.rate)) == pytest.approx(np.median(logits), abs=0.25)


def test_probabilities_are_calibrated_on_draws_from_the_prior() -> None:
    rng = np.random.default_rng(3)
    prior = Prior(0.05, 0.0005, 3000.0, 0.03, 1.0)
    is_flaky = rng.random(40_000) < 0.05
    of_flaky = 1 / (1 + np.exp(-rng.normal(np.log(0.03 / 0.97), 1.0, 40_000)))
    rates = np.where(is_flaky, of_flaky, rng.beta(1.5, 2998.5, 40_000))
    trials = rng.integers(20, 300, 40_000)
    flakes = rng.binomial(trials, rates).astype(float)
    still = Fading((1.0,), half_life=1e9, life=1e9)
    told = posteriors(
        flakes[:, None], trials[:, None].astype(float), np.full(40_000, 0.05), prior, still
    )
    said = np.concatenate([one.above(0.01) for one in told])
    for low, high in ((0.1, 0.4), (0.4, 0.7), (0.7, 0.95)):
        inside = (said > low) & (said <= high)
        assert (rates[inside] > 0.01).mean() == pytest.approx(said[inside].mean(), abs=0.06)


def test_each_project_has_a_prior_of_its_own() -> None:
    noisy = [
        passing(test, 0, runs=100, trials=100, flakes=test % 9, project="noisy")
        for test in range(60)
    ]
    daily = frame(*noisy, *HEALTHY)
    _, priors = flaky.score(daily, as_of=NOW)
    assert priors["noisy"]["flaky_share"] > 5 * priors["shop"]["flaky_share"]


def test_rows_are_those_of_the_table_and_none_for_no_evidence() -> None:
    found = score(passing(1, 0))
    assert found.schema == schema.FLAKY.schema
    assert found["model_id"].unique().to_list() == ["flaky-20260401T090000.000000Z"]
    empty, priors = flaky.score(frame(), as_of=NOW)
    assert empty.schema == schema.FLAKY.schema
    assert empty.is_empty()
    assert priors == {}


def test_a_higher_threshold_makes_fewer_tests_flaky() -> None:
    rows = [passing(test, 0, runs=200, flakes=6) for test in range(5)]
    daily = frame(*rows, *HEALTHY)
    strict, _ = flaky.score(daily, as_of=NOW, threshold=0.01)
    lax, _ = flaky.score(daily, as_of=NOW, threshold=0.10)
    assert strict.filter(verdict="flaky").height == 5
    assert lax.filter(verdict="flaky").height == 0
