"""How sure a number of few observations is: 90 % intervals, in closed form.

Rates: Wilson score (Wilson 1927, doi:10.1080/01621459.1927.10502953). Medians: order statistics
(Conover, Practical Nonparametric Statistics, 3rd ed., 3.2). Counts of a Poisson process: Byar's
approximation (Breslow and Day 1987, Statistical Methods in Cancer Research II, 2.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.6448536269514722
"""The 95th percentile of the normal distribution: two sides of 5 %."""
FEWEST = 5
"""Values of which a median has an interval at least."""


def rate(successes: int, trials: int) -> tuple[float, float] | None:
    """Return the interval of a share; None without trials."""
    if not trials:
        return None
    share, square = successes / trials, Z * Z / trials
    centre = share + square / 2
    spread = Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    low, high = (centre - spread) / (1 + square), (centre + spread) / (1 + square)
    return max(0.0, low), min(1.0, high)


def median(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of the median of values; None for too few to say anything."""
    count = len(values)
    if count < FEWEST:
        return None
    ordered = sorted(values)
    half = Z * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - half))
    high = min(count - 1, math.ceil(count / 2 + half))
    return ordered[low], ordered[high]


def count(events: int) -> tuple[float, float]:
    """Return the interval of the expected number of events, of which so many were seen."""
    more = events + 1
    high = more * (1 - 1 / (9 * more) + Z / (3 * math.sqrt(more))) ** 3
    if not events:
        return 0.0, high
    return events * (1 - 1 / (9 * events) - Z / (3 * math.sqrt(events))) ** 3, high
