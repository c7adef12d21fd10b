"""What to make of a broken pipeline: pure sentences from rows, without Streamlit and without SQL.

How likely something is comes from the models; what a person could do next is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboards import words

SURELY_FLAKY = 0.9
"""Probability from which a failure may be taken for a flake without looking."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One next step, and whether the failure looks real, flaky or like infrastructure."""

    verdict: str
    text: str


def status_sentence(broken: Sequence[Mapping[str, Any]], pipelines: int, now: datetime) -> str:
    """Return the headline: how many pipelines are broken on the main line, and for how long."""
    if not pipelines:
        return "No pipeline has finished a build yet"
    if not broken:
        return "Everything is green" if pipelines > 1 else "The pipeline is green"
    since = [row["failing_since_at"] for row in broken if row["failing_since_at"]]
    verb = "is" if len(broken) == 1 else "are"
    text = f"{words.plural(len(broken), 'pipeline')} {verb} broken"
    if not since:
        return text
    lead = "for" if len(broken) == 1 else "the oldest for"
    return f"{text}, {lead} {words.span(now - min(since))}"


@dataclass(frozen=True, slots=True)
class Culprit:
    """The commit of the first failing build, as far as it is known, and the tests it concerns."""

    sha: str | None
    subject: str | None
    author: str | None
    tests: tuple[str, ...] = ()


def culprits(row: Mapping[str, Any], tests: Sequence[Mapping[str, Any]]) -> list[Culprit]:
    """Return the commits behind a broken pipeline, the one with most tests first.

    Each test knows since when it fails on the main line, which is closer to the cause than the
    first failing build of a pipeline that runs once a night. Flaky tests accuse nobody. Without
    such tests it is the commit of the pipeline's first failing build.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for test in tests:
        if test["since_sha"] and not is_flaky(test):
            found.setdefault(test["since_sha"], []).append(test)
    if not found:
        names = ("commit_sha", "subject", "author")
        return [Culprit(*(row[f"failing_since_{name}"] for name in names))]
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return [
        Culprit(sha, group[0]["since_subject"], group[0]["since_author"], tuple(map(title, group)))
        for sha, group in ordered
    ]


def title(test: Mapping[str, Any]) -> str:
    """Return the name of a test."""
    return words.test_title(test["name"], test["parameters"])


def advice(row: Mapping[str, Any], tests: Sequence[Mapping[str, Any]]) -> Advice:
    """Return what to do about a broken pipeline whose newest build fails these tests."""
    if not tests and not row["failing_since_commit_sha"]:
        return Advice(
            "unknown",
            f"No failed test and no commit is known: read the log of build {row['last_number']}.",
        )
    if tests and all(is_flaky(test) for test in tests):
        return Advice(
            "flaky", "Every failing test is known to be flaky: run the build again, then mend them."
        )
    if tests and all(test["verdict"] == "infrastructure" for test in tests if not is_flaky(test)):
        return Advice(
            "infrastructure", "This looks like the machines, not the code: look at the runner."
        )
    return Advice("broken", _blame(culprits(row, tests)[0], row))


def is_flaky(test: Mapping[str, Any]) -> bool:
    """Tell whether a failing test may be taken for a flake."""
    return test["verdict"] == "flaky" and (test["probability"] or 0) >= SURELY_FLAKY


def _blame(culprit: Culprit, row: Mapping[str, Any]) -> str:
    if not culprit.sha:
        return "No commit is known for the first failing build: compare it with the last good one."
    sha, good = words.short(culprit.sha), row["last_good_commit_sha"]
    whom = f"Ask {culprit.author} about {sha}" if culprit.author else f"Look at {sha}"
    if culprit.tests or not good or good == culprit.sha:
        return f"{whom}, or read it: git show {sha}"
    return f"{whom}, or see what came in: git log {words.short(good)}..{sha}"


def since(row: Mapping[str, Any], now: datetime) -> str:
    """Return how long and how often a pipeline has failed."""
    builds = words.plural(row["failing_builds"], "build")
    if row["last_good_at"] is None:
        return f"never green in {builds}"
    return f"failing for {words.span(now - row['failing_since_at'])}, {builds} in a row"


def cost(seconds: float | None, usd: float | None, usd_per_minute: float) -> str:
    """Return machine time with its price and the rate behind it; without a rate, the time alone."""
    if not seconds:
        return ""
    minutes = words.duration(seconds)
    if usd:
        return f"{minutes} of machine time, {words.money(usd)} as reported by the source"
    if usd_per_minute:
        price = words.money(seconds / 60 * usd_per_minute)
        return f"{minutes} of machine time, {price} at ${usd_per_minute:g} a minute"
    return f"{minutes} of machine time"
