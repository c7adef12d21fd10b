"""Planted failures and changes: does a model word the cause that is there, and see the defect.

Judged is what can be: whether the line of the cause is cited, and whether the line of the defect is
remarked. Whether the words are any good, nothing here can tell.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from golive_agents import telling
from golive_agents.advising import next_step
from golive_agents.change import Change
from golive_agents.client import Client
from golive_agents.code_reviewer import Reviewer
from golive_agents.diagnosis import diagnose
from golive_agents.diff import parse
from golive_agents.evaluation.score import Outcome
from golive_agents.explanation import Explanation
from golive_agents.remarks import remark
from golive_core.lake import Lake

PLANTED = Path(__file__).parent / "planted.toml"
LOG = "build.log"


@dataclass(frozen=True, slots=True)
class Log:
    """A log and a part of the line that names the cause."""

    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A file before and after; `line` is the defect's after it, 0 where there is none."""

    path: str
    line: int
    before: str
    after: str

    @property
    def change(self) -> Change:
        """It as a change."""
        sides = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        diff = difflib.unified_diff(*sides, f"a/{self.path}", f"b/{self.path}")
        return Change(self.path, parse("".join(diff)))


def planted() -> tuple[list[Log], list[Edit]]:
    """Return what is planted."""
    found = tomllib.loads(PLANTED.read_text())
    return [Log(**one) for one in found["log"]], [Edit(**one) for one in found["change"]]


def explained(client: Client) -> Iterator[Outcome]:
    """Yield for each log whether the model's first sentence cites the line of the cause."""
    for one in planted()[0]:
        found = explanation(one)
        reply = diagnose(found, client)
        if reply.value is None:
            yield Outcome(one.cause, "refused", reply.reason)
            continue
        places = {line.cite for line in found.lines if one.cause in line.text}
        cited = reply.value.claims[0].cites
        yield Outcome(one.cause, "right" if places & {*cited} else "wrong", "; ".join(cited))


def explanation(one: Log) -> Explanation:
    """Return what is known of a planted log without a model."""
    lines = pl.Series(one.text.strip().splitlines(), dtype=pl.String)
    shown = telling.of_text(lines, LOG)
    found = Explanation("file", LOG, shown[0].text, lines=shown)
    return replace(found, next_step=next_step(found))


def reviewed(client: Client, lake: Lake) -> Iterator[Outcome]:
    """Yield for each change whether its defect is remarked, and a sound one is left alone."""
    for one in planted()[1]:
        found = Reviewer(lake).review(one.change)
        said = remark(found, one.change, client)
        lines = {each.line for each in said.remarks}
        if said.reason:
            yield Outcome(one.path, "refused", said.reason)
        elif one.line:
            yield Outcome(one.path, "right" if one.line in lines else "wrong", str(sorted(lines)))
        else:
            yield Outcome(one.path, "made up" if lines else "right", str(sorted(lines)))
