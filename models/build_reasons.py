"""Why a build is thought to fail or pass: sentences a developer can check.

The effect of a group of features is what the forecast loses when the group takes the values of a
usual build (Robnik-Sikonja & Kononenko 2008): in points of probability, with its sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from models.build_features import NAMES
from models.build_state import STATES, Posterior, state
from models.evaluate import Floats

MOST = 4
LEAST = 0.01
"""Effects below a point of probability are not told."""
Row = Mapping[str, Any]


def percent(share: float) -> str:
    """Return a share as people read it."""
    return f"{100 * share:.0f} %"


def count(number: float, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:.0f} {noun}{'' if round(number) == 1 else 's'}"


def age(seconds: float) -> str:
    """Return how long ago, in a unit that fits."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count(seconds / size, unit)} ago"
    return "just now"


def _line(name: str, title: str) -> Callable[[Row], str]:
    """Return the sentence on a line of builds: its newest verdicts."""

    def told(row: Row) -> str:
        known, failing = row[f"{name}_builds"], row[f"{name}_failing_builds"]
        if not known:
            return f"no build of {title} is known yet"
        if not failing:
            rate = percent(row[f"{name}_rate_20"])
            of = f"of its last {min(known, 20):.0f} about {rate} failed"
            return f"the last build of {title} passed; {of}"
        passed = (
            f"the last pass was {age(row[f'{name}_pass_age_s'])}" if failing < known
            else "none has passed in 90 days"
        )  # fmt: skip
        return f"{title} has failed in {count(failing, 'build')} in a row, {passed}"

    return told


def _branch(row: Row) -> str:
    return _line("branch", row["branch"] or "this line")(row)


def _commit(row: Row) -> str:
    bad, good = row["commit_failed_builds"], row["commit_passed_builds"]
    if not bad and not good:
        return "this commit was never built in this pipeline"
    return f"this commit was built before: {count(bad, 'failure')}, {good:.0f} passed"


def _rates(row: Row) -> str:
    return (
        f"{percent(row['pipeline_rate'])} of its pipeline's {row['pipeline_builds']:.0f} builds"
        f" of 90 days failed, {percent(row['pipeline_rate_10'])} of its last ones"
    )


def _project(row: Row) -> str:
    return f"about {percent(row['project_rate_5'])} of the project's last 5 builds failed"


def _files(row: Row) -> str:
    if not row["files_count"]:
        return "no changed file is known"
    if row["files_rate_top"] > row["project_rate"]:
        top, usual = percent(row["files_rate_top"]), percent(row["project_rate"])
        return (
            f"recent builds that changed one of its files failed in {top} of cases, all in {usual}"
        )
    return f"recent builds that changed its files failed in {percent(row['files_rate'])} of cases"


def _mends(row: Row) -> str:
    if row["mends_share"]:
        return f"it touches {percent(row['mends_share'])} of the files that broke the branch"
    if row["mending"]:
        return "its subject says that it mends something"
    return "it touches none of the files of the branch's last break"


def _size(row: Row) -> str:
    if row["of_same_commit"]:
        return "nothing has changed since the build before"
    files, lines = count(row["files_count"], "file"), count(row["lines_count"], "line")
    return f"it changes {files} and {lines} in {count(row['commits_count'], 'commit')}"


def _kinds(row: Row) -> str:
    names = {
        "dependencies_share": "dependencies", "build_share": "the build's configuration",
        "tests_share": "tests", "docs_share": "documentation",
    }  # fmt: skip
    parts = [
        f"{title} ({percent(row[name])} of its files)" for name, title in names.items() if row[name]
    ]
    return (
        f"it changes {', '.join(parts)}"
        if parts
        else "it changes neither dependencies, build nor tests"
    )


def _people(row: Row) -> str:
    if not row["author_builds"]:
        return "no earlier build of its author is known"
    own = count(row["author_builds"], "build")
    return f"{percent(row['author_rate'])} of the author's {own} failed"


def _owners(row: Row) -> str:
    people = max(row["owners_count"], 1)
    return (
        f"each of its files was changed by {people:.1f} people in 90 days, "
        f"{percent(row['owned_share'])} of the changes by its author"
    )


def _flaky(row: Row) -> str:
    flakes = count(row["flakes_count"], "flaky failure")
    return f"{flakes} in 14 days ({100 * row['flake_rate']:.2f} % of attempts)"


def _moment(row: Row) -> str:
    waiting = (
        f", {count(row['waiting_count'], 'other build')} waiting or running"
        if row["waiting_count"]
        else ""
    )
    return f"it was asked for on {row['as_of']:%A at %H:%M} UTC{waiting}"


def _asked(row: Row) -> str:
    again = "again " if row["retry"] else ""
    merge = ", of a merge" if row["of_merge"] else ""
    return f"it is built {again}for a {(row['trigger'] or 'push').replace('_', ' ')}{merge}"


@dataclass(frozen=True, slots=True)
class Group:
    """Features that are told together, by the beginning of their names, and their sentence."""

    begins: Sequence[str]
    sentence: Callable[[Row], str]


GROUPS = (
    Group(("branch_", "stage_reached"), _branch),
    Group(("main_",), _line("main", "the main line")),
    Group(("commit_",), _commit),
    Group(("pipeline_",), _rates),
    Group(("project_",), _project),
    Group(("files_rate", "files_builds", "new_share"), _files),
    Group(("mends_", "mending"), _mends),
    Group(("files_count", "lines_", "folders_", "commits_", "of_same_commit"), _size),
    Group(("dependencies_", "build_share", "tests_", "docs_"), _kinds),
    Group(("author_",), _people),
    Group(("owne", "churn_", "authors_"), _owners),
    Group(("flake",), _flaky),
    Group(("hour_", "weekend", "waiting_"), _moment),
    Group(("of_merge", "on_main_line", "retry", "by_schedule", "by_hand",
           "of_change_request"), _asked),
)  # fmt: skip
"""Every feature belongs to one group."""


def effects(
    chance: Callable[[pl.DataFrame], Floats], rows: pl.DataFrame, told: Floats, usual: pl.DataFrame
) -> Floats:
    """Return what each group does to each forecast, shape `(rows, len(GROUPS))`.

    `usual` are rows of the past, of which each feature's median is taken.
    """
    middle = usual.select(pl.col(NAMES).quantile(0.5, "lower")).row(0, named=True)
    found = np.zeros((rows.height, len(GROUPS)))
    for place, group in enumerate(GROUPS):
        own = [name for name in NAMES if name.startswith(tuple(group.begins))]
        other = rows.with_columns(pl.lit(middle[name]).alias(name) for name in own)
        found[:, place] = told - chance(other)
    return found


def of_forest(rows: pl.DataFrame, effect: Floats) -> list[list[str]]:
    """Return the MOST sentences that count most, the strongest first; one at least."""
    return [_told(row, own) for row, own in zip(rows.to_dicts(), effect, strict=True)]


def _told(row: Row, own: Floats) -> list[str]:
    order = np.argsort(-np.abs(own), kind="stable")[:MOST].tolist()
    kept = [place for place in order if abs(own[place]) >= LEAST] or order[:1]
    return [f"{100 * own[place]:+.0f} points: {GROUPS[place].sentence(row)}" for place in kept]


def of_rule(rows: pl.DataFrame, found: Posterior) -> list[list[str]]:
    """Return the state of each row, and what happened in it before."""
    states = rows.select(state()).to_series().to_list()
    told: list[list[str]] = []
    for at, (row, name) in enumerate(zip(rows.to_dicts(), states, strict=True)):
        line = "main line" if row["is_main"] else "other branches"
        seen = (
            f"{found.failed[at]:.0f} of {count(found.builds[at], 'such build')} of the pipeline"
            f" ({line}) failed" if found.builds[at]
            else "no build of the pipeline was in this state yet: an opinion, hardly data"
        )  # fmt: skip
        told.append([_state(name, row), seen])
    return told


def _state(name: str, row: Row) -> str:
    if name in ("failing", "failing_long", "passing"):
        return _branch(row)
    return STATES[name][0]
