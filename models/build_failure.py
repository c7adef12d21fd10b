"""Will a build fail? Told before it starts, with an interval, reasons and the nearest past cases.

The rule of `models/build_state.py` speaks first. Extremely randomised trees (Geurts et al. 2006) on
the features of `models/build_features.py`, together with the rule, take over in a project where
they win a walk-forward comparison on its own past. What trees say is a weighted mean of past builds
(Meinshausen 2006): the weights say which builds it stands on and how many that are, hence the
interval and the cases. See `docs/models/build_failure.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from models import build_features, build_history, build_paths, build_reasons, build_state, timeline
from models.build_cases import alike, told_of
from models.build_features import matrix
from models.evaluate import Floats
from models.learned import Estimator, LearnedModel

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


def cells(rows: pl.DataFrame) -> Floats:
    """Return the features and which state each row is in, as the forest takes them."""
    states = rows.select(build_state.state()).to_series().to_numpy()
    return np.column_stack([matrix(rows), states[:, None] == np.array(list(build_state.STATES))])


def fit(rows: pl.DataFrame, threads: int) -> Estimator:
    """Return trees fitted to rows with `failed` known, and the counts of the rule."""
    from models import learners

    forest = learners.trees(TREES, leaf=LEAF, features=SHARE, threads=threads)
    forest.fit(cells(rows), rows["failed"].cast(pl.Float64).to_numpy())
    return {"forest": forest, "counts": build_state.counted(rows)}


def predict(fitted: Estimator, rows: pl.DataFrame) -> Floats:
    """Return P(failed) of rows of predictions.build_features, shape `(rows,)`.

    The mean of the log odds of the forest and of the rule, which is the better one at first.
    """
    from models import learners
    from models.calibration import expit, logit

    if not rows.height:
        return np.zeros(0)
    trees = np.clip(learners.chance(fitted["forest"], cells(rows)), EDGE, 1 - EDGE)
    rule = build_state.posterior(fitted["counts"], rows).mean()
    return expit((logit(trees) + logit(rule)) / 2)


def heuristic(past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
    """Return the mean of `build_state.posterior`."""
    return build_state.posterior(build_state.counted(past), rows).mean()


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

    def chance(self, rows: pl.DataFrame) -> Floats:
        """Return calibrated P(failed) by the learned model."""
        from models.calibration import Calibration

        return Calibration(self.slope, self.intercept).apply(predict(self.fitted, rows))


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
    cases = [
        told_of(past, row, weight) for row, weight in zip(rows.to_dicts(), weights, strict=True)
    ]
    return told.with_columns(
        pl.Series("cases", cases, dtype=pl.List(pl.String)), place=rows["place"]
    )


def _by_rule(past: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    found = build_state.posterior(build_state.counted(past), rows)
    return pl.DataFrame({
        "probability": found.mean(), "low": found.quantile(0.05), "high": found.quantile(0.95),
        "reasons": build_reasons.of_rule(rows, found),
    })  # fmt: skip


def _by_forest(
    weights: Floats, past: pl.DataFrame, rows: pl.DataFrame, teller: Teller
) -> pl.DataFrame:
    told = teller.chance(rows)
    low, high = interval(told, weights)
    effects = build_reasons.effects(teller.chance, rows, told, past if past.height else rows)
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
    forest = fitted["forest"]
    leaves, own = forest.apply(cells(past)), forest.apply(cells(rows))
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
