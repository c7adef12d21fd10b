"""A budget of test time over many builds: what calm builds leave is there for the ones after.

At no moment has more than the share of the time of all builds so far been spent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models import ordering
from models.beta import Floats
from models.test_history import Flags

SMALL = 0.5
"""Share of what is left that a build may cost to be run whole."""
KEPT_BACK = 0.1
"""Share of each larger build's own budget that is kept for small builds."""


@dataclass(slots=True)
class Bank:
    """Chooses tests of build after build within `share` of the whole time."""

    share: float
    earned: float = 0.0
    spent: float = 0.0

    def choose(self, score: Floats, duration: Floats) -> Flags:
        """Return which tests of the next build run: arrays of shape `(n,)`, durations of one unit.

        A build that costs little of what is left runs whole. Half of a build of one test is none,
        yet such builds cost next to nothing.
        """
        whole = float(duration.sum())
        self.earned += self.share * whole
        left = self.earned - self.spent
        if whole <= SMALL * left:
            picked = np.ones(len(duration), dtype=bool)
        else:
            own = (1 - KEPT_BACK) * self.share * whole
            picked = ordering.chosen(score, duration, min(own, left))
        self.spent += float(duration[picked].sum())
        return picked
