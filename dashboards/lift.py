"""Did a signal come before failures more often than not: relative risk with its interval.

The interval is Katz's on the log scale (Katz et al. 1978, Biometrics 34:469) with 0.5 added to each
count, so that a count of zero still gives one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

Z = 1.6448536269514722
"""The 95th percentile of the normal distribution: two sides of 5 %."""
FEWEST = 5
"""Changes with and without a signal from which a lift is told."""


@dataclass(frozen=True, slots=True)
class Lift:
    """How much more often changes with a signal broke the build; counts, and a 90 % interval."""

    signal: str
    n_with: int
    broken_with: int
    n_without: int
    broken_without: int
    lift: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What the interval says: more often, less often, or nothing yet."""
        if self.low > 1:
            return "predicts failures"
        return "predicts successes" if self.high < 1 else "not told apart from chance"


def lift(signal: str, n_with: int, broken_with: int, n_without: int, broken_without: int) -> Lift:
    """Return the relative risk of a signal; every n has to be above 0."""
    a, b = broken_with + 0.5, broken_without + 0.5
    ratio = (a / (n_with + 1)) / (b / (n_without + 1))
    spread = Z * math.sqrt(1 / a - 1 / (n_with + 1) + 1 / b - 1 / (n_without + 1))
    return Lift(signal, n_with, broken_with, n_without, broken_without, ratio,
                ratio * math.exp(-spread), ratio * math.exp(spread))  # fmt: skip


LARGE_LINES, MANY_FILES, HOT, CROWD, LOW = 100, 4, 5, 3, 0.6
SIGNALS: dict[str, pl.Expr] = {
    "Changes more than 100 lines": pl.col("line_count") > LARGE_LINES,
    "Touches 4 files or more": pl.col("file_count") >= MANY_FILES,
    "Touches a hot spot (5 commits in 30 days)": pl.col("churn") >= HOT,
    "Touches a file of 3 people or more": pl.col("authors") >= CROWD,
    "First touch of a file by its author": pl.col("is_first_touch"),
    "Touches a file with open findings": pl.col("findings") > 0,
    "Touches a file below 60 % coverage": pl.col("coverage") < LOW,
}
"""Signal in words to its condition on rows of marts.change_signals; null is left out."""


def lifts(changes: pl.DataFrame) -> list[Lift]:
    """Return the lift of every signal that was seen often enough, highest lower bound first."""
    found: list[Lift] = []
    for name, condition in SIGNALS.items():
        counted = {
            bool(row["given"]): row
            for row in changes.group_by(condition.alias("given"))
            .agg(n=pl.len(), broken=pl.col("is_broken").sum())
            .drop_nulls("given")
            .to_dicts()
        }
        if all(counted.get(given, {"n": 0})["n"] >= FEWEST for given in (True, False)):
            yes, no = counted[True], counted[False]
            found.append(lift(name, yes["n"], yes["broken"], no["n"], no["broken"]))
    return sorted(found, key=lambda one: -one.low)
