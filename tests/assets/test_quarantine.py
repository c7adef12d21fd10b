"""No planted regression of the simulator is quarantined, and flaky tests are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assets import predictions, refresh
from assets.quarantine import judged, last_flakes
from golive_core import schema
from golive_core.lake import Lake
from models.quarantine import allowed
from models.simulate import Shape, parts, world

pytestmark = pytest.mark.slow

END = datetime(2026, 11, 24, 9, tzinfo=UTC)
SHAPE = Shape(regressions=10, outages=2, wide_share=0.1, flaky_share=0.06)
MARTS = ("marts.main_branches", "marts.build_tests", "marts.test_daily")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_planted_regression_is_quarantined(lake: Lake, seed: int) -> None:
    plan = world(seed=seed, builds=200, tests=300, days=40, end=END, shape=SHAPE)
    for frames in parts(plan, builds_per_part=200):
        with lake.transaction("simulate") as txn:
            for name, frame in frames.items():
                put = txn.append if schema.find(name).is_fact else txn.merge
                put(name, frame)
    for mart in refresh.marts():
        if mart.table in MARTS:
            refresh.refresh(lake, mart)
    predictions.score(lake)
    truth = plan.truth()
    set_aside = judged(lake).filter(allowed())
    assert set_aside.height > 0
    regressed = truth["regressions"]
    steady = truth["tests"].filter(flake_rate=0)["test_id"]
    planted = regressed.filter(regressed["test_id"].is_in(steady.to_list()))["test_id"]
    still = regressed.filter(regressed["fixed_sha"].is_null(), branch="main")["test_id"]
    wrong = {*planted.to_list(), *still.to_list()}
    assert planted.n_unique() > 5
    assert set(set_aside["test_id"].to_list()) & wrong == set()
    flakes = last_flakes(lake, set_aside["test_id"].to_list())
    assert flakes["commit"].null_count() == 0
    assert flakes.group_by("test_id").len()["len"].max() == 3
