"""Forecasts of builds: humble at first, learned where that is better, always with reasons."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from build_worlds import build, labelled, simulated

from models import build_failure, build_state, evaluate, life
from models.build_cases import alike
from models.build_failure import LEARNED, Teller, cells, forecast, interval, leaf_weights
from models.build_features import OUTCOME, features
from models.build_state import STATES
from models.protocols import build_failure as protocol

RULE = Teller(LEARNED.heuristic_name)


def of(
    builds: list[dict[str, Any]], asked: dict[str, Any], teller: Teller = RULE
) -> dict[str, Any]:
    """Return what is said of a build to come after others."""
    past = pl.DataFrame([*builds, asked], infer_schema_length=None)
    found = features(past.drop(list(OUTCOME)), past)
    ended = found.join(past.select("build_id", "failed", "known_at"), on="build_id")
    is_asked = pl.col("build_id") == asked["build_id"]
    told = forecast(ended.filter(~is_asked), found.filter(is_asked), teller)
    return told.row(0, named=True)


@cache
def fitted() -> Any:
    return LEARNED.fit(labelled()[:150], 1)


def test_a_new_project_gets_a_wide_interval_and_is_told_why() -> None:
    said = of([], build(1, 0))
    assert said["high"] - said["low"] > 0.4
    assert said["reasons"] == [
        "no build of this branch yet",
        "no build of the pipeline was in this state yet: an opinion, hardly data",
    ]
    assert said["cases"] == []


def test_after_twenty_builds_it_is_still_humble() -> None:
    past = [build(number, number, failed=number % 7 == 3) for number in range(20)]
    said = of(past, build(20, 30))
    assert said["low"] < said["probability"] < said["high"]
    assert 0.15 < said["high"] - said["low"] < 0.5
    assert len(said["cases"]) == 2
    assert not life.lacking(LEARNED, 200, 50)
    assert life.lacking(LEARNED, 20, 3)


def test_a_failing_branch_fails_rather_than_a_passing_one() -> None:
    spells = [5, 6, 7, 8, 15, 16, 17, 18, 19]
    past = [build(number, number, failed=number in spells) for number in range(20)]
    failing, passing = of(past, build(20, 30)), of(past[:15], build(20, 30))
    assert failing["probability"] > 2 * passing["probability"]
    assert failing["reasons"] == [
        "main has failed in 5 builds in a row, the last pass was 16 hours ago",
        "5 of 6 such builds of the pipeline (main line) failed",
    ]
    assert passing["reasons"][0].startswith("the last build of main passed; of its last 15 about")


def test_a_state_learns_from_the_project_and_then_from_its_own_line() -> None:
    past = [build(n, n, failed=False) for n in range(30)]
    past += [build(n, n, failed=n > 45, pipeline_id="night") for n in range(40, 60)]
    day, night = of(past, build(99, 70)), of(past, build(99, 70, pipeline_id="release"))
    assert day["probability"] < night["probability"]
    assert night["high"] - night["low"] > day["high"] - day["low"]


def test_cases_name_the_builds_with_the_same_files() -> None:
    past = [
        build(n, n, paths=["z.py" if n in (4, 9) else "a.py"], failed=n == 9) for n in range(20)
    ]
    said = of(past, build(20, 30, paths=["z.py", "q.py"], author="Eve"))
    assert [case.split(" ")[0] for case in said["cases"]] == ["ci#9", "ci#4"]
    assert said["cases"][0].endswith("changed z.py too: failed")
    assert said["cases"][1].endswith("changed z.py too: passed")


def test_what_was_not_known_yet_is_not_counted() -> None:
    rows = labelled()
    asked = rows[100:101]
    now = forecast(rows, asked, RULE)
    then = forecast(rows.filter(pl.col("known_at") <= asked["as_of"][0]), asked, RULE)
    assert now.equals(then)


def test_the_forest_is_a_weighted_mean_of_past_builds() -> None:
    """So its weights may say which builds a forecast stands on, and how many."""
    past, rows = labelled()[:150], labelled()[150:160]
    weights = leaf_weights(fitted(), past, rows)
    truth = past["failed"].cast(pl.Float64).to_numpy()
    told = fitted()["forest"].predict_proba(cells(rows))[:, 1]
    np.testing.assert_allclose(weights @ truth, told, atol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_the_more_builds_stand_behind_a_forecast_the_surer_it_is() -> None:
    told = np.array([0.3, 0.3])
    few, many = np.full(100, 0.0), np.full(100, 0.01)
    few[:4] = 0.25
    low, high = interval(told, np.array([few, many]))
    assert (low < told).all()
    assert (told < high).all()
    assert high[0] - low[0] > 3 * (high[1] - low[1])


def test_a_learned_forecast_tells_effects_and_cases() -> None:
    past, rows = labelled()[:150], labelled()[150:160]
    teller = Teller("build_failure-v1", fitted(), lift=0.1)
    told = forecast(past, rows, teller).to_dicts()
    for one in told:
        assert one["low"] <= one["probability"] <= one["high"]
        assert 1 <= len(one["reasons"]) <= 4
        assert all(" points: " in reason for reason in one["reasons"])
        assert len(one["cases"]) == 2
        assert one["cases"][0].endswith((": failed", ": passed"))
    assert len({one["reasons"][0] for one in told}) > 3


def test_the_learned_model_tells_more_than_a_constant_on_a_history_of_its_own() -> None:
    rows = labelled(12, 500)
    half = rows.height // 2
    made = LEARNED.fit(rows[:half], 1)
    truth = LEARNED.truth(rows[half:])
    told = LEARNED.predict(made, rows[half:])
    share = float(LEARNED.truth(rows[:half]).mean())
    from sklearn.metrics import roc_auc_score

    assert roc_auc_score(truth, told) > 0.7
    assert evaluate.brier(truth, told) < evaluate.brier(truth, np.full(len(truth), share))


def test_every_state_has_its_rule_and_every_row_a_state() -> None:
    rows = labelled(12, 500)
    seen = set(rows.select(build_state.state()).to_series())
    assert seen <= set(STATES)
    assert len(seen) >= 5
    assert LEARNED.predict(fitted(), rows.clear()).shape == (0,)
    assert alike(rows.clear(), rows[:2]).shape == (2, 0)


def test_the_protocol_scores_all_builds_beside_simple_forecasts() -> None:
    outcome = protocol.run(simulated(12, 500), lambda _: None)
    scores = {one.measure: one for one in outcome.scores}
    assert scores["Brier"].is_met
    assert scores["AUC"].value > scores["AUC"].rivals["last result"]
    assert set(scores["calibration error"].rivals) == {
        "constant", "last result", LEARNED.heuristic_name
    }  # fmt: skip
    [row] = outcome.tables["by project"].to_dicts()
    assert row["builds"] == labelled(12, 500).height
    assert len(outcome.curves["build_failure"][0]) == row["builds"]


def test_the_protocol_takes_a_file_of_the_columns_it_needs() -> None:
    needed = simulated().select(protocol.PROTOCOL.columns)
    outcome = protocol.run(needed, lambda _: None)
    assert {one.measure for one in outcome.scores} >= {"AUC", "Brier"}


@pytest.mark.parametrize("text", ["sklearn", "scipy", "skops"])
def test_the_file_of_a_learned_model_imports_nothing_heavy(text: str) -> None:
    import subprocess
    import sys

    script = f"import sys, models.build_failure; sys.exit('{text}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_version_changes_with_its_files() -> None:
    assert build_failure.__file__ in LEARNED.files
    assert len(set(LEARNED.files)) == len(LEARNED.files) == 6
