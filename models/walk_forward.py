"""Would the learned model have been better on the project's own past? Forecasts made as then.

The newer part of the past is cut into steps. At each, the model is fitted to what was known when
the step began, and both it and the heuristic forecast the step; forecasts are calibrated by those
of earlier steps alone (Tashman 2000, rolling origin). Nothing of a step is known to its forecasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from models import calibration, evaluate
from models.calibration import Calibration
from models.evaluate import Floats
from models.learned import LearnedModel
from models.threads import capped

WARM_UP = 0.4
"""Share of the rows that only fit."""
STEPS = 6
RESAMPLES = 2000
DRAWS = 100
MOST_GROUPS = 1000
"""Groups that are drawn one by one; of more, those next to each other are drawn together."""
FEWEST_GROUPS = 10
"""Groups (days) below which nobody can say who is better."""
SEED = 20_260_401


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What would have been said of each row of the steps; arrays of shape `(n,)`."""

    truth: Floats
    learned: Floats
    """Calibrated."""
    raw: Floats
    heuristic: Floats
    constant: Floats
    """The share of events known before the step."""
    group: pl.Series
    at: pl.Series

    def calibration(self) -> Calibration:
        """Return the line fitted to all of them, for forecasts to come."""
        return calibration.fit(self.truth, self.raw)

    def since(self, at: datetime) -> Forecasts:
        """Return those of rows after an instant."""
        keep = (self.at > at).to_numpy()
        return Forecasts(
            self.truth[keep], self.learned[keep], self.raw[keep], self.heuristic[keep],
            self.constant[keep], self.group.filter(keep), self.at.filter(keep),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Learned against heuristic on the same rows; `cells` is what a manifest holds of it."""

    rows: int
    groups: int
    events: int
    first_at: str
    last_at: str
    loss: str
    learned: float
    heuristic: float
    constant: float
    lift: float
    """Share of the heuristic's loss that the learned model saves."""
    lift_low: float
    lift_high: float
    """90 % interval of the lift by the bootstrap."""
    win: float
    """Share of resamples in which the learned model is better."""
    brier: float
    brier_heuristic: float
    brier_constant: float
    ece: float
    ece_heuristic: float
    ece_chance: float
    """95 % quantile of the calibration error that forecasts which are right have by chance."""
    precision: float
    precision_heuristic: float
    """Average precision of both orders."""

    def cells(self) -> dict[str, Any]:
        """Return every number by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def forecasts(model: LearnedModel, rows: pl.DataFrame, threads: int) -> Forecasts | None:
    """Return walk-forward forecasts for labelled rows of one project, sorted by `model.at`.

    None where no step had both labels before it.
    """
    parts: list[pl.DataFrame] = []
    for step in steps(model, rows):
        known = rows.filter(pl.col(model.known_at) < step[model.at].min())
        truth = model.truth(known)
        if not has_both(truth):
            continue
        with capped(threads):
            raw = model.predict(model.fit(known, threads), step)
        earlier = (
            pl.concat(parts).filter(pl.col("known_at") < step[model.at].min()) if parts else None
        )
        line = _line(earlier)
        parts.append(pl.DataFrame({
            "truth": model.truth(step), "learned": line.apply(raw), "raw": raw,
            "heuristic": model.heuristic(known, step),
            "constant": np.full(step.height, truth.mean()), "group": step[model.group],
            "at": step[model.at], "known_at": step[model.known_at],
        }))  # fmt: skip
    return _joined(pl.concat(parts)) if parts else None


def steps(model: LearnedModel, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the steps: about equal numbers of rows, rows of one instant together."""
    at = rows[model.at]
    edges = np.linspace(WARM_UP, 1, STEPS + 1)[:-1]
    starts = [at[int(edge * (rows.height - 1))] for edge in edges]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        is_in = at >= start if end is None else (at >= start) & (at < end)
        step = rows.filter(is_in)
        if step.height:
            yield step


def has_both(truth: Floats) -> bool:
    """Tell whether both labels occur."""
    return bool(len(truth)) and 0 < float(truth.mean()) < 1


def _line(earlier: pl.DataFrame | None) -> Calibration:
    if earlier is None or not earlier.height:
        return Calibration()
    return calibration.fit(earlier["truth"].to_numpy(), earlier["raw"].to_numpy())


def _joined(parts: pl.DataFrame) -> Forecasts:
    truth, learned, raw, heuristic, constant = (
        parts[name].to_numpy() for name in ("truth", "learned", "raw", "heuristic", "constant")
    )
    return Forecasts(truth, learned, raw, heuristic, constant, parts["group"], parts["at"])


def compare(told: Forecasts, loss: str) -> Comparison:
    """Return who was better, with the paired bootstrap over groups."""
    score = LOSSES[loss]
    ours, theirs = score(told.truth, told.learned), score(told.truth, told.heuristic)
    lifts = resampled(ours, theirs, told.group)
    low, high = (float(one) for one in np.quantile(lifts, [0.05, 0.95]))
    return Comparison(
        rows=len(told.truth), groups=told.group.n_unique(), events=int(told.truth.sum()),
        first_at=str(told.at.min()), last_at=str(told.at.max()), loss=loss,
        learned=float(ours.mean()), heuristic=float(theirs.mean()),
        constant=float(score(told.truth, told.constant).mean()),
        lift=_lift(float(ours.sum()), float(theirs.sum())), lift_low=low, lift_high=high,
        win=float((lifts > 0).mean()),
        brier=evaluate.brier(told.truth, told.learned),
        brier_heuristic=evaluate.brier(told.truth, told.heuristic),
        brier_constant=evaluate.brier(told.truth, told.constant),
        ece=evaluate.calibration_error(told.truth, told.learned),
        ece_heuristic=evaluate.calibration_error(told.truth, told.heuristic),
        ece_chance=ece_by_chance(told.learned),
        precision=average_precision(told.truth, told.learned),
        precision_heuristic=average_precision(told.truth, told.heuristic),
    )  # fmt: skip


def resampled(ours: Floats, theirs: Floats, group: pl.Series) -> Floats:
    """Return the lift in RESAMPLES paired draws of whole groups, with replacement.

    Rows of a day share their luck, so that days are drawn, not rows (Efron & Tibshirani 1993, 8.3;
    Field & Welsh 2007 for clusters).
    """
    sums = (
        pl.DataFrame({"group": group, "ours": ours, "theirs": theirs})
        .group_by("group", maintain_order=True)
        .agg(pl.sum("ours", "theirs"))
    )
    if sums.height > MOST_GROUPS:  # neighbours in time together: blocks, as Kuensch 1989
        block = pl.int_range(pl.len()) * MOST_GROUPS // pl.len()
        sums = sums.group_by(block.alias("block")).agg(pl.sum("ours", "theirs"))
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(sums.height, np.full(sums.height, 1 / sums.height), RESAMPLES)
    drawn = counts @ sums.select("ours", "theirs").to_numpy()
    return 1 - drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12)


def _lift(ours: float, theirs: float) -> float:
    return 1 - ours / max(theirs, 1e-12)


def _brier(truth: Floats, told: Floats) -> Floats:
    return (told - truth) ** 2


def _log(truth: Floats, told: Floats) -> Floats:
    inner = np.clip(told, calibration.EDGE, 1 - calibration.EDGE)
    return -(truth * np.log(inner) + (1 - truth) * np.log(1 - inner))


LOSSES = {"brier": _brier, "log": _log}
"""Proper scores of each row, shape `(n,)` (Gneiting & Raftery 2007)."""


def ece_by_chance(told: Floats) -> float:
    """Return the calibration error that 95 % of perfectly calibrated forecasts stay below.

    Outcomes are drawn from the forecasts themselves (Broecker & Smith 2007): with few cases, bins
    differ from what was said by luck alone.
    """
    rng = np.random.default_rng(SEED)
    drawn = (rng.random((DRAWS, len(told))) < told).astype(np.float64)
    return float(np.quantile([evaluate.calibration_error(one, told) for one in drawn], 0.95))


def average_precision(truth: Floats, told: Floats) -> float:
    """Return the mean precision over the events, equal forecasts taken together; NaN if none."""
    order = np.argsort(-told, kind="stable")
    hits, last = np.cumsum(truth[order]), np.append(np.diff(told[order]) != 0, True)
    if not hits.size or not hits[-1]:
        return float("nan")
    seen = hits[last]
    precision = seen / (np.flatnonzero(last) + 1)
    return float(np.sum(np.diff(seen, prepend=0) * precision) / hits[-1])
