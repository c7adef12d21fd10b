"""The culprit of a broken test out of the results that CI has already: no run is made.

`from_history` finds the range by itself: from a commit at which the test passed to the newest at
which it failed. `take_in` gives past results to any search. Frames in, probabilities out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from models.beta import Floats, Mixture
from models.commit_range import between, first_parents, reached
from models.culprit import Search, default_rates

PASSES = 3
"""Commits with passes that the range reaches back over: one pass may be a wrong verdict."""


def parents_of(commits: pl.DataFrame) -> dict[str, list[str]]:
    """Return sha to parents of rows of core.commits."""
    return dict(commits.select("sha", "parents").iter_rows())


def counts(results: pl.DataFrame) -> pl.DataFrame:
    """Return commit_sha, failed, passed of the attempts of one test; skipped ones tell nothing."""
    is_failed = pl.col("status").is_in(["failed", "error"])
    return (
        results.drop_nulls("commit_sha")
        .group_by("commit_sha", maintain_order=True)
        .agg(failed=is_failed.sum(), passed=(pl.col("status") == "passed").sum())
        .filter(pl.col("failed") + pl.col("passed") > 0)
    )


def take_in(search: Search, results: pl.DataFrame) -> int:
    """Give the results (commit_sha, status) of one test to a search; return how many it took."""
    place_of = search.commits.place_of()
    taken = 0
    for sha, failed, passed in counts(results).iter_rows():
        if sha in place_of:
            search.observe(place_of[sha], failed=failed, passed=passed)
            taken += failed + passed
    return taken


def from_history(
    results: pl.DataFrame,
    parents: Mapping[str, Sequence[str]],
    *,
    bad: str | None = None,
    weights: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    false_fail: Mixture | None = None,
) -> Search | None:
    """Return the search that knows all results of one test; None if it never passed before.

    `results` has commit_sha, status and started_at, one row an attempt; attempts in outages are
    best left out. `parents` is the history (`parents_of`). `bad` is the commit that fails, by
    default that of the newest failure. `weights` are prior weights by sha, 1 where there is none.
    """
    known = counts(results)
    bad = bad or _newest_failure(results)
    good = _good(known, bad, parents) if bad is not None else None
    if bad is None or good is None:
        return None
    commits = between(good, bad, parents)
    given = weights or {}
    prior: Floats = np.array([given.get(sha, 1.0) for sha in commits.shas])
    search = Search(commits, prior, confidence, false_fail or default_rates())
    take_in(search, results)
    return search


def _newest_failure(results: pl.DataFrame) -> str | None:
    failures = results.filter(pl.col("status").is_in(["failed", "error"])).drop_nulls("commit_sha")
    newest = failures.sort("started_at")["commit_sha"]
    return newest[-1] if len(newest) else None


def _good(known: pl.DataFrame, bad: str, parents: Mapping[str, Sequence[str]]) -> str | None:
    """Return where the range begins: some passes back on the main line, else on any line."""
    passing = set(known.filter(pl.col("passed") > pl.col("failed"))["commit_sha"])
    for line in (first_parents(bad, parents), reached(bad, parents)):
        found = [sha for sha in line[:-1] if sha in passing]
        if found:
            return found[-PASSES:][0]
    return None


def suspects(search: Search) -> pl.DataFrame:
    """Return sha, probability, failed and passed of each commit, most probable first.

    What is missing from 1 are the two other answers: before the range, and none.
    """
    return pl.DataFrame(
        {
            "sha": search.commits.shas,
            "probability": search.posterior()[1:-1],
            "failed": search.failed[1:].astype(np.int64),
            "passed": search.passed[1:].astype(np.int64),
        }
    ).sort("probability", descending=True, maintain_order=True)
