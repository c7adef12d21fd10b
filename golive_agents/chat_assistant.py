"""Answers questions from the lake: a question, the SQL it means, its rows, a chart, a sentence.

The documented interface of the Ask page, `golive ask` and every other front: `Assistant.ask` takes
a question and returns an `Answer` or a `Refusal`. What can be asked is the semantic layer
(`semantic_layer.py`); questions are read by a grammar (`reading.py`), so that it works without any
model. The SQL runs in the lake's sandbox, and every answer carries it: to read, change and run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from golive_agents import periods, statements
from golive_agents.periods import Period
from golive_agents.plan import Plan, Unread
from golive_agents.reading import read
from golive_agents.semantic_layer import Subject, subjects
from golive_agents.sentences import sentence
from golive_core.errors import QueryError

if TYPE_CHECKING:
    import polars as pl

    from golive_core.lake import Lake

Chart = Literal["number", "bars", "line", "table"]
MAX_ROWS = 10_000
TIMEOUT_S = 20.0
MAX_VALUES = 20_000
"""Names of one dimension that a question can mention: tests, branches, people."""
MAX_QUESTION = 1000
"""Characters of a question that are read."""
NEEDED = re.compile(r"\b(?:core|marts|predictions|ops)\.[a-z_]+")
ELSEWHERE: Mapping[str, str] = {
    "why": "For causes ask the failure itself: golive explain FAILURE",
    "should": "Advice is no row of the lake; ask for numbers, for example what is broken now",
    "delete": "Questions only read; nothing can be changed here",
    "drop": "Questions only read; nothing can be changed here",
    "update": "Questions only read; nothing can be changed here",
}
"""What to say of words that lead elsewhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question: `plan` lets the next question go on from it."""

    question: str
    sentence: str
    sql: str
    rows: pl.DataFrame
    chart: Chart
    value: str
    """The column with what was asked for; "" for a list."""
    unit: str
    plan: Plan
    period: str
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer, and what could be asked instead."""

    question: str
    reason: str
    suggestions: tuple[str, ...]


class Assistant:
    """Answers questions about one lake, of one project or of all.

    `clock` gives the moment that "today" means (aware).
    """

    def __init__(
        self, lake: Lake, *, project: str = "", clock: Callable[[], datetime] | None = None,
        as_of: datetime | None = None,
    ) -> None:  # fmt: skip
        self._lake, self._project, self._as_of = lake, project, as_of
        self._clock = clock or (lambda: as_of or datetime.now(UTC))
        self._values: dict[tuple[str, str], Mapping[str, str]] = {}

    def ask(self, question: str, *, previous: Plan | None = None) -> Answer | Refusal:
        """Return the answer, or why there is none; `previous` is the plan of the last answer.

        Raises LakeError where the lake cannot be read.
        """
        text = " ".join(question.split())[:MAX_QUESTION]
        today = self._clock().astimezone(UTC).date()
        try:
            plan = read(text, today=today, values=self._known, previous=previous)
        except (ValueError, OverflowError):
            return Refusal(text, "It names a day that does not exist.", suggestions(text))
        if isinstance(plan, Unread):
            return _refusal(text, plan)
        absent = [name for name in tables(subjects()[plan.subject]) if not self._lake.exists(name)]
        if absent:
            reason = (
                f"Nothing is known of {subjects()[plan.subject].label} yet: {absent[0]} is empty."
            )
            return Refusal(text, f"{reason} A source has to bring it: golive sources", ())
        return self._answer(text, plan, today)

    def run(self, sql: str) -> pl.DataFrame:
        """Return the rows of a SELECT in the sandbox; raises QueryError for anything else."""
        return self._lake.sandbox(sql, as_of=self._as_of, max_rows=MAX_ROWS, timeout_s=TIMEOUT_S)

    def _answer(self, text: str, plan: Plan, today: date) -> Answer | Refusal:
        usual = periods.usual(today)
        sql = statements.sql(plan, self._project, usual)
        try:
            rows = self.run(sql)
            earlier = self._before(plan, plan.period or usual)
        except QueryError as error:
            return Refusal(text, str(error), ())
        subject = subjects()[plan.subject]
        period = (plan.period or usual).words if subject.day else subject.window
        value = "" if plan.shape == "list" else statements.value_name(subject, plan)
        return Answer(
            question=text, sentence=sentence(subject, plan, rows, period, earlier), sql=sql,
            rows=rows, chart=chart(plan), value=value, unit=unit(subject, plan), plan=plan,
            period=period,
        )  # fmt: skip

    def _before(self, plan: Plan, period: Period) -> float | None:
        """Return the number of the period before, where the question compares."""
        before = period.before()
        if not plan.is_compared or plan.shape != "value" or before is None:
            return None
        rows = self.run(statements.sql(plan, self._project, before))
        return None if rows.is_empty() else rows.item(0, 0)

    def _known(self, subject: Subject, dimension: str) -> Mapping[str, str]:
        """Return the values of a dimension that questions can name, by their casefolded text."""
        text = subject.dimensions[dimension].values
        key = (text, "")
        if key not in self._values:
            self._values[key] = self._read_values(text)
        return self._values[key]

    def _read_values(self, text: str) -> Mapping[str, str]:
        if not all(self._lake.exists(name) for name in NEEDED.findall(text)):
            return {}
        frame = self._lake.query(f"{text} limit {MAX_VALUES}", as_of=self._as_of)
        return {str(one).casefold(): str(one) for one in frame.to_series().drop_nulls()}


def tables(subject: Subject) -> list[str]:
    """Return the tables of the lake that a subject reads."""
    return list(dict.fromkeys(NEEDED.findall(subject.source)))


def chart(plan: Plan) -> Chart:
    """Return how the rows are shown."""
    shapes: dict[str, Chart] = {"value": "number", "ranking": "bars", "series": "line"}
    return shapes.get(plan.shape, "table")


def unit(subject: Subject, plan: Plan) -> str:
    """Return the unit of what was asked for."""
    if plan.amount:
        return subject.amounts[plan.amount].unit
    return subject.measures[plan.measure].unit if plan.measure else ""


def suggestions(text: str, count: int = 4) -> tuple[str, ...]:
    """Return the example questions that share most words with the text."""
    from golive_agents.words import phrase

    said = set(phrase(text))
    examples = [one for subject in subjects().values() for one in subject.examples]
    ordered = sorted(examples, key=lambda one: -len(said & set(phrase(one))))
    return tuple(ordered[:count])


def _refusal(text: str, unread: Unread) -> Refusal:
    if unread.is_double:
        return Refusal(
            text, "That asks two things at once: ask one, then the other.", suggestions(text)
        )
    words = ", ".join(f"“{one}”" for one in unread.unknown[:5])
    hint = next(
        (ELSEWHERE[one.casefold()] for one in unread.unknown if one.casefold() in ELSEWHERE), ""
    )
    reason = (
        f"Nothing in the lake answers to {words}."
        if words
        else "That names nothing that can be counted or listed."
    )
    return Refusal(text, f"{reason} {hint}".strip(), suggestions(text))
