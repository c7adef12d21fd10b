"""A worded diagnosis of an explanation: what a model says of the evidence, held to it.

The evidence is numbered and masked; the answer may cite its numbers, choose a commit and a step
from what is offered, and put sentences to cited lines. It cannot name anything else: an answer with
another field, id, link, markup or secret is thrown away as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.advising import alternatives
from golive_agents.calls import Question, Reply, UnfitAnswerError, known
from golive_agents.client import Client, Told
from golive_agents.explanation import Explanation, Step
from golive_agents.prompting import Item, in_one_line, messages, prompt
from golive_core.masks import Masks

AGENT = "error_resolver"
STRICT = ConfigDict(extra="forbid", strict=True)


class Said(BaseModel):
    """One sentence, and the ids of what shows it."""

    model_config = STRICT
    text: str = Field(min_length=8, max_length=300)
    cites: list[str] = Field(min_length=1, max_length=6)


class Answer(BaseModel):
    """What a model has to answer with."""

    model_config = STRICT
    claims: list[Said] = Field(min_length=1, max_length=4)
    culprit: str | None
    step: str
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a model, and what it rests on: places of lines, rows of tables."""

    text: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a model says of an explanation; `culprit` is a sha, `step` one of those offered."""

    claims: tuple[Claim, ...]
    culprit: str | None
    step: Step
    confidence: float
    model: str


def diagnose(found: Explanation, client: Client, on_text: Told | None = None) -> Reply[Diagnosis]:
    """Return a model's diagnosis, or why there is none."""
    if why := client.why_not():
        return Reply(None, why)
    shas = [one.sha for one in found.suspects.commits] if found.suspects else []
    masks = Masks(known(*shas), _people(found))
    steps = alternatives(found)
    items = list(_items(found, steps, masks))
    wanted = prompt("diagnosis")
    sent = messages(wanted, items)
    reader = _Reader(found, steps, items, masks, sent[0]["content"], client.model.name)
    schema = Answer.model_json_schema()
    question = Question(AGENT, found.id, wanted.label, sent, masks, schema, reader.read)
    return client.ask(question, on_text)


def _items(found: Explanation, steps: Sequence[Step], masks: Masks) -> Iterator[Item]:
    """Yield the evidence: lines L, commits C, past failures P, tests T, steps S; all masked."""

    def masked(name: str, text: str) -> Item:
        return Item(name, masks.mask(in_one_line(text)))

    yield masked("F1", f"{found.kind} {found.id}: {found.title}")
    for at, line in enumerate(found.lines, start=1):
        yield masked(f"L{at}", f"{line.level}: {line.text}")
    for at, commit in enumerate(found.suspects.commits if found.suspects else (), start=1):
        said = f"P = {commit.probability:.2f}, {commit.failed} failed, {commit.passed} passed"
        yield masked(f"C{at}", f"commit {commit.sha[:10]} ({said}): {commit.subject}")
    for at, past in enumerate(found.past, start=1):
        ended = "; ".join(f"ended by {fix.subject}" for fix in past.fixes)
        yield masked(f"P{at}", f"{past.likeness:.0%} alike: {past.type}: {past.message} {ended}")
    for at, test in enumerate(found.tests[:10], start=1):
        yield masked(f"T{at}", f"test {test.title}, verdict {test.verdict}")
    for at, step in enumerate(steps, start=1):
        yield masked(f"S{at}", f"next step: {step.text} ({step.basis})")


def _people(found: Explanation) -> set[str]:
    """Return the names of those who made the commits that are spoken of."""
    commits = found.suspects.commits if found.suspects else ()
    fixes = (fix for past in found.past for fix in past.fixes)
    return {one.author for one in (*commits, *fixes) if one.author}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads an answer about one explanation, or refuses it."""

    found: Explanation
    steps: Sequence[Step]
    items: Sequence[Item]
    masks: Masks
    system: str
    model: str

    def read(self, text: str) -> Diagnosis:
        """Return the diagnosis; raises UnfitAnswerError."""
        answer = fitness.parsed(Answer, text)
        given = {one.id: one.text for one in self.items}
        for claim in answer.claims:
            self._check(claim, given)
        step = self._chosen(answer.step, given, "S")
        commits = self.found.suspects.commits if self.found.suspects else ()
        culprit = answer.culprit and commits[self._chosen(answer.culprit, given, "C")].sha
        claims = tuple(
            Claim(self.masks.restore(one.text), tuple(self._cite(name) for name in one.cites))
            for one in answer.claims
        )
        return Diagnosis(claims, culprit, self.steps[step], answer.confidence, self.model)

    def _check(self, claim: Said, given: Mapping[str, str]) -> None:
        unknown = [name for name in claim.cites if name not in given or name.startswith("S")]
        if unknown:
            raise UnfitAnswerError(f"a claim cites what was not given: {unknown[:3]}")
        said = [given[name] for name in claim.cites]
        if why := fitness.wrong(claim.text, said, self.system):
            raise UnfitAnswerError(f"a claim {why}")

    def _chosen(self, name: str, given: Mapping[str, str], kind: str) -> int:
        """Return the index of a thing that was offered."""
        if name not in given or not re.fullmatch(rf"{kind}[1-9]\d?", name):
            raise UnfitAnswerError(f"it names {name[:20]!r}, which was not offered")
        return int(name[1:]) - 1

    def _cite(self, name: str) -> str:
        """Return what an id stands for: the place of a line, the rows of a table."""
        at = int(name[1:]) - 1
        commits = self.found.suspects.commits if self.found.suspects else ()
        of: dict[str, Sequence[str]] = {
            "F": [f"{self.found.kind} {self.found.id}"],
            "L": [one.cite for one in self.found.lines],
            "C": [str(one.cite) for one in commits],
            "P": [str(one.cite) for one in self.found.past],
            "T": [f"core.tests test_id={one.test_id}" for one in self.found.tests],
        }  # fmt: skip
        return of[name[0]][at]
