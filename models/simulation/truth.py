"""What is really wrong with the simulated tests: flaky ones, regressions, outages.

The ground truth that detectors are scored against. Which attempt fails because of it is drawn in
`attempts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.causes import FLAKY
from models.simulation.history import MAIN, History
from models.simulation.names import AREAS, KINDS, Suite
from models.simulation.shape import Shape

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FATES = (0.6, 0.2, 0.1, 0.1)
"""Shares of the flaky tests whose rate stays, moves, begins within the history, ends within it."""
SICK_RUNNER = 0.65
"""Share of the outages that one runner causes; a service is away in the others."""
GROUP_HIT = 0.8
"""Chance that a member of a co-flaky group fails when its trigger fires."""


@dataclass(slots=True)
class Flakiness:
    """Flaky tests, one entry each: test index, rates at both ends of the history, life span.

    The rate at fraction x of the history is `low * (high / low) ** x` within `[begin, until)`,
    else 0; `group` is the co-flaky group or -1; `cause` indexes causes.FLAKY.
    """

    test: Ints
    first: Floats
    last: Floats
    begin: Floats
    until: Floats
    group: Ints
    cause: Ints

    def rates(self, x: float) -> Floats:
        """Return the flake rates at fraction `x` of the history, shape `(n_flaky,)`."""
        rate = self.first * (self.last / self.first) ** x
        return np.where((self.begin <= x) & (x < self.until), rate, 0.0)


@dataclass(slots=True)
class Regression:
    """Tests broken by the commit `introduced` until the commit `fixed` (indices; None: open)."""

    tests: Ints
    introduced: int
    fixed: int | None
    commits: frozenset[int]


@dataclass(slots=True)
class Outage:
    """Builds (indices of runs) in which each of `tests` fails with chance `share`."""

    kind: str
    runs: list[int]
    tests: Ints
    share: float


def flakiness(suite: Suite, shape: Shape, rng: np.random.Generator) -> Flakiness:
    """Draw the flaky tests with log-uniform rates, some in co-flaky groups, some drifting."""
    total = suite.frame.height
    n = round(shape.flaky_share * total)
    test = np.sort(rng.choice(total, n, replace=False))
    rate = np.exp(rng.uniform(np.log(shape.rate_low), np.log(shape.rate_high), n))
    group = _groups(n, shape.group_share, rng)
    grouped = group >= 0
    rate[grouped] = rate[np.searchsorted(group[grouped], group[grouped])]
    last, begin, until = rate.copy(), np.zeros(n), np.full(n, np.inf)
    if shape.drift:
        fate = rng.choice(4, n, p=FATES)
        moves, born, mended = (~grouped & (fate == chosen) for chosen in (1, 2, 3))
        last[moves] = rate[moves] * 2 ** rng.uniform(-1, 1, moves.sum())
        begin[born] = rng.uniform(0.2, 0.6, born.sum())
        until[mended] = rng.uniform(0.4, 0.8, mended.sum())
    cause = rng.integers(0, len(FLAKY), n)
    cause[grouped] = cause[np.searchsorted(group[grouped], group[grouped])]
    return Flakiness(test, rate, last, begin, until, group, cause)


def _groups(n: int, share: float, rng: np.random.Generator) -> Ints:
    """Return the group of each flaky test: the first ones in groups of 2 to 6, the rest -1."""
    group = np.full(n, -1)
    place, number = 0, 0
    while place < round(share * n) - 1:
        size = int(rng.integers(2, 7))
        group[place : min(place + size, n)] = number
        place, number = place + size, number + 1
    return group


def mean_rates(flaky: Flakiness, times: Floats) -> Floats:
    """Return each flaky test's mean rate over the builds at fractions `times` of the history."""
    if not len(times):
        return np.zeros(len(flaky.test))
    return np.mean([flaky.rates(x) for x in times.tolist()], axis=0)


def regressions(
    history: History, suite: Suite, builds: int, shape: Shape, rng: np.random.Generator
) -> list[Regression]:
    """Plant regressions on main and on feature branches; the newest one on main stays open."""
    count = round(shape.regressions * builds / 100)
    if not count:
        return []
    built = sorted({run.commit for run in history.runs if run.pipeline == "build"})
    early, late = round(0.06 * len(built)), len(built) - 4
    spots = sorted(rng.choice(built[early:late], min(count, late - early), replace=False).tolist())
    on_main = [i for i in built if history.commits[i].branch == MAIN]
    found = [_regression(history, suite, spot, shape, rng) for spot in spots]
    last = on_main[-min(4, len(on_main))]
    open_one = _spread(history, last, None, _victims(suite, shape, rng, wide=False))
    return [*found, open_one]


def _regression(
    history: History, suite: Suite, spot: int, shape: Shape, rng: np.random.Generator
) -> Regression:
    branch = history.commits[spot].branch
    later = [i for i, commit in enumerate(history.commits) if i > spot and commit.branch == branch]
    life = int(rng.geometric(0.3))
    fixed = later[life - 1] if life <= len(later) else None
    wide = bool(rng.random() < shape.wide_share)
    return _spread(history, spot, fixed, _victims(suite, shape, rng, wide=wide))


def _spread(history: History, spot: int, fixed: int | None, tests: Ints) -> Regression:
    """Return the regression with every commit that contains it but not its fix."""
    commits = history.commits
    end = len(commits) if fixed is None else fixed
    first = commits[spot]
    if first.branch != MAIN:
        inside = {i for i in range(spot, end) if commits[i].branch == first.branch}
        return Regression(tests, spot, fixed, frozenset(inside))
    low = first.position
    high = commits[fixed].position if fixed is not None else commits[-1].position + len(commits)
    inside = {i for i, commit in enumerate(commits) if low <= commit.position < high}
    return Regression(tests, spot, fixed, frozenset(inside))


def _victims(suite: Suite, shape: Shape, rng: np.random.Generator, *, wide: bool) -> Ints:
    """Return the tests that one regression breaks: a few of one area, or `wide` ones anywhere."""
    total = suite.frame.height
    if wide:
        size = max(3, round(total * float(rng.uniform(0.01, 0.03))))
        return np.sort(rng.choice(total, size, replace=False))
    home = int(suite.group[int(rng.integers(total))])
    size = min(1 + int(rng.lognormal(1.0, 1.0)), max(1, total // 12))
    room = int((suite.group == home).sum())
    same = suite.group == home if size <= room else suite.area == home % len(AREAS)
    near = np.flatnonzero(same)
    return np.sort(rng.choice(near, min(size, len(near)), replace=False))


def outages(
    history: History, suite: Suite, builds: int, shape: Shape, rng: np.random.Generator
) -> list[Outage]:
    """Draw outages: a sick runner for its next builds, or a service away for everybody's."""
    count = round(shape.outages * builds / 100)
    free = np.arange(round(0.08 * len(history.runs)), len(history.runs))
    starts = np.sort(rng.choice(free, min(count, len(free)), replace=False))
    return [_outage(history, suite, int(start), rng) for start in starts]


def _outage(history: History, suite: Suite, start: int, rng: np.random.Generator) -> Outage:
    length = int(rng.integers(1, 5))
    runs, everything = history.runs, np.arange(suite.frame.height)
    if rng.random() < SICK_RUNNER:
        runner = runs[start].runner
        hit = [i for i in range(start, len(runs)) if runs[i].runner == runner][:length]
        return Outage("runner", hit, everything, float(rng.uniform(0.05, 0.5)))
    hit = list(range(start, min(start + length, len(runs))))
    online = everything[suite.kind != KINDS.index("unit")]
    return Outage("service", hit, online, float(rng.uniform(0.6, 0.9)))
