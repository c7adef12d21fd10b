"""Answers questions by a SELECT that a model writes; the lake's sandbox runs it, or nothing does.

What the model is told is the semantic layer and the question, not one row. Its SELECT runs in the
sandbox as one of a person does, and stands beside the rows. It goes on from its last answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.calls import Question, UnfitAnswerError
from golive_agents.chat_assistant import MAX_ROWS, TIMEOUT_S, Answer, Refusal
from golive_agents.client import Client
from golive_agents.plan import Plan
from golive_agents.prompting import LONGEST, Item, messages, prompt
from golive_agents.semantic_layer import Subject, subjects
from golive_core.errors import QueryError
from golive_core.lake import Lake
from golive_core.masks import Masks

AGENT = "chat_assistant"
STRICT = ConfigDict(extra="forbid", strict=True)
SELECT = ("select", "with")


class Written(BaseModel):
    """What a model has to answer with."""

    model_config = STRICT
    sql: str | None = Field(max_length=5_000)
    refusal: str | None = Field(max_length=300)


@dataclass
class ModelAssistant:
    """Asks a model for the SELECT of each question; `clock` gives the moment "today" means."""

    lake: Lake
    client: Client
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _before: tuple[str, str] | None = field(default=None, init=False)

    def ask(self, question: str, *, previous: Plan | None = None) -> Answer | Refusal:
        """Return the rows of the model's SELECT, or why there are none."""
        masks = Masks()
        items = [*_layer(), Item("D1", f"today is {self.clock().date()}")]
        if previous is not None and self._before is not None:
            items += [Item("P1", self._before[0]), Item("P2", self._before[1])]
        items.append(Item("Q1", masks.mask(question)))
        sent = messages(prompt("ask"), items)
        asked = Question(
            AGENT, question[:200], prompt("ask").label, sent, masks, Written.model_json_schema(),
            _read,
        )  # fmt: skip
        reply = self.client.ask(asked)
        if reply.value is None:
            return Refusal(question, reply.reason, ())
        if reply.value.sql is None:
            return Refusal(question, reply.value.refusal or "It cannot be answered.", ())
        return self._run(question, masks.restore(reply.value.sql))

    def _run(self, question: str, sql: str) -> Answer | Refusal:
        try:
            rows = self.lake.sandbox(sql, max_rows=MAX_ROWS, timeout_s=TIMEOUT_S)
        except QueryError as error:
            return Refusal(question, f"The SELECT of the model is not taken: {error}", ())
        self._before = (question, sql)
        told = f"{rows.height} rows, by a SELECT of {self.client.model.name}: read it."
        plan = Plan("", "list")
        return Answer(question, told, sql, rows, "table", "", "", plan, "")


def _read(text: str) -> Written:
    """Return an answer that is one SELECT or a plain refusal; raises UnfitAnswerError."""
    found = fitness.parsed(Written, text)
    if (found.sql is None) == (found.refusal is None):
        raise UnfitAnswerError("it has to be a SELECT or a refusal, one of them")
    if found.refusal is not None and (why := fitness.unfit(found.refusal)):
        raise UnfitAnswerError(f"the refusal {why}")
    if found.sql is not None and not found.sql.lstrip().lower().startswith(SELECT):
        raise UnfitAnswerError("it is no SELECT")
    return found


def _layer() -> Iterator[Item]:
    """Yield what can be asked: for each subject its source and expressions, a few a line."""
    number = 0
    for subject in subjects().values():
        for line in _lines(subject):
            number += 1
            yield Item(f"S{number}", line)


def _lines(subject: Subject) -> Iterator[str]:
    head = f"{subject.name}: from {subject.source}"
    head += f" where {subject.where}" if subject.where else ""
    yield f"{head}; day is {subject.day}" if subject.day else head
    told = ""
    for kind in (subject.measures, subject.amounts, subject.dimensions, subject.filters):
        for part in kind.values():
            one = f"{part.name} = {part.sql}; "
            if told and len(told) + len(one) > LONGEST - len(subject.name) - 3:
                yield f"{subject.name}: {told}"
                told = ""
            told += one
    if told:
        yield f"{subject.name}: {told}"
