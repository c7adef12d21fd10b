"""Which commits may have broken some tests, or a pipeline: rows of the lake to `Suspects`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from golive_agents.evidence import Evidence
from golive_agents.explanation import Cite, Suspect, Suspects
from golive_core.errors import UsageError

TOP = 5
"""Commits that are named."""
MOST_TESTS = 5
"""Failing tests whose results are asked: what more of them say is mostly the same."""
FLAKE = 0.9
"""Share of the failures of tests known to be flaky that no commit is to blame for."""
RESULTS, BUILDS = "results of {n} failing tests", "results of the pipeline as a whole"


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the failure was seen: its build. `until` is when, aware."""

    project: str
    pipeline: str
    day: object
    until: datetime
    sha: str


def blame(evidence: Evidence, seen: Seen, tests: Sequence[Mapping[str, Any]]) -> Suspects | None:
    """Return the likeliest commits; None where no pass before the failure is known.

    `tests` are rows of failed_tests.sql; without any the builds of the pipeline are the results.
    For several tests the probabilities are means: that of a test drawn at random.
    """
    commits = _commits(evidence, seen)
    if commits.is_empty():
        return None
    if tests:
        chosen = tests[:MOST_TESTS]
        ids = [one["test_id"] for one in chosen]
        results = evidence.rows("results", project=seen.project, tests=ids, day=seen.day,
                                until=seen.until)  # fmt: skip
        found = [_of(evidence, seen, commits, _only(results, one), one) for one in chosen]
        basis = RESULTS.format(n=len(chosen)) if len(chosen) > 1 else "results of the failing test"
    else:
        results = evidence.rows("builds", pipeline=seen.pipeline, day=seen.day, until=seen.until)
        found, basis = [_of(evidence, seen, commits, results, {})], BUILDS
    known = [one for one in found if one is not None]
    return _together(known, commits, seen, basis) if known else None


def _only(results: pl.DataFrame, test: Mapping[str, Any]) -> pl.DataFrame:
    return results.filter(pl.col("test_id") == test["test_id"]) if results.width else results


def _commits(evidence: Evidence, seen: Seen) -> pl.DataFrame:
    rows = evidence.rows("commits", project=seen.project, day=seen.day)
    return rows.unique("sha", keep="first", maintain_order=True) if rows.height else rows


def _of(
    evidence: Evidence, seen: Seen, commits: pl.DataFrame, results: pl.DataFrame,
    test: Mapping[str, Any],
) -> tuple[pl.DataFrame, str] | None:  # fmt: skip
    """Return the suspects of one test and the good end of its range; None if it never passed."""
    from models.culprit import known_rate
    from models.culprit_history import from_history, parents_of, suspects

    if results.is_empty():
        return None
    parents = parents_of(commits)
    rate = test.get("rate") if test.get("verdict") == "flaky" else None
    wrong = known_rate(rate) if rate else None
    try:
        first = from_history(results, parents, bad=seen.sha, false_fail=wrong)
        if first is None:
            return None
        weights = _weights(evidence, seen, commits, first.commits.shas, test.get("file"))
        search = from_history(results, parents, bad=seen.sha, false_fail=wrong, weights=weights)
    except UsageError:
        return None
    if search is None:
        return None
    scale = _sobered(float(search.posterior()[-1]), test)
    named = suspects(search).with_columns(pl.col("probability") * scale)
    return named, search.commits.good


def _sobered(none: float, test: Mapping[str, Any]) -> float:
    """Return by what the probabilities of commits shrink where a test is known to be flaky.

    `none` is P(no commit broke it), found from the prior DOUBT; that of a flaky test is much more.
    """
    from models.culprit import DOUBT

    if test.get("verdict") != "flaky":
        return 1.0
    prior = FLAKE * (test.get("probability") or 0.0)
    if prior <= DOUBT:
        return 1.0
    flake, rest = none * prior / DOUBT, (1 - none) * (1 - prior) / (1 - DOUBT)
    return (1 - prior) / (1 - DOUBT) / (flake + rest)


def _weights(
    evidence: Evidence, seen: Seen, commits: pl.DataFrame, shas: Sequence[str], file: str | None
) -> dict[str, float]:
    """Return the prior weight of each commit of a range, by what it changed."""
    from models.culprit_prior import weights

    inside = commits.filter(pl.col("sha").is_in(list(shas)))
    files = evidence.rows("commit_files", day=seen.day, shas=list(shas))
    if files.is_empty():
        return {}
    return dict(zip(inside["sha"], weights(inside, files, test_file=file).tolist(), strict=True))


def _together(
    found: Sequence[tuple[pl.DataFrame, str]], commits: pl.DataFrame, seen: Seen, basis: str
) -> Suspects:
    every = pl.concat([rows for rows, _ in found])
    mean = (
        every.group_by("sha", maintain_order=True)
        .agg(pl.col("probability").sum() / len(found), pl.col("failed", "passed").sum())
        .sort("probability", descending=True, maintain_order=True)
    )
    named = mean.head(TOP).join(commits, on="sha", how="left", maintain_order="left")
    return Suspects(
        tuple(_suspect(row) for row in named.iter_rows(named=True)), found[0][1], seen.sha,
        mean.height, max(0.0, 1 - float(mean["probability"].sum())), basis,
    )  # fmt: skip


def _suspect(row: Mapping[str, Any]) -> Suspect:
    return Suspect(
        row["sha"], row["probability"], row["subject"], row["author_name"], row["committed_at"],
        row["failed"], row["passed"], Cite("core.commits", f"sha={row['sha']}"),
    )  # fmt: skip
