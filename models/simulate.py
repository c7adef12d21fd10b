"""CI histories with ground truth: what `golive simulate` writes and detectors are tested on.

`simulate` returns frames of the core tables beside the truth behind them; `parts` yields the same
rows build by build for histories that are too large to hold at once. Seeded: the same arguments
give the same rows. The parts are in `models/simulation/`. Nothing here writes anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from golive_core import schema
from golive_core.errors import UsageError
from models.simulation import answers, names, oddities, truth
from models.simulation.attempts import Lab
from models.simulation.history import History, history
from models.simulation.inspection import inspection
from models.simulation.operation import operation
from models.simulation.recorder import Recorder
from models.simulation.repository import touch_files
from models.simulation.rows import Frames
from models.simulation.shape import Shape
from models.simulation.telemetry import telemetry
from models.simulation.truth import Flakiness, Outage, Regression
from models.simulation.watched import watched

__all__ = ["Shape", "Simulation", "World", "demo", "parts", "simulate", "watched", "world"]

DEFAULT_SHAPE = Shape()
SMALLEST = 10
"""Fewest builds and tests that make a history."""


@dataclass(slots=True)
class World:
    """A planned history: everything but the attempts, which `parts` draws once, in order."""

    suite: names.Suite
    history: History
    flaky: Flakiness
    regressions: list[Regression]
    outages: list[Outage]
    lab: Lab
    shape: Shape
    rng: np.random.Generator
    seed: int

    def truth(self) -> dict[str, pl.DataFrame]:
        """Return the ground truth: tests, regressions, outages, oddities (see `answers`)."""
        found = answers.truth(
            self.suite, self.history, self.flaky, self.regressions, self.outages, self.shape
        )
        odd = oddities.plan(self.history, self.shape, self.seed)
        return found | {"oddities": oddities.rows(odd)}


@dataclass(frozen=True, slots=True)
class Simulation:
    """Frames by table name, conforming to `golive_core.schema`, and the ground truth by name."""

    tables: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]


def world(
    *, seed: int, builds: int, tests: int, days: int, end: datetime, shape: Shape = DEFAULT_SHAPE
) -> World:
    """Plan a history of `builds` builds of `tests` tests in the `days` days before `end`.

    Raises UsageError for a naive `end` or for sizes too small to mean anything.
    """
    if end.tzinfo is None:
        raise UsageError("the end of a simulation needs a time zone", hint="Use UTC")
    if builds < SMALLEST or tests < SMALLEST or days <= 1:
        raise UsageError(
            f"a simulation needs at least {SMALLEST} builds, {SMALLEST} tests and 2 days"
        )
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(7)]
    suite = names.suite(tests, shape.project_id, streams[0])
    past = history(builds=builds, days=days, end=end, seed=seed, shape=shape, rng=streams[1])
    flaky = truth.flakiness(suite, shape, streams[2])
    broken = truth.regressions(past, suite, builds, shape, streams[3])
    ill = truth.outages(past, suite, builds, shape, streams[4])
    touch_files(past, suite, broken, streams[5])
    lab = Lab(suite, past, flaky, broken, ill, shape, streams[6])
    return World(suite, past, flaky, broken, ill, lab, shape, streams[6], seed)


def parts(plan: World, *, builds_per_part: int = 25) -> Iterator[Frames]:
    """Yield frames of core tables: results and builds in parts, what they refer to at the end.

    The frames of all parts together are those of `simulate`; a world can be drawn only once.
    """
    recorder = Recorder(plan.suite, plan.history, plan.lab, plan.shape, plan.rng)
    total = len(plan.history.runs)
    for first in range(0, total, builds_per_part):
        yield recorder.builds(range(first, min(first + builds_per_part, total)))
    yield recorder.entities()
    acts = operation(plan.history, plan.shape, plan.seed)
    yield acts
    seen = telemetry(plan.history, plan.shape, plan.seed, acts["core.incidents"])
    yield oddities.planted(seen, oddities.plan(plan.history, plan.shape, plan.seed))
    yield inspection(plan.history, plan.suite, plan.regressions, plan.shape, plan.seed)


def simulate(
    *, seed: int, builds: int, tests: int, days: int, end: datetime, shape: Shape = DEFAULT_SHAPE
) -> Simulation:
    """Return a whole history in memory with its ground truth; see `world` for the arguments."""
    plan = world(seed=seed, builds=builds, tests=tests, days=days, end=end, shape=shape)
    return Simulation(joined(parts(plan)), plan.truth())


def joined(frames: Iterator[Frames]) -> Frames:
    """Return the rows of all parts by table, in the order of the schema."""
    collected: dict[str, list[pl.DataFrame]] = {}
    for part in frames:
        for name, frame in part.items():
            collected.setdefault(name, []).append(frame)
    return {name: pl.concat(collected[name]) for name in schema.TABLES if name in collected}


def demo(end: datetime, *, seed: int = 7) -> Simulation:
    """Return the project that stands in where a repository has no test reports yet."""
    return simulate(seed=seed, builds=400, tests=600, days=30, end=end)
