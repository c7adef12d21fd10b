"""Making forecasts mean what they say: a straight line on the log odds (Platt 1999; Cox 1958).

Two numbers, so that a few hundred forecasts are enough and the manifest can hold them. A weak
opinion holds the slope near 1 and the intercept near 0 where there is little to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from models.evaluate import Floats

EDGE = 1e-4
"""Forecasts are kept this far from 0 and 1: nothing is certain."""
SPREAD = (1.0, 0.5)
"""Standard deviations of the opinion on intercept and slope."""
STEPS = 50
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Calibration:
    """`odds = intercept + slope * odds`, in logarithms."""

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def of(cls, cells: Mapping[str, float]) -> Self:
        """Return what a manifest holds."""
        return cls(float(cells["slope"]), float(cells["intercept"]))

    def cells(self) -> dict[str, float]:
        """Return it as a manifest holds it."""
        return asdict(self)

    def apply(self, probability: Floats) -> Floats:
        """Return calibrated probabilities, shape as given."""
        return expit(self.intercept + self.slope * logit(probability))


def fit(truth: Floats, probability: Floats) -> Calibration:
    """Return the line for labels 0 or 1 and forecasts made without them, both of shape `(n,)`.

    Penalised maximum likelihood by Newton's method; the identity where there is nothing.
    """
    rows = np.column_stack([np.ones(len(truth)), logit(probability)])
    mean, precision = np.array([0.0, 1.0]), np.diag(1 / np.array(SPREAD) ** 2)
    line = mean.copy()
    for _ in range(STEPS):
        told = expit(rows @ line)
        slope = rows.T @ (truth - told) - precision @ (line - mean)
        bend = (rows * (told * (1 - told))[:, None]).T @ rows + precision
        step = np.linalg.solve(bend, slope)
        line = line + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < CLOSE:
            break
    return Calibration(float(line[1]), float(line[0]))


def logit(probability: Floats) -> Floats:
    """Return log odds, EDGE away from the ends."""
    inner = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(np.log(inner / (1 - inner)), dtype=np.float64)


def expit(odds: Floats) -> Floats:
    """Return the probability of log odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -40, 40))), dtype=np.float64)
