"""What a model that can see says of a visual difference; without one, image features say it.

Sent are the changed regions alone, as they were approved and as they are, with what is masked
blank. The answer is a kind of a closed list and one plain sentence a region, and a verdict out of
three; it decides nothing, a person does. Words in pictures cannot be masked, so pictures have a
consent of their own (`[model] may_send_pictures`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.calls import Question, Reply, UnfitAnswerError
from golive_agents.client import Client, Told
from golive_agents.prompting import Item, in_one_line, messages, prompt
from golive_core.masks import Masks

AGENT = "visual_judge"
STRICT = ConfigDict(extra="forbid", strict=True)
Kind = Literal["layout", "text", "colour", "dynamic", "anti-aliasing"]
Verdict = Literal["fault", "meant", "unsure"]
MOST_REGIONS = 4
"""Regions that are sent: the largest."""


@dataclass(frozen=True, slots=True)
class Part:
    """A changed region: its kind and words by image features, PNGs of it before and after."""

    kind: str
    told: str
    size: tuple[int, int]
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """A look that differs from the approved one; `parts` are its regions, largest first."""

    look_id: str
    name: str
    changed_share: float
    parts: tuple[Part, ...]


class SaidOfRegion(BaseModel):
    """What a model says of one region."""

    model_config = STRICT
    id: str
    kind: Kind
    text: str = Field(min_length=8, max_length=160)


class Answer(BaseModel):
    """What a model has to answer with."""

    model_config = STRICT
    regions: list[SaidOfRegion] = Field(min_length=1, max_length=MOST_REGIONS)
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """One region (its index among the parts) in a model's words."""

    part: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of a difference; `confidence` 0 to 1 is its own and not calibrated."""

    regions: tuple[Judged, ...]
    verdict: Verdict
    confidence: float
    model: str


def judge(found: Difference, client: Client, on_text: Told | None = None) -> Reply[Judgement]:
    """Return a model's judgement of a difference, or why there is none."""
    if why := client.why_not(pictures=True):
        return Reply(None, why)
    if not found.parts:
        return Reply(None, "nothing of it changed")
    parts, masks = found.parts[:MOST_REGIONS], Masks((), set())
    wanted = prompt("look")
    sent = messages(wanted, list(_items(found, parts, masks)))
    pictures = [one for part in parts for one in (part.before, part.after)]
    reader = _Reader(len(parts), sent[0]["content"], client.model.name)
    question = Question(AGENT, found.look_id, wanted.label, sent, masks,
                        Answer.model_json_schema(), reader.read, pictures)  # fmt: skip
    return client.ask(question, on_text)


def _items(found: Difference, parts: Sequence[Part], masks: Masks) -> Iterator[Item]:
    for at, part in enumerate(parts, start=1):
        width, height = part.size
        told = f", {part.told}" if part.told else ""
        text = f"{width} x {height} px of “{found.name}”, by image features: {part.kind}{told}"
        yield Item(f"R{at}", masks.mask(in_one_line(text)))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads an answer about the regions that were sent, or refuses it."""

    count: int
    system: str
    model: str

    def read(self, text: str) -> Judgement:
        """Return the judgement; raises UnfitAnswerError."""
        answer = fitness.parsed(Answer, text)
        ids = [one.id for one in answer.regions]
        wanted = [f"R{at}" for at in range(1, self.count + 1)]
        if sorted(ids) != wanted:
            raise UnfitAnswerError(f"it is about {', '.join(ids)[:60]}, not {', '.join(wanted)}")
        for one in answer.regions:
            if why := fitness.unfit(one.text) or fitness.echoes(one.text, self.system):
                raise UnfitAnswerError(f"a sentence {why}")
        regions = tuple(
            Judged(int(one.id[1:]) - 1, one.kind, one.text)
            for one in sorted(answer.regions, key=lambda one: int(one.id[1:]))
        )
        return Judgement(regions, answer.verdict, answer.confidence, self.model)
