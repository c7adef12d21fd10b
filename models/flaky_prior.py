"""How probably each test of a project is flaky before its own runs are looked at.

From what the test is like: its suite, how long it and its class take, how large its class is, any
static columns that are known (lines, smells), and whether tests that fail together with it are
flaky. A logistic regression learns it from the project itself, without labels: the probability of
each test by its runs stands in for the label (expectation maximisation). Each test is told by what
learned from other classes, so that its own runs do not count twice.

It is used only where it foretells the runs of the project's other tests better than one share for
all does; else every test gets that share.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models import rates
from models.beta import Floats
from models.rates import Prior

FOLDS = 4
ROUNDS = 2
LARGEST = 4000
"""Tests that are surely healthy beyond which only a part of them is learned from."""
LIKELY = 0.02
FEWEST_TESTS = 200
FEWEST_FLAKY = 15.0
"""Expected number of flaky tests from which on there is something to learn."""
GAIN = 3.0
"""Log evidence of held-out tests that the regression must win (a factor of 20)."""
SUITES = 12
"""Largest suites that get a column of their own."""
STRENGTH = 0.1
"""scikit-learn's C: small, so that what is learned stays close to the project's share."""
LIMITS = (0.2, 5.0)
"""Odds beside those of the project's share that a test may be given, or `partner` times as much."""
PARTNER = 20.0


def columns(tests: pl.DataFrame) -> Floats:
    """Return the columns of tests as an array, standardised, shape `(n, columns)`.

    `tests` has `class_name`, `suite`, `name`, `duration_s` (median, seconds) and may have `lines`
    and any numeric static columns; nulls count as the mean.
    """
    from models import static_flaky

    named = tests.select(
        pl.lit("").alias(static_flaky.PROJECT),
        pl.concat_str(pl.col("class_name").fill_null(""), pl.lit("."), "name").alias(
            static_flaky.TEST
        ),
        pl.col("duration_s").fill_null(pl.col("duration_s").mean()).fill_null(0.0).alias(
            static_flaky.TIME
        ),
        _lines(tests).alias(static_flaky.SIZE),
        *(
            pl.col(name).cast(pl.Float64).fill_null(pl.col(name).mean()).fill_null(0.0)
            for name, dtype in tests.schema.items()
            if dtype.is_numeric() and name not in ("test_id", "duration_s", "lines")
        ),
    )  # fmt: skip
    found = static_flaky.views(named)
    suites = tests["suite"].fill_null("").value_counts(sort=True).head(SUITES).to_series()
    one_hot = np.stack([(tests["suite"].fill_null("") == one).to_numpy() for one in suites], axis=1)
    every = np.concatenate([_tamed(found.full), one_hot.astype(np.float64)], axis=1)
    spread = every.std(axis=0)
    return (every[:, spread > 0] - every.mean(axis=0)[spread > 0]) / spread[spread > 0]


def _lines(tests: pl.DataFrame) -> pl.Expr:
    if "lines" not in tests.columns:
        return pl.lit(0.0)
    return pl.col("lines").cast(pl.Float64).fill_null(pl.col("lines").mean()).fill_null(0.0)


def _tamed(values: Floats) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values))


def evidence(bad: Floats, tries: Floats, prior: Prior) -> tuple[Floats, Floats]:
    """Return the log evidence of each test's counts if it is healthy and if it is flaky, `(n,)`."""
    likely, top = rates.likelihood(bad, tries)
    told = (np.log(np.maximum(likely @ mass, 1e-300)) for mass in (prior.spike(), prior.slab()))
    healthy, flaky = told
    return healthy + top, flaky + top


def shares(
    healthy: Floats, flaky: Floats, known: Floats | None, groups: np.ndarray, share: float
) -> tuple[Floats, float]:
    """Return each test's prior probability of being flaky, `(n,)`, and the gain over one share.

    `healthy` and `flaky` are the log evidences, `known` the columns (None: none are known),
    `groups` the class of each test, as numbers. The gain is 0 where one share stands for all.
    """
    flat = np.full(len(healthy), share)
    expected = believed(healthy, flaky, flat).sum()
    too_few = len(healthy) < FEWEST_TESTS or expected < FEWEST_FLAKY
    if known is None or not known.shape[1] or too_few:
        return flat, 0.0
    own = flat
    usual, gain = _fit(healthy, flaky, flat), 0.0
    for _ in range(ROUNDS):
        own = _told(known, believed(healthy, flaky, own), groups, share)
        gain = _fit(healthy, flaky, own) - usual
        if gain < 0:
            break
    return (own, gain) if gain >= GAIN else (flat, 0.0)


def with_partners(share: Floats, partners: Floats) -> Floats:
    """Return the shares after a look at the tests that fail with each test more than by chance.

    `partners` is the highest probability of flakiness among them, 0 without any, shape `(n,)`. A
    flaky partner multiplies the odds by up to PARTNER: two healthy tests seldom fail in the same
    builds twice when nothing else fails.
    """
    odds = share / (1 - share) * (1 + (PARTNER - 1) * partners)
    return odds / (1 + odds)


def believed(healthy: Floats, flaky: Floats, share: Floats) -> Floats:
    """Return P(flaky | runs), shape `(n,)`."""
    gap = np.log1p(-share) + healthy - np.log(share) - flaky
    return 1 / (1 + np.exp(np.clip(gap, -500, 500)))


def _fit(healthy: Floats, flaky: Floats, share: Floats) -> float:
    return float(np.logaddexp(np.log1p(-share) + healthy, np.log(share) + flaky).sum())


def _drawn(chances: Floats) -> Floats:
    """Return for how many tests each one stands: all that may be flaky, and a part of the rest."""
    step = max(1, len(chances) // LARGEST)
    sampled = np.where(np.arange(len(chances)) % step == 0, float(step), 0.0)
    return np.where(chances >= LIKELY, 1.0, sampled)


def _told(known: Floats, chances: Floats, groups: np.ndarray, share: float) -> Floats:
    """Return what each test is told by the classes of the other folds, near the project's share."""
    from models import learners

    told = np.full(len(chances), share)
    fold = groups % FOLDS
    stands_for = _drawn(chances)
    for one in range(FOLDS):
        train, test = (fold != one) & (stands_for > 0), fold == one
        if not train.any() or not test.any():
            continue
        rows = np.concatenate([known[train], known[train]])
        labels = np.concatenate([np.ones(train.sum()), np.zeros(train.sum())])
        weights = np.concatenate([chances[train], 1 - chances[train]])
        weights *= np.concatenate([stands_for[train], stands_for[train]])
        told[test] = learners.chance(
            learners.logistic(STRENGTH).fit(rows, labels, weights), known[test]
        )
    usual = share / (1 - share)
    odds = np.clip(told / (1 - told) / usual, *LIMITS) * usual
    return odds / (1 + odds)
