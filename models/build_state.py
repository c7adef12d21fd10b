"""The rule that stands before any learning: how often builds in this state fail.

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
Counts = dict[str, list[float]]
"""Builds and failed ones by state, and by state, pipeline and line."""
NONE = [0.0, 0.0]


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


def line() -> pl.Expr:
    """Return the key of the counts of state, pipeline and line."""
    kind = pl.when(pl.col("on_main_line") > 0).then(pl.lit("main")).otherwise(pl.lit("other"))
    return pl.concat_str(state(), kind, pl.col("pipeline_id"), separator=" ", ignore_nulls=True)


def counted(past: pl.DataFrame) -> Counts:
    """Return how many builds were in each state, and failed: of one project, and of each line.

    `past` are rows of predictions.build_features with `failed` known.
    """
    known = past.select("failed", state=state(), line=line())
    return {**_sums(known, "state"), **_sums(known, "line")}


def _sums(known: pl.DataFrame, name: str) -> Counts:
    sums = known.group_by(name).agg(builds=pl.len(), bad=pl.col("failed").sum())
    return {str(key): [float(builds), float(bad)] for key, builds, bad in sums.iter_rows()}


def posterior(counts: Counts, rows: pl.DataFrame) -> Posterior:
    """Return what `counts` say of the failure rate of each row."""
    asked = rows.select(state=state(), line=line())
    builds, bad = _looked_up(counts, asked["state"])
    own_builds, own_bad = _looked_up(counts, asked["line"])
    opinion = np.array([STATES[name][1] for name in asked["state"]], dtype=np.float64)
    strength = STRENGTH + builds
    rate = (opinion * STRENGTH + bad) / strength
    trust = np.minimum(strength, TRUST)
    a, b = rate * trust + own_bad, (1 - rate) * trust + own_builds - own_bad
    return Posterior(a, b, own_builds, own_bad)


def _looked_up(counts: Counts, keys: pl.Series) -> tuple[Floats, Floats]:
    pairs = [counts.get(key, NONE) for key in keys.to_list()]
    return np.array([one for one, _ in pairs]), np.array([bad for _, bad in pairs])


def quantile(a: Floats, b: Floats, share: float) -> Floats:
    """Return quantiles of Beta distributions."""
    from scipy.special import betaincinv

    return np.asarray(betaincinv(a, b, share), dtype=np.float64)
