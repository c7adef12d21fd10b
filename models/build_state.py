"""The rule that stands before any learning: how often do builds in this state fail?

The state is what the last verdict says: of this commit if it was built before, else of its branch,
else of the main line. Each state has a Beta distribution (empirical Bayes, Casella 1985): a plain
opinion, moved by the project's builds in this state, then by those of the same pipeline and line.
A new project has the opinion alone, with an interval as wide as that is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.evaluate import Floats

STATES = {
    "commit_failed": ("this commit has failed in this pipeline before", 0.65),
    "commit_passed": ("this commit has passed in this pipeline before", 0.15),
    "failing_long": ("the last builds of the branch failed", 0.70),
    "failing": ("the last build of the branch failed", 0.50),
    "new_on_failing": ("no build of this branch yet, and the main line is failing", 0.45),
    "new": ("no build of this branch yet", 0.20),
    "passing": ("the last build of the branch passed", 0.15),
}
"""What each state says, and the failure rate expected of it before any data."""
STRENGTH = 3.0
"""Builds that the opinion is worth."""
TRUST = 8.0
"""Builds that the project's rate is worth in a pipeline's, once that many are known."""
LINE = ("pipeline_id", "is_main_line")


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta distributions of the failure rate, shape `(n,)`, and what they counted."""

    a: Floats
    b: Floats
    builds: Floats
    """Builds of the pipeline and line that were in this state."""
    failed: Floats

    def mean(self) -> Floats:
        """Return the expected failure rates."""
        return self.a / (self.a + self.b)

    def quantile(self, share: float) -> Floats:
        """Return the rates below which lies `share` of the mass."""
        return quantile(self.a, self.b, share)


def state() -> pl.Expr:
    """Return the state of rows of predictions.build_features: a key of STATES."""
    bad, good = pl.col("commit_failed_builds"), pl.col("commit_passed_builds")
    return (
        pl.when((bad > 0) & (bad >= good))
        .then(pl.lit("commit_failed"))
        .when(good > 0)
        .then(pl.lit("commit_passed"))
        .when(pl.col("branch_failing_builds") > 1)
        .then(pl.lit("failing_long"))
        .when(pl.col("branch_failing_builds") > 0)
        .then(pl.lit("failing"))
        .when((pl.col("branch_builds") == 0) & (pl.col("main_failing_builds") > 0))
        .then(pl.lit("new_on_failing"))
        .when(pl.col("branch_builds") == 0)
        .then(pl.lit("new"))
        .otherwise(pl.lit("passing"))
    )


def posterior(past: pl.DataFrame, rows: pl.DataFrame) -> Posterior:
    """Return what `past` (rows with `failed` known) says of the failure rate of each row."""
    known = past.select("project_id", *LINE, "failed", state=state())
    asked = rows.select("project_id", *LINE, state=state())
    wide = _counted(known, asked, ["project_id", "state"])
    own = _counted(known, asked, ["project_id", *LINE, "state"])
    opinion = asked["state"].replace_strict(
        {name: rate for name, (_, rate) in STATES.items()}, return_dtype=pl.Float64
    )
    strength = STRENGTH + wide[0]
    rate = (opinion.to_numpy() * STRENGTH + wide[1]) / strength
    trust = np.minimum(strength, TRUST)
    return Posterior(rate * trust + own[1], (1 - rate) * trust + own[0] - own[1], *own)


def _counted(known: pl.DataFrame, asked: pl.DataFrame, keys: list[str]) -> tuple[Floats, Floats]:
    """Return how many builds of `known` are like each row in `keys`, and how many failed."""
    counts = known.group_by(keys).agg(
        builds=pl.len().cast(pl.Float64), bad=pl.col("failed").sum().cast(pl.Float64)
    )
    found = asked.join(counts, on=keys, how="left", maintain_order="left", nulls_equal=True)
    builds, bad = (found[name].fill_null(0.0).to_numpy() for name in ("builds", "bad"))
    return builds, bad


def quantile(a: Floats, b: Floats, share: float) -> Floats:
    """Return quantiles of Beta distributions."""
    from scipy.special import betaincinv

    return np.asarray(betaincinv(a, b, share), dtype=np.float64)
