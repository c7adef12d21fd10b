"""Predictions in the lake, one file a model, found by looking.

A file has an asset, and `update(lake, *, as_of, made_at) -> Scored`, which brings its table up to
date and knows no Dagster. What several of them share is in `scoring.py`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType

from assets.predictions.scoring import Scored, evidence_rows, score_model
from golive_core.lake import Lake

__all__ = ["Scored", "evidence_rows", "modules", "score", "score_model"]


def modules() -> Iterator[ModuleType]:
    """Yield the module of every model."""
    for one in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(one.name)
        if hasattr(module, "update"):
            yield module


def score(
    lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None
) -> list[Scored]:
    """Bring every prediction up to date; `as_of` and `made_at` as in `score_model`."""
    return [module.update(lake, as_of=as_of, made_at=made_at) for module in modules()]
