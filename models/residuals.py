"""What forecasts were off by, as fading histograms: intervals that hold what they say.

Errors of past forecasts, each made before its outcome was known and divided by the scatter of its
own series, tell how wide an interval has to be (split conformal prediction, Vovk et al. 2005; with
weights that fade, so that it follows a world that changes, Barber et al. 2023, Annals of Statistics
51, 816-845). A histogram holds any number of them in a fixed place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluate import Floats

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are told: the median, a 50 % and a 90 % interval."""
MIDDLES = np.linspace(-12.0, 12.0, 481)
EDGES = np.concatenate([[-np.inf], (MIDDLES[:-1] + MIDDLES[1:]) / 2, [np.inf]])
HALF = (MIDDLES[1] - MIDDLES[0]) / 2
OUTWARD = HALF * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
"""Bounds of intervals take their bin in: where runs take the same time, errors are all alike."""
PAIRS = (((0, 4), 0.9), ((1, 3), 0.5))
"""Positions in LEVELS of the ends of each interval, and the share that it is to hold."""
ALIKE = 0.1
"""How much errors of one batch (tests of one build) have in common: they share its machine."""
FADE = 0.5 ** (1 / 500)
"""Weight of what is known per independent error that is new."""
ADAPT = 0.02
"""Step of the stretch per independent error."""
STRETCHES = (0.5, 4.0)
OPINION = 8.0
"""Errors that the opinion before all data weighs as; it is wide: few data make no narrow claim."""
WIDE = 2.0
"""Spread of that opinion, in scatters (a logistic distribution)."""


class Stretch:
    """By what the quantiles of each interval are moved away from the median, so that it holds.

    Intervals that missed too often get wider and those that missed too rarely narrower (adaptive
    conformal inference, Gibbs & Candes 2021).
    """

    def __init__(self) -> None:
        self.by = {share: 1.0 for _, share in PAIRS}

    def apply(self, quantiles: Floats) -> Floats:
        """Return quantiles LEVELS, shape `(n, 5)`, moved."""
        wide, half = self.by[0.9], self.by[0.5]
        middle = quantiles[:, 2:3]
        return middle + (quantiles - middle) * np.array([wide, half, 1.0, half, wide])

    def adapt(self, told: Floats, truth: Floats) -> None:
        """Take in one batch: quantiles that were told `(n, 5)` and what came `(n,)`."""
        rate = ADAPT * float(worth(np.array([len(truth)]))[0])
        for (low, high), share in PAIRS:
            missed = float(((truth < told[:, low]) | (truth > told[:, high])).mean())
            moved = self.by[share] * np.exp(rate * (missed - (1 - share)))
            self.by[share] = float(np.clip(moved, *STRETCHES))


class Residuals:
    """Errors in groups, each group a histogram of its own whose weights fade."""

    def __init__(self, groups: int) -> None:
        inner = 1 / (1 + np.exp(-np.clip(EDGES, -500, 500) / (WIDE * np.sqrt(3) / np.pi)))
        inner[0], inner[-1] = 0.0, 1.0
        self.counts: Floats = np.tile(OPINION * np.diff(inner), (groups, 1))
        self.stretch = Stretch()

    def quantiles(self) -> Floats:
        """Return the quantiles LEVELS of each group, shape `(groups, 5)`."""
        total = np.cumsum(self.counts, axis=1)
        wanted = np.array(LEVELS) * total[:, -1:]
        places = (total[:, None, :] < wanted[:, :, None]).sum(axis=2)
        found = MIDDLES[np.minimum(places, len(MIDDLES) - 1)] + OUTWARD
        return self.stretch.apply(found)

    def add(self, group: NDArray[np.int64], error: Floats) -> None:
        """Take in the errors of one batch: `group` `(n,)`, `error` in scatters of their series."""
        if not len(error):
            return
        self.stretch.adapt(self.quantiles()[group], error)
        place = np.searchsorted(EDGES, error, side="right") - 1
        fresh = np.zeros_like(self.counts)
        np.add.at(fresh, (group, np.minimum(place, len(MIDDLES) - 1)), 1.0)
        count = fresh.sum(axis=1, keepdims=True)
        weight = worth(count)
        fresh *= weight / np.maximum(count, 1.0)
        self.counts = self.counts * FADE**weight + fresh


def worth(count: Floats) -> Floats:
    """Return how many independent errors `count` errors of one batch are worth (Kish 1965)."""
    return np.where(count > 0, count / (1 + (count - 1) * ALIKE), 0.0)


def pinball(truth: Floats, told: Floats) -> Floats:
    """Return the mean pinball loss over LEVELS of each row: `truth` `(n,)`, `told` `(n, 5)`.

    A proper score of quantiles; lower is better (Koenker & Bassett 1978; Gneiting 2011).
    """
    off = truth[:, None] - told
    level = np.array(LEVELS)
    return np.maximum(level * off, (level - 1) * off).mean(axis=1)
