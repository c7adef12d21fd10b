"""Histories of builds by hand and by dice, as `models.test_selection` takes them."""

from __future__ import annotations

import numpy as np
import polars as pl

Row = tuple[int, int, bool, float]


def results(rows: list[Row]) -> pl.DataFrame:
    """Return rows of (build, test, failed, seconds) as a frame."""
    names = {"build": pl.Int64, "test_id": pl.Int64, "failed": pl.Boolean, "duration": pl.Float64}
    return pl.DataFrame(rows, schema=names, orient="row")


def planted(builds: int, tests: int = 30, *, seed: int = 0) -> pl.DataFrame:
    """Return a history in which every tenth test fails in two of five builds, the others never.

    All tests take a second.
    """
    dice = np.random.default_rng(seed)
    return results(
        [
            (build, test, test % 10 == 0 and bool(dice.random() < 0.4), 1.0)
            for build in range(builds)
            for test in range(tests)
        ]
    )
