"""Is a test flaky, broken, a victim of outages, or healthy: an empirical-Bayes posterior.

The evidence of each test is `flakes` out of `trials` (marts.test_daily): attempts whose failure a
pass contradicts, out of those that could be judged. Failures that last are kept apart (broken),
failures in outages are left out (infrastructure). The rates of a project's tests are taken to come
from a mixture of two Beta distributions, a spike of healthy noise and a slab of flaky tests, fitted
to the project's own counts by penalised marginal likelihood, without labels. Each test's posterior
then says how probable it is that its flake rate is above the threshold, and how sure that is.

Why: docs/adr/0004-flaky-posterior.md. Figures: docs/models/flaky.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from scipy import special

from golive_core import schema
from models import beta, features, reasons
from models.beta import Floats, Mixture, Opinion, Posterior, minimise, shape_of
from models.runs import model_id

NAME = "flaky"
FILES = (__file__, str(beta.__file__), str(features.__file__))
"""Files whose change is another version of the model."""
THRESHOLD = 0.01
"""Flake rate per attempt above which a test counts as flaky."""
FLAKY_AT = 0.68
"""Probability from which the verdict is flaky: a wrong label costs more than a late one."""
BROKEN_SURPRISE = 0.01
"""A run of failures is no flake if even the highest likely rate makes it this improbable."""
BROKEN_ATTEMPTS = 2
OPINIONS = {
    "flaky_share": Opinion(float(special.logit(0.16)), 1.5),
    "noise": Opinion(float(np.log(0.0005)), 1.0),
    "noise_strength": Opinion(float(np.log(2000.0)), 1.0),
    "rate": Opinion(float(special.logit(0.05)), 0.5),
    "rate_strength": Opinion(float(np.log(12.0)), 0.5),
}
"""What a project is like before any of its data, on the scale of the fit (logit, log).

The share is Google's (Micco 2016: some flakiness in 16 % of all tests). It is higher than the data
of most projects then shows, so that a few runs that passed are not yet an all-clear.
"""


@dataclass(frozen=True, slots=True)
class Prior:
    """The fitted prior: share of flaky tests, means and strengths (a + b) of spike and slab."""

    flaky_share: float
    noise: float
    noise_strength: float
    rate: float
    rate_strength: float

    def mixture(self) -> Mixture:
        """Return it as a mixture: spike first, slab second."""
        spike = shape_of(self.noise, self.noise_strength)
        slab = shape_of(self.rate, self.rate_strength)
        weight = np.array([1 - self.flaky_share, self.flaky_share])
        return Mixture(weight, np.array([spike[0], slab[0]]), np.array([spike[1], slab[1]]))


def _prior(x: Floats) -> Prior:
    share, rate = special.expit(x[0]), special.expit(x[3])
    noise, noise_strength, rate_strength = np.exp(x[[1, 2, 4]])
    return Prior(
        float(share), float(min(noise, 0.5)), float(noise_strength), float(rate),
        float(rate_strength),
    )  # fmt: skip


def fit(flakes: Floats, trials: Floats) -> Prior:
    """Fit the prior to the counts of a project's tests, shape `(n_tests,)` each; no labels.

    Equal pairs of counts are counted once, so that it costs what the distinct pairs cost.
    """
    pairs, times = np.unique(np.stack([flakes, trials], axis=1), axis=0, return_counts=True)
    failures, tries = pairs[:, 0], pairs[:, 1]
    opinions = list(OPINIONS.values())

    def loss(x: Floats) -> float:
        penalty = sum(o.penalty(float(v)) for o, v in zip(opinions, x, strict=True))
        return penalty - float((times * _prior(x).mixture().log_evidence(failures, tries)).sum())

    return _prior(minimise(loss, np.array([opinion.mean for opinion in opinions])))


def score(
    evidence: pl.DataFrame,
    *,
    as_of: datetime,
    threshold: float = THRESHOLD,
    made_at: datetime | None = None,
) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Return rows of predictions.flaky for `features.evidence`, and the prior of each project.

    `as_of` is what the evidence was cut at; it and `made_at` (default: now) are only noted.
    """
    made_at = made_at or datetime.now(UTC)
    priors: dict[str, dict[str, float]] = {}
    frames = [pl.DataFrame(schema=schema.FLAKY.schema)]
    for (project_id,), group in evidence.group_by("project_id", maintain_order=True):
        prior = fit(_floats(group, "flakes"), _floats(group, "trials"))
        priors[str(project_id)] = asdict(prior)
        frames.append(_scored(group, prior, threshold, as_of, made_at))
    return pl.concat(frames).sort("project_id", "test_id"), priors


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).to_numpy()


def posteriors(counts: pl.DataFrame, prior: Prior, threshold: float) -> pl.DataFrame:
    """Return probability, rate, rate_low and rate_high for each distinct (flakes, trials)."""
    pairs = counts.select("flakes", "trials").unique(maintain_order=True)
    found: Posterior = prior.mixture().posterior(_floats(pairs, "flakes"), _floats(pairs, "trials"))
    return pairs.with_columns(
        probability=found.above(threshold),
        rate=found.mean(),
        rate_low=found.quantile(0.05),
        rate_high=found.quantile(0.95),
    )


def verdict() -> pl.Expr:
    """Return the verdict: broken before flaky before infrastructure, else healthy.

    Broken and infrastructure speak of now: the test fails since its last pass on the default
    branch, and these failures are its own, or all of them happened in outages.
    """
    surprise = pl.col("rate_high") ** pl.col("broken_attempts")
    is_broken = (pl.col("broken_attempts") >= BROKEN_ATTEMPTS) & (surprise < BROKEN_SURPRISE)
    is_flaky = (pl.col("probability") >= FLAKY_AT) & (pl.col("flakes") > 0)
    is_away = pl.col("broken_since_at").is_not_null() & (pl.col("broken_attempts") == 0)
    return (
        pl.when(is_broken)
        .then(pl.lit("broken"))
        .when(is_flaky)
        .then(pl.lit("flaky"))
        .when(is_away)
        .then(pl.lit("infrastructure"))
        .otherwise(pl.lit("healthy"))
    )


def _scored(
    group: pl.DataFrame, prior: Prior, threshold: float, as_of: datetime, made_at: datetime
) -> pl.DataFrame:
    counted = group.with_columns(
        attempts=pl.col("trials") + pl.col("lasting_failures"),
        failures=pl.col("flakes") + pl.col("lasting_failures"),
    ).join(posteriors(group, prior, threshold), on=["flakes", "trials"], maintain_order="left")
    judged = counted.with_columns(verdict=verdict())
    is_broken = pl.col("verdict") == "broken"
    told = judged.with_columns(
        pl.when(is_broken).then(pl.col("broken_since_sha", "broken_since_at")),
        reasons=reasons.flaky(threshold),
        model_id=pl.lit(model_id(NAME, made_at)),
        as_of=pl.lit(as_of),
        made_at=pl.lit(made_at),
    )
    return schema.conform(schema.FLAKY, told.select(schema.FLAKY.schema.names()))
