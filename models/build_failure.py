"""Will a build fail? Told before it starts, with an interval, reasons and the nearest past cases.

The rule of `models/build_state.py` speaks first. Extremely randomised trees (Geurts et al. 2006) on
the features of `models/build_features.py` take over in a project where they win a walk-forward
comparison on its own past. Their forecast is a weighted mean of past builds (Meinshausen 2006): the
weights say which builds it stands on and how many that are, hence the interval and the cases.
See `docs/models/build_failure.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from models import build_features, build_history, build_paths, build_reasons, build_state, timeline
from models.build_cases import alike, told_of
from models.build_features import NAMES, matrix
from models.evaluate import Floats
from models.learned import Estimator, LearnedModel

if TYPE_CHECKING:
    from models.learners import Classifier

NAME = "build_failure"
TREES = 200
LEAF = 5
SHARE = 0.4
"""Sizes of the forest, chosen on simulated histories that the figures do not use."""
EDGE = 0.01
"""Nobody is surer than that of a build."""
FILES = tuple(
    str(module.__file__)
    for module in (build_features, build_history, build_paths, build_state, timeline)
)


def fit(rows: pl.DataFrame, threads: int) -> Estimator:
    """Return trees fitted to rows with `failed` known; `models.threads` caps their threads."""
    from models import learners

    del threads
    forest = learners.trees(TREES, leaf=LEAF, features=SHARE)
    return forest.fit(matrix(rows), rows["failed"].cast(pl.Float64).to_numpy())


def predict(fitted: Estimator, rows: pl.DataFrame) -> Floats:
    """Return P(failed) of rows of predictions.build_features, shape `(rows,)`."""
    return of_matrix(fitted, matrix(rows))


def of_matrix(fitted: Estimator, cells: Floats) -> Floats:
    """Return P(failed) of rows as `matrix` gives them."""
    from models import learners

    if not len(cells):
        return np.zeros(0)
    told = learners.chance(cast("Classifier", fitted), cells)
    return np.clip(told, EDGE, 1 - EDGE)


def heuristic(past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
    """Return the mean of `build_state.posterior`."""
    return build_state.posterior(past, rows).mean()


LEARNED = LearnedModel(
    name=NAME,
    title="whether a build fails, before it starts",
    table="predictions.build_features",
    key=("pipeline_id", "build_id"),
    features=build_features.MEANINGS,
    label="failed",
    fit=fit,
    predict=predict,
    heuristic=heuristic,
    heuristic_name="rate by last verdict",
    files=(__file__, *FILES),
    sql=Path(__file__).with_suffix(".sql").read_text(),
    at="as_of",
    group="day",
    loss="brier",
    window_days=365,
    max_rows=20_000,
    fewest_rows=120,
    fewest_events=20,
    limits=(
        "A fault that nothing in the past points at is not foreseen: most first failures are so.",
        "A running outage is told only by the builds that have ended in it.",
        "Changes that no commit in the lake describes (forks, shallow clones) are told by history.",
    ),
)


@dataclass(frozen=True, slots=True)
class Teller:
    """Who speaks for a project: the rule, or a fitted forest with its line of calibration."""

    by: str
    fitted: Estimator | None = None
    slope: float = 1.0
    intercept: float = 0.0
    lift: float | None = None

    def chance(self, cells: Floats) -> Floats:
        """Return calibrated P(failed) of rows as `matrix` gives them, by the forest."""
        from models.calibration import Calibration

        return Calibration(self.slope, self.intercept).apply(of_matrix(self.fitted, cells))


def forecast(past: pl.DataFrame, rows: pl.DataFrame, teller: Teller) -> pl.DataFrame:
    """Return `probability`, `low`, `high`, `reasons` and `cases` of each row, in their order.

    `past` are builds of the project with features and `failed`; only what was known at a row's
    `as_of` is read for it. 90 % intervals are of the failure rate of builds like this one.
    """
    parts = [
        _forecast(_known(past, at), part, teller)
        for (at,), part in rows.with_row_index("place").group_by("as_of", maintain_order=True)
        if isinstance(at, datetime)
    ]
    return pl.concat(parts).sort("place").drop("place") if parts else pl.DataFrame()


def _known(past: pl.DataFrame, at: datetime) -> pl.DataFrame:
    return past.filter((pl.col("known_at") <= at) & pl.col("failed").is_not_null())


def _forecast(past: pl.DataFrame, rows: pl.DataFrame, teller: Teller) -> pl.DataFrame:
    if teller.fitted is None:
        told = _by_rule(past, rows)
        weights = alike(past, rows)
    else:
        weights = leaf_weights(teller.fitted, past, rows)
        told = _by_forest(weights, past, rows, teller)
    cases = [told_of(past, row, weight) for row, weight in zip(rows.to_dicts(), weights, strict=True)]
    return told.with_columns(
        pl.Series("cases", cases, dtype=pl.List(pl.String)), place=rows["place"]
    )


def _by_rule(past: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    found = build_state.posterior(past, rows)
    return pl.DataFrame({
        "probability": found.mean(), "low": found.quantile(0.05), "high": found.quantile(0.95),
        "reasons": build_reasons.of_rule(rows, found),
    })  # fmt: skip


def _by_forest(
    weights: Floats, past: pl.DataFrame, rows: pl.DataFrame, teller: Teller
) -> pl.DataFrame:
    cells = matrix(rows)
    told = teller.chance(cells)
    low, high = interval(told, weights)
    effects = build_reasons.effects(teller.chance, cells, told, matrix(past) if past.height else cells)
    return pl.DataFrame({
        "probability": told, "low": low, "high": high,
        "reasons": build_reasons.of_forest(rows, effects),
    })  # fmt: skip


def leaf_weights(fitted: Estimator, past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
    """Return how much each past build counts in the forecast of each row, `(rows, past)`.

    A tree shares its vote among the past builds in the leaf of the row; weights of a row add up to
    1, or to less where a leaf has no past build.
    """
    if not past.height or not rows.height:
        return np.zeros((rows.height, past.height))
    leaves, own = fitted.apply(matrix(past)), fitted.apply(matrix(rows))
    found = np.zeros((rows.height, past.height))
    for row, leaf in enumerate(own):
        same = leaves == leaf
        found[row] = (same / np.maximum(same.sum(axis=0), 1)).mean(axis=1)
    return found


def interval(told: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the 5 and 95 % quantiles of the rate behind forecasts of weighted past builds.

    As many builds as the weights are worth (Kish 1965: 1 / sum of squares), with Jeffreys' prior
    (Brown, Cai & DasGupta 2001).
    """
    worth = 1 / np.maximum((weights**2).sum(axis=1), 1e-3)
    a, b = told * worth + 0.5, (1 - told) * worth + 0.5
    low, high = (build_state.quantile(a, b, share) for share in (0.05, 0.95))
    return np.minimum(low, told), np.maximum(high, told)


__all__ = ["LEARNED", "NAMES", "Teller", "fit", "forecast", "heuristic", "predict"]
