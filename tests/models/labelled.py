"""Labelled tests of made-up projects, with the columns of FlakeFlagger."""

from __future__ import annotations

import numpy as np
import polars as pl


def labelled(projects: int = 3, tests: int = 90, seed: int = 0) -> pl.DataFrame:
    """Return tests of which the slow ones of some classes are flaky; each project has its pace."""
    dice = np.random.default_rng(seed)
    frames: list[pl.DataFrame] = []
    for nth in range(projects):
        slow = np.arange(tests) % 5 == 0
        time = dice.lognormal(-3 + nth, 0.5, tests) * np.where(slow, 30, 1)
        flaky = slow & (dice.random(tests) < 0.9)
        frames.append(
            pl.DataFrame(
                {
                    "project": f"project-{nth}",
                    "test_name": [
                        f"org.p{nth}.k{at % 9}.Case{at % 9}.does_{at}" for at in range(tests)
                    ],
                    "is_flaky": flaky.astype(np.int64),
                    "mystery-guest": (dice.random(tests) < 0.2).astype(np.int64),
                    "numAsserts": dice.integers(0, 9, tests),
                    "numCoveredLines": dice.integers(10, 900, tests),
                    "ExecutionTime": time,
                }
            )
        )
    return pl.concat(frames)
