"""How good is an order of tests: APFD, and what a share of the test time catches.

Tests that score alike stand in any order: APFD is its mean over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from models.beta import Floats
from models.test_history import Flags


def apfd(score: Floats, failed: Flags) -> float:
    """Return the average percentage of faults detected (Rothermel et al., 1999), 0 to 1.

    Each failed test is a fault of its own; one at least has failed. High scores run first.
    """
    count = len(score)
    ranks = rankdata(-score)
    return float(1 - ranks[failed].sum() / (count * failed.sum()) + 0.5 / count)


def chosen(value: Floats, duration: Floats, budget: float) -> Flags:
    """Return which tests fit a budget of time, taken by falling value until one does not fit.

    Shorter ones go first where values are equal; what does not fit is passed over.
    """
    picked = np.zeros(len(value), dtype=bool)
    order = np.lexsort((duration, -value))
    fits = np.cumsum(duration[order]) <= budget * (1 + 1e-9)
    picked[order[fits]] = True
    left = budget - float(duration[picked].sum())
    rest = order[~fits]
    while (rest := rest[duration[rest] <= left]).size:
        # What does not fit now will not fit later: each round leaves out one at least.
        taken = int((np.cumsum(duration[rest]) <= left).sum())
        picked[rest[:taken]] = True
        left -= float(duration[rest[:taken]].sum())
        rest = rest[taken + 1 :]
    return picked


@dataclass(frozen=True, slots=True)
class Caught:
    """What selections caught of several builds: shares 0 to 1; NaN where nothing failed."""

    failures: float
    builds: float
    time: float


def caught(picked: Sequence[Flags], failed: Sequence[Flags], duration: Sequence[Floats]) -> Caught:
    """Return the share of failures, of failing builds with one in it, and of time taken."""
    hits = [int((mine & bad).sum()) for mine, bad in zip(picked, failed, strict=True)]
    wrong = [int(bad.sum()) for bad in failed]
    taken = sum(float(time[mine].sum()) for mine, time in zip(picked, duration, strict=True))
    whole = sum(float(time.sum()) for time in duration)
    return Caught(
        _share(sum(hits), sum(wrong)),
        _share(sum(one > 0 for one in hits), sum(one > 0 for one in wrong)),
        _share(taken, whole),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
