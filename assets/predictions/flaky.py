"""The newest verdict on every test case: predictions.flaky."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.partitions import newest
from assets.predictions.behind import FAILURES, KEY, builds, described_tests, failing
from assets.predictions.scoring import SOURCE, Model, Parameters, Scored, described, score_model
from assets.workspace import Workspace
from golive_core.lake import Lake


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Score every test whose evidence is new; see `score_model`."""
    return score_model(lake, model(lake), as_of=as_of, made_at=made_at)


def model(lake: Lake) -> Model:
    """Return the model, which looks up what the lake knows of tests; see `models/flaky.py`."""
    from models import co_failures
    from models import flaky as module

    def score(
        daily: pl.DataFrame, as_of: datetime, made_at: datetime
    ) -> tuple[pl.DataFrame, Parameters]:
        flaked = daily.group_by(KEY).agg(pl.sum("runs", "flakes")).filter(pl.col("flakes") > 0)
        alone = co_failures.isolated(failing(lake, daily, as_of), builds(lake, daily))
        partners = co_failures.pairs(alone, flaked.drop("flakes"))
        known = module.Known(described_tests(lake, daily), partners)
        return module.score(daily, as_of=as_of, known=known, made_at=made_at)

    return Model(module.NAME, (*module.FILES, str(co_failures.__file__)), score)


@dg.asset(
    key=core_key("predictions.flaky"),
    deps=newest([core_key(SOURCE), core_key(FAILURES)]),
    group_name="predictions",
    description="The newest verdict on every test: flaky, broken, infrastructure or healthy.",
    kinds={"scikitlearn", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_flaky(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Score every test whose evidence is new; see `models/flaky.py`."""
    return described(workspace, update(workspace.lake))
