"""A simulated lake end to end: causes, clusters and costs beside planted truth, told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from assets import predictions, refresh
from assets.predictions import flaky_details
from assets.protocols import simulator
from golive_core.lake import Lake
from golive_core.settings import Rates
from models.simulate import world

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Told:
    """A judged lake and what was planted in it."""

    lake: Lake
    truth: Mapping[str, pl.DataFrame]

    def details(self) -> pl.DataFrame:
        planted = self.truth["tests"].rename({"cause": "true_cause", "co_flaky_group": "group"})
        rows = self.lake.query(
            "select detail.*, verdict.verdict, verdict.rate from predictions.flaky_details as "
            "detail inner join predictions.flaky as verdict on detail.test_id = verdict.test_id"
        )
        return rows.join(planted, on="test_id")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    lake = Lake(Path(tmp_path_factory.mktemp("told")) / "lake")
    plan = world(seed=8, builds=250, tests=600, days=50, end=simulator.END, shape=simulator.SHAPE)
    simulator.write(lake, plan)
    for mart in refresh.marts():
        if mart.table in simulator.MARTS:
            refresh.refresh(lake, mart)
    predictions.score(lake)
    return Told(lake, plan.truth())


def test_the_planted_cause_is_told_of_nearly_every_flaky_test(told: Told) -> None:
    flaky = told.details().filter(pl.col("is_flaky"), verdict="flaky")
    assert flaky.height >= 5
    assert (flaky["cause"] == flaky["true_cause"]).mean() >= 0.9
    assert flaky["cause_evidence"].null_count() == 0


def test_groups_that_were_planted_are_found(told: Told) -> None:
    flaky = told.details().filter(pl.col("is_flaky"), verdict="flaky")
    groups = flaky.drop_nulls("group").group_by("group").agg(pl.len(), pl.n_unique("cluster_id"))
    together = groups.filter(pl.col("len") > 1)
    assert together.height > 0
    assert together["cluster_id"].to_list() == [1] * together.height
    sizes = told.lake.query("select tests, lift, shared from predictions.flaky_clusters")
    assert sizes["tests"].min() >= 2
    assert sizes["lift"].min() > 1


def test_what_flakes_more_costs_more(told: Told) -> None:
    rows = told.details().filter(verdict="flaky").sort("rate")
    assert rows["cost_usd_week"].to_list()[-1] > rows["cost_usd_week"].to_list()[0] > 0
    assert (rows["cost_wait_minutes_week"] <= rows["cost_minutes_week"]).all()


def test_nothing_is_told_twice_until_a_price_changes(told: Told) -> None:
    before = told.lake.version()
    assert flaky_details.update(told.lake).written is None
    assert told.lake.version() == before
    old = told.details().filter(verdict="flaky")["cost_usd_week"].sum()
    dear = flaky_details.update(told.lake, rates=Rates(0.008, 120.0))
    assert dear.written is not None
    assert told.details().filter(verdict="flaky")["cost_usd_week"].sum() > 1.5 * old


def test_the_protocol_stands_scores_beside_truth() -> None:
    rows = simulator.history(5, 60, tests=300)
    assert rows.height == 300
    assert simulator.recall(rows, pl.lit(value=True)) == 1
    assert simulator.precision(rows, pl.col("is_true")) == 1
    assert simulator.precision(rows, simulator.CALLED) >= simulator.precision(rows, simulator.USUAL)
