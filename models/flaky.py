"""Is a test flaky, broken, a victim of outages, or healthy: an empirical-Bayes posterior.

The evidence of each test is `flakes` out of `trials` (marts.test_daily): attempts whose failure a
pass contradicts, out of those that could be judged. Failures that last are kept apart (broken),
failures in outages are left out (infrastructure). The rates of a project's tests are taken to come
from a mixture of healthy noise and flaky tests, fitted to the project's own counts by penalised
marginal likelihood, without labels (`models/rates.py`); how probably a test is flaky before its own
runs says `models/flaky_prior.py`. Each test's posterior speaks of its rate now: old evidence fades,
and a test may have been mended or have become flaky.

Why: docs/adr/0004-flaky-posterior.md. Figures: docs/models/flaky.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import numpy as np
import polars as pl

from golive_core import schema
from models import beta, features, flaky_prior, rates, reasons, static_flaky
from models.beta import Floats
from models.features import AGES, KEY, Aged
from models.rates import Fading, Prior, fit
from models.runs import model_id

__all__ = ["Known", "Prior", "fit", "score", "verdict"]

NAME = "flaky"
FILES = (
    __file__,
    *(str(module.__file__) for module in (beta, features, flaky_prior, rates, static_flaky)),
)
"""Files whose change is another version of the model."""
THRESHOLD = 0.01
"""Flake rate per attempt above which a test counts as flaky."""
FLAKY_AT = 0.65
"""Probability from which the verdict is flaky: a wrong label costs more than a late one."""
FADING = Fading(AGES, half_life=120.0, life=365.0)
"""Days, chosen with FLAKY_AT on simulated seeds 101 to 108; none of the figures is from these."""
BROKEN_SURPRISE = 0.01
"""A run of failures is no flake if even the highest likely rate makes it this improbable."""
BROKEN_ATTEMPTS = 2
SURE = 0.9
"""Probability of flakiness from which failures that lasted may be flakes that nothing contradicted.

A test that fails in a fifth of its attempts often fails in both of two builds: left out, such
failures would make its rate look lower than it is.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of tests beside their runs; both may be empty.

    `tests`: KEY, suite, class_name, name, duration_s, maybe lines and static columns. `partners`:
    KEY and partner_id, a pair of tests that fail together (`models/co_failures.py`), both ways.
    """

    tests: pl.DataFrame = field(default_factory=pl.DataFrame)
    partners: pl.DataFrame = field(default_factory=pl.DataFrame)


NOTHING = Known()


def score(
    daily: pl.DataFrame,
    *,
    as_of: datetime,
    known: Known = NOTHING,
    threshold: float = THRESHOLD,
    made_at: datetime | None = None,
) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Return rows of predictions.flaky for rows of marts.test_daily, and each project's prior.

    Rows that could not be known at `as_of` are left out; it and `made_at` (default: now) are noted.
    """
    made_at = made_at or datetime.now(UTC)
    priors: dict[str, dict[str, float]] = {}
    frames = [pl.DataFrame(schema=schema.FLAKY.schema)]
    past = features.doubted(features.known(daily, as_of))
    for (project_id,), rows in past.group_by("project_id", maintain_order=True):
        evidence = features.evidence(rows, as_of=as_of)
        judged, prior = _judged(evidence, features.aged(rows), known, threshold)
        priors[str(project_id)] = prior
        frames.append(_told(judged, threshold, as_of, made_at))
    return pl.concat(frames).sort("project_id", "test_id"), priors


def _judged(
    evidence: pl.DataFrame, aged: Aged, known: Known, threshold: float
) -> tuple[pl.DataFrame, dict[str, float]]:
    """Return the evidence of a project's tests with their posteriors, and the prior's numbers."""
    bad, tries = aged.flakes.sum(axis=1), aged.trials.sum(axis=1)
    prior = fit(bad, tries)
    share, gain = _shares(evidence, bad, tries, prior, known)
    found = _posteriors(aged.flakes, aged.trials, share, prior, threshold)
    flakes, trials = _completed(aged, found)
    changed = (flakes != aged.flakes).any(axis=1)
    again = _posteriors(flakes[changed], trials[changed], share[changed], prior, threshold)
    merged = {name: _replaced(values, again[name], changed) for name, values in found.items()}
    judged = evidence.with_columns(
        *(pl.Series(name, values) for name, values in merged.items()),
        pl.Series("prior", share),
        pl.Series("shown_by_now", _shown(tries, prior, threshold)),
    )
    return judged, {**asdict(prior), "gain_of_columns": gain}


def _shares(
    evidence: pl.DataFrame, bad: Floats, tries: Floats, prior: Prior, known: Known
) -> tuple[Floats, float]:
    """Return each test's probability of being flaky before its own runs, and the columns' gain."""
    healthy, flaky = flaky_prior.evidence(bad, tries, prior)
    columns, groups = None, np.zeros(evidence.height, dtype=np.int64)
    if known.tests.height:
        tests = evidence.select(KEY).join(known.tests, on=KEY, how="left", maintain_order="left")
        columns = flaky_prior.columns(tests)
        groups = tests.select(pl.struct("suite", "class_name").rank("dense")).to_series().to_numpy()
    share, gain = flaky_prior.shares(healthy, flaky, columns, groups, prior.flaky_share)
    if not known.partners.height:
        return share, gain
    alone = flaky_prior.believed(healthy, flaky, share)
    beside = evidence.select(*KEY).with_columns(alone=pl.Series(alone))
    pairs = known.partners.join(
        beside, left_on=["project_id", "partner_id"], right_on=KEY, how="inner"
    )
    most = beside.join(
        pairs.group_by(KEY).agg(most=pl.max("alone")), on=KEY, how="left", maintain_order="left"
    )
    return flaky_prior.with_partners(share, most["most"].fill_null(0.0).to_numpy()), gain


def _posteriors(
    bad: Floats, tries: Floats, share: Floats, prior: Prior, threshold: float
) -> dict[str, Floats]:
    """Return probability, rate, rate_low and rate_high of each test, shape `(n,)` each."""
    parts = [
        (one.above(threshold), one.mean(), one.quantile(0.05), one.quantile(0.95))
        for one in rates.posteriors(bad, tries, share, prior, FADING)
    ]
    names = ("probability", "rate", "rate_low", "rate_high")
    columns = zip(*parts, strict=True) if parts else [[np.zeros(0)]] * len(names)
    return {name: np.concatenate(list(column)) for name, column in zip(names, columns, strict=True)}


def _completed(aged: Aged, found: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Return flakes and trials with those failures that lasted that were probably flakes too.

    By Bayes, for tests that are surely flaky: a spell of u failures has the odds `rate ** u`
    against the share of days in this project on which failures last.
    """
    flakes, trials = aged.flakes.copy(), aged.trials.copy()
    test, bin_of = aged.lasting["test"].to_numpy(), aged.lasting["bin"].to_numpy()
    usual = (len(test) + 1) / (aged.days + 100)
    rate = np.where(found["probability"] >= SURE, found["rate"], 0.0)[test]
    by_flaking = rate ** aged.lasting["spell"].to_numpy()
    more = aged.lasting["failures"].to_numpy() * by_flaking / (by_flaking + usual)
    np.add.at(flakes, (test, bin_of), more)
    np.add.at(trials, (test, bin_of), more)
    return flakes, trials


def _replaced(values: Floats, new: Floats, at: np.ndarray) -> Floats:
    values = values.copy()
    values[at] = new
    return values


def _shown(tries: Floats, prior: Prior, threshold: float) -> Floats:
    """Return P(a flaky test of this project would have flaked in so many attempts), `(n,)`.

    `1 - E[(1 - rate) ** tries]` over the project's rates above the threshold: one test with rate p
    shows itself in n attempts with probability `1 - (1 - p) ** n` (geometric distribution).
    """
    distinct, at = np.unique(tries, return_inverse=True)
    slab = rates.Posterior(np.tile(prior.slab(), (len(distinct), 1)))
    return (1 - slab.unseen(distinct, above=threshold))[at]


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


def _told(
    judged: pl.DataFrame, threshold: float, as_of: datetime, made_at: datetime
) -> pl.DataFrame:
    """Return the rows of the table: verdict, reasons and notes."""
    counted = judged.with_columns(
        attempts=pl.col("trials") + pl.col("lasting_failures"),
        failures=pl.col("flakes") + pl.col("lasting_failures"),
        verdict=verdict(),
    )
    is_broken = pl.col("verdict") == "broken"
    told = counted.with_columns(
        pl.when(is_broken).then(pl.col("broken_since_sha", "broken_since_at")),
        reasons=reasons.flaky(threshold),
        model_id=pl.lit(model_id(NAME, made_at)),
        as_of=pl.lit(as_of),
        made_at=pl.lit(made_at),
    )
    return schema.conform(schema.FLAKY, told.select(schema.FLAKY.schema.names()))
