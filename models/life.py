"""The steps in the life of a learned model, pure: evaluate, fit, decide, forecast, tell drift.

Frames hold rows of the model's table of one project. The assets in `assets/learning/` read them
from the lake, keep the files (`models/store.py`), and write what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from models import drift, gate, runs, walk_forward
from models.calibration import Calibration
from models.evaluate import Floats
from models.gate import Decision
from models.learned import Estimator, LearnedModel, matrix
from models.store import Loaded, Manifest, stamp
from models.threads import capped
from models.walk_forward import Comparison, Forecasts

SCORE = "score"
"""Name of the forecasts themselves among the columns whose drift is told."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the walk-forward evaluation of a challenger found."""

    comparison: Comparison
    calibration: Calibration
    decision: Decision


def labelled(model: LearnedModel, rows: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return the rows whose label was known at `as_of`, in order; the newest `max_rows`."""
    is_known = pl.col(model.label).is_not_null() & (pl.col(model.known_at) <= as_of)
    return rows.filter(is_known).sort(model.at, *model.key).tail(model.max_rows)


def lacking(model: LearnedModel, rows: int, events: int) -> str:
    """Return why so many labelled rows and events are too few to learn from, "" if they are not."""
    rarer = min(events, rows - events)
    if rows < model.fewest_rows:
        return f"{rows} of {model.fewest_rows} cases that it takes"
    if rarer < model.fewest_events:
        return f"{rarer} of {model.fewest_events} cases of the rarer kind that it takes"
    return ""


def evaluate(
    model: LearnedModel, rows: pl.DataFrame, champion: Loaded, threads: int
) -> Evaluated | None:
    """Return the walk-forward comparison on labelled rows, and what becomes of the challenger.

    None where no step could be fitted.
    """
    told = walk_forward.forecasts(model, rows, threads)
    if told is None:
        return None
    now = walk_forward.compare(told, model.loss)
    decision = gate.decide(
        now,
        is_learned=champion.manifest is not None,
        champion_wins=champion_wins(model, told, champion, rows),
    )
    return Evaluated(now, told.calibration(), decision)


def fit(model: LearnedModel, rows: pl.DataFrame, threads: int) -> Estimator:
    """Return the model fitted to labelled rows on at most `threads` threads."""
    with capped(threads):
        return model.fit(rows, threads)


def manifest(
    model: LearnedModel, rows: pl.DataFrame, estimator: Estimator, *, model_id: str,
    as_of: datetime, made_at: datetime, metrics: dict[str, Any], line: Calibration,
) -> Manifest:  # fmt: skip
    """Return how a fit to labelled rows came about; the store seals it."""
    told = line.apply(model.predict(estimator, rows))
    return Manifest(
        model_id=model_id, name=model.name, project_id=str(rows["project_id"][0]),
        code_version=runs.code_version(model.files), data_hash=data_hash(model, rows),
        trained_at=stamp(made_at), as_of=stamp(as_of), rows=rows.height,
        events=int(model.truth(rows).sum()), features=dict(model.features),
        reference=drift.reference({**columns(model, rows), SCORE: told}),
        metrics=metrics, calibration=line.cells(), heuristic=model.heuristic_name,
    )  # fmt: skip


def data_hash(model: LearnedModel, rows: pl.DataFrame) -> str:
    """Return the digest of what a fit reads: key, time, label and features."""
    return runs.data_hash(rows.select(model.columns()))


def columns(model: LearnedModel, rows: pl.DataFrame) -> dict[str, Floats]:
    """Return each feature as floats of shape `(rows,)`, NaN where it is not known."""
    cells = matrix(rows, model.features)
    return {name: cells[:, at] for at, name in enumerate(model.features)}


def forecast(
    model: LearnedModel, champion: Loaded, past: pl.DataFrame, rows: pl.DataFrame
) -> Floats:
    """Return P(label) of rows, shape `(rows,)`, by the champion, else by the heuristic.

    `past` are labelled rows from before them, for the heuristic.
    """
    if champion.manifest is None:
        return np.asarray(model.heuristic(past, rows), dtype=np.float64)
    line = Calibration.of(champion.manifest.calibration)
    return line.apply(np.asarray(model.predict(champion.estimator, rows), dtype=np.float64))


def champion_wins(
    model: LearnedModel, told: Forecasts, champion: Loaded, rows: pl.DataFrame
) -> float | None:
    """Return how surely a learned champion is better than the challenger on what it has not seen.

    As a share of resamples, over rows since it was fitted; None where those are too few.
    """
    if champion.manifest is None:
        return None
    seen = datetime.fromisoformat(champion.manifest.as_of)
    fresh = told.since(seen)
    if fresh.group.n_unique() < walk_forward.FEWEST_GROUPS:
        return None
    unseen = rows.filter(pl.col(model.at) > seen).tail(len(fresh.truth))
    score = walk_forward.LOSSES[model.loss]
    ours = score(fresh.truth, forecast(model, champion, unseen.clear(), unseen))
    lifts = walk_forward.resampled(ours, score(fresh.truth, fresh.learned), fresh.group)
    return float((lifts > 0).mean())


def shifts(model: LearnedModel, champion: Loaded, rows: pl.DataFrame) -> list[drift.Shift]:
    """Return the drift of features and scores since the champion's fit; labels are not read."""
    known = champion.manifest
    if known is None:
        return []
    fresh = rows.filter(pl.col(model.at) > datetime.fromisoformat(known.as_of))
    if fresh.height < drift.FEWEST:
        return []
    told = forecast(model, champion, fresh.clear(), fresh)
    return drift.shifts(known.reference, {**columns(model, fresh), SCORE: told})
