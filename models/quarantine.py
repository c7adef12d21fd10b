"""Which flaky tests may be quarantined: never one whose failures could be a regression.

Pure: evidence and verdicts in, decisions out. The file that people review is golive_cli's.
"""

from __future__ import annotations

import polars as pl

from models.features import KEY

REGRESSION_PRIOR = 0.01
"""P(a failing test is broken by a commit) before its own evidence: a cautious round figure."""
DOUBT = 0.05
"""Most P(broken) with which a test may be quarantined."""
LEAVE = 0.5
"""P(broken) from which a test that is in quarantine already leaves it.

Higher than DOUBT, or each failure of a flaky test would throw it out with what people wrote.
"""
FLIPS = 3
"""Flips that stand in for a pass on the same commit: one may be a regression mended at once."""


def decisions(verdicts: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Return the tests of predictions.flaky with `doubt`, P(broken now), and `hold`.

    `evidence` is of `features.evidence`. `hold` says in a sentence why a test called flaky is not
    quarantined; it is null for those that may be, and for all that are not called flaky.
    """
    columns = ["broken_attempts", "mixed_commits", "retry_passes", "flips", "trials"]
    known = verdicts.join(evidence.select(*KEY, *columns), on=KEY, how="left")
    return known.with_columns(doubt=doubt()).with_columns(hold=hold()).sort(KEY)


def doubt() -> pl.Expr:
    """Return P(broken) by Bayes: a break fails every attempt, a flaky test each at its rate.

    The posterior mean to the power of the run's length is at most the expected power (Jensen), so
    that the doubt is rather too high than too low. Without a run of failures there is none.
    """
    streak = pl.col("broken_attempts").fill_null(0)
    by_flaking = (1 - REGRESSION_PRIOR) * pl.col("rate") ** streak
    broken = REGRESSION_PRIOR / (REGRESSION_PRIOR + by_flaking)
    return pl.when(streak > 0).then(broken).otherwise(0.0)


def hold() -> pl.Expr:
    """Return why a flaky test stays out of quarantine, null if nothing speaks against it."""
    count = pl.col("broken_attempts").cast(pl.String)
    firm = (pl.col("mixed_commits") + pl.col("retry_passes")).fill_null(0) > 0
    is_firm = firm | (pl.col("flips").fill_null(0) >= FLIPS)
    percent = (pl.col("doubt") * 100).round(0).cast(pl.Int64).cast(pl.String)
    failing = pl.format("fails now, {} attempts in a row: broken with {} %", count, percent)
    return (
        pl.when(pl.col("verdict") != "flaky")
        .then(None)
        .when(pl.col("doubt") > DOUBT)
        .then(failing)
        .when(~is_firm)
        .then(pl.lit("never passed and failed on one commit: it could have been a regression"))
    )


def allowed() -> pl.Expr:
    """Return whether a test of `decisions` may be quarantined."""
    return (pl.col("verdict") == "flaky") & pl.col("hold").is_null()
