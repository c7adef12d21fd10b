"""The newest verdict on every test case: predictions.flaky."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.partitions import newest
from assets.predictions.scoring import SOURCE, Model, Parameters, Scored, described, score_model
from assets.workspace import Workspace
from golive_core.lake import Lake


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Score every test whose evidence is new; see `score_model`."""
    return score_model(lake, model(), as_of=as_of, made_at=made_at)


def model() -> Model:
    """Return the model; see `models/flaky.py`."""
    from models import flaky as module

    def score(
        daily: pl.DataFrame, as_of: datetime, made_at: datetime
    ) -> tuple[pl.DataFrame, Parameters]:
        return module.score(daily, as_of=as_of, made_at=made_at)

    return Model(module.NAME, module.FILES, score)


@dg.asset(
    key=core_key("predictions.flaky"),
    deps=newest([core_key(SOURCE)]),
    group_name="predictions",
    description="The newest verdict on every test: flaky, broken, infrastructure or healthy.",
    kinds={"scikitlearn", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_flaky(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Score every test whose evidence is new; see `models/flaky.py`."""
    return described(workspace, update(workspace.lake))
