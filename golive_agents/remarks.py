"""Remarks of a model on a change: each about a new line, each upheld by a second pass.

The first pass sees the lines of the change and what is known of its files. Each of its remarks has
to name a new line, plainly and in words of the lines that it cites, and how it can be seen to be
true. The second pass gets one remark with the lines around it and tries to refute it; what is
refuted, and what nobody upheld, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.calls import Question, UnfitAnswerError, known
from golive_agents.change import Change
from golive_agents.client import CHARS, Client
from golive_agents.diff import Line
from golive_agents.prompting import LONGEST, Item, in_one_line, messages, prompt
from golive_agents.review import FileRisk, Remark, Review
from golive_core.masks import Masks

AGENT = "code_reviewer"
STRICT = ConfigDict(extra="forbid", strict=True)
AROUND = 40
"""Lines of the diff before and after a line that the second pass sees."""
RESERVED = 2_000
"""Tokens of a call that are kept for the instructions and for names that masks make longer."""
MOST_FINDINGS = 20


class Said(BaseModel):
    """One remark as a model writes it; `line` and `cites` are ids."""

    model_config = STRICT
    line: str
    text: str = Field(min_length=8, max_length=300)
    check: str = Field(min_length=8, max_length=300)
    cites: list[str] = Field(min_length=1, max_length=6)


class Answer(BaseModel):
    """What the first pass has to answer with."""

    model_config = STRICT
    remarks: list[Said] = Field(max_length=5)


class Verdict(BaseModel):
    """What the second pass has to answer with."""

    model_config = STRICT
    verdict: Literal["refuted", "stands"]
    why: str = Field(min_length=8, max_length=300)
    cites: list[str] = Field(min_length=1, max_length=6)


@dataclass(frozen=True, slots=True)
class Worded:
    """The remarks that stand, why others were dropped, and what kept a model from being asked."""

    remarks: tuple[Remark, ...] = ()
    dropped: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the diff under its id."""

    id: str
    path: str
    line: Line

    @property
    def item(self) -> Item:
        """The line as a model sees it."""
        return Item(self.id, f"{self.path}:{self.line.number} {self.line.mark} {self.line.text}")


def remark(found: Review, change: Change, client: Client) -> Worded:
    """Return what a model remarks on a change, or why it was not asked or not heard."""
    if why := client.why_not():
        return Worded(reason=why)
    masks = Masks(known(found.base, found.head), _people(found))
    lines = list(_shown(found, change, client))
    items = [*_facts(found), *(one.item for one in lines)]
    sent, given = _sent("review", items, masks)
    first = _First(lines, given, sent[0]["content"])
    question = Question(
        AGENT, found.name, prompt("review").label, sent, masks, Answer.model_json_schema(),
        first.read,
    )  # fmt: skip
    reply = client.ask(question)
    if reply.value is None:
        return Worded(reason=reply.reason)
    said, dropped = reply.value
    kept: list[Remark] = []
    for one in said:
        stands, why = _upheld(one, masks, lines, found, client)
        kept += [stands] if stands else []
        dropped = dropped if stands else [*dropped, why]
    return Worded(tuple(kept), tuple(dropped))


def _sent(
    name: str, items: Sequence[Item], masks: Masks
) -> tuple[list[dict[str, str]], Mapping[str, str]]:
    """Return the messages of a prompt about items, and what each masked item says."""
    masked = [Item(one.id, masks.mask(in_one_line(one.text))) for one in items]
    return messages(prompt(name), masked), {one.id: one.text for one in masked}


@dataclass(frozen=True, slots=True)
class _First:
    """Reads the answer of the first pass: the remarks that are fit, and why others are not."""

    lines: Sequence[Shown]
    given: Mapping[str, str]
    system: str

    def read(self, text: str) -> tuple[list[Said], list[str]]:
        """Return both; raises UnfitAnswerError where none of several is fit."""
        remarks = fitness.parsed(Answer, text).remarks
        wrong = [self._wrong(one) for one in remarks]
        dropped = [f"a remark {why}" for why in wrong if why]
        if remarks and len(dropped) == len(remarks):
            raise UnfitAnswerError(dropped[0])
        return [one for one, why in zip(remarks, wrong, strict=True) if not why], dropped

    def _wrong(self, one: Said) -> str:
        if not any(shown.id == one.line and shown.line.mark == "+" for shown in self.lines):
            return f"names {one.line[:20]!r}, which is no new line"
        if why := _unknown(one.cites, self.given):
            return why
        cited = [self.given[name] for name in (one.line, *one.cites)]
        wrong = (fitness.wrong(said, cited, self.system) for said in (one.text, one.check))
        return next((why for why in wrong if why), "")


def _unknown(cites: Sequence[str], given: Mapping[str, str]) -> str:
    unknown = [name[:20] for name in cites if name not in given]
    return f"cites what was not given: {unknown[:3]}" if unknown else ""


def _upheld(
    said: Said, masks: Masks, lines: Sequence[Shown], found: Review, client: Client
) -> tuple[Remark | None, str]:
    """Return the remark if the second pass could not refute it, or why it is dropped."""
    at = next(index for index, one in enumerate(lines) if one.id == said.line)
    target = lines[at]
    near = [
        one for one in lines[max(0, at - AROUND) : at + AROUND + 1] if one.path == target.path
    ]  # fmt: skip
    place = f"{target.path}:{target.line.number}"
    items = [
        Item("R1", f"{place}: {masks.restore(said.text)}"), Item("R2", masks.restore(said.check)),
        *(one.item for one in near),
    ]  # fmt: skip
    own = Masks(known(found.base, found.head), _people(found))
    sent, given = _sent("refute", items, own)

    def read(text: str) -> Verdict:
        verdict = fitness.parsed(Verdict, text)
        why = _unknown(verdict.cites, given) or fitness.wrong(
            verdict.why, [given[name] for name in verdict.cites if name in given],
            sent[0]["content"],
        )  # fmt: skip
        if why:
            raise UnfitAnswerError(f"a verdict {why}")
        return verdict

    question = Question(
        AGENT, f"{found.name} {place}", prompt("refute").label, sent, own,
        Verdict.model_json_schema(), read,
    )  # fmt: skip
    reply = client.ask(question)
    if reply.value is None:
        return None, f"nobody upheld the remark on {place}: {reply.reason}"
    if reply.value.verdict == "refuted":
        return None, f"the remark on {place} was refuted: {own.restore(reply.value.why)}"
    return Remark(
        target.path, target.line.number, masks.restore(said.text), masks.restore(said.check),
        own.restore(reply.value.why), client.model.name,
    ), ""  # fmt: skip


def _shown(found: Review, change: Change, client: Client) -> Iterator[Shown]:
    """Yield the lines of the change, the most dangerous files first, as many as a call takes."""
    room = (client.model.call_tokens - client.model.answer_tokens - RESERVED) * CHARS
    files = {one.path: one for one in change.files}
    number = 0
    for risk in found.files:
        for line in files[risk.path].lines:
            number += 1
            one = Shown(f"{'D' if line.mark == '+' else 'X'}{number}", risk.path, line)
            room -= min(len(one.item.text), LONGEST) + len(one.id) + 4
            if room < 0:
                return
            yield one


def _facts(found: Review) -> Iterator[Item]:
    """Yield what analysers and history say of the change."""
    for at, one in enumerate(found.findings[:MOST_FINDINGS], start=1):
        yield Item(f"N{at}", f"{one.cite} {one.tool} {one.rule}: {one.text}")
    for at, one in enumerate(found.files[:MOST_FINDINGS], start=1):
        yield Item(f"H{at}", f"{one.path}: {_history(one)}")


def _history(one: FileRisk) -> str:
    told = {
        "commits in 365 days": one.commits, "of them mending": one.mended, "authors": one.authors,
        "builds that broke": one.broke, "share of lines covered": one.coverage,
    }  # fmt: skip
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)


def _people(found: Review) -> set[str]:
    """Return the names of people that are spoken of."""
    return {one.owner for one in found.files if one.owner}
