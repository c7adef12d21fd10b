"""Who scores a project now: what the assets of `assets/predictions/` ask for forecasts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models import life
from models.evaluate import Floats
from models.learned import LearnedModel
from models.store import Loaded, Store

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Champion:
    """The champion of one model for one project, loaded and verified."""

    model: LearnedModel
    loaded: Loaded

    @classmethod
    def of(cls, home: Path, model: LearnedModel, project_id: str) -> Champion:
        """Return the champion; what is wrong with its files is logged, and a stand-in scores."""
        loaded = Store(home, model.name, project_id).champion(model.types)
        if loaded.trouble:
            LOG.warning("%s of %s: %s", model.name, project_id, loaded.trouble)
        return cls(model, loaded)

    @property
    def by(self) -> str:
        """The version that scores, or the name of the heuristic."""
        return self.loaded.manifest.model_id if self.loaded.manifest else self.model.heuristic_name

    @property
    def is_learned(self) -> bool:
        """Tell whether a learned version scores."""
        return self.loaded.manifest is not None

    def forecast(self, past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
        """Return calibrated P(label) of rows of the model's table, shape `(rows,)`.

        `past` are labelled rows from before them (`rows.window`), which the heuristic counts in.
        """
        return life.forecast(self.model, self.loaded, past, rows)
