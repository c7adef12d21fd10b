"""From a question in English to a plan: what is asked of which subject. No model is asked.

Every word has to be accounted for: a question with a word that no subject knows is refused, so
that an answer is never one to another question. Of the subjects that know every word the one that
says most of them in its own words is taken.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from golive_agents import periods, words
from golive_agents.matching import OWN, Matched, Values, Word
from golive_agents.periods import Period
from golive_agents.plan import ALL, TOP, Plan, Shape, Unread
from golive_agents.semantic_layer import Subject, subjects
from golive_agents.words import Kind

STATE = re.compile(r"\s*(?:is|are)\b")
"""How a question begins that asks how something is now."""


def read(
    question: str, *, today: date, values: Values, previous: Plan | None = None
) -> Plan | Unread:
    """Return what is asked; a question that goes on from `previous` changes its plan.

    Raises ValueError for a day that does not exist.
    """
    text, quoted = _without_quotes(question)
    period, rest = periods.find(text.casefold(), today)
    said = words.without_auxiliaries(words.tokens(rest))
    if previous and words.FOLLOWING.search(text.casefold().strip()):
        return _changed(previous, said, quoted, period, values)
    is_state = period is None and bool(STATE.match(text.casefold()))
    readings = [
        _Reading(one, said, quoted, period, values, is_state=is_state)
        for one in subjects().values()
    ]
    known = [one for one in readings if not one.unknown and one.is_about]
    if known and _is_double(said):
        return Unread((), is_double=True)
    if known:
        return max(known, key=lambda one: one.score).plan()
    if previous and not isinstance(
        found := _changed(previous, said, quoted, period, values), Unread
    ):
        return found
    nearest = min(readings, key=lambda one: (len(one.unknown), -one.score[0]))
    return Unread(tuple(nearest.unknown))


def _is_double(said: list[str]) -> bool:
    """Tell whether two things are asked at once: the answer would be one to half of it."""
    text = f" {' '.join(said).casefold()} "
    return (
        sum(text.count(f" {one} ") for one in ("how many", "how long", "how often", "how much")) > 1
    )


def _without_quotes(question: str) -> tuple[str, list[str]]:
    """Return the question with what is in quotes as numbers, and what was in them."""
    quoted: list[str] = []

    def note(match: re.Match[str]) -> str:
        quoted.append(next(one for one in match.groups() if one))
        return f" \x00{len(quoted) - 1} "

    return words.QUOTED.sub(note, question), quoted


def _changed(
    previous: Plan, said: list[str], quoted: list[str], period: Period | None, values: Values
) -> Plan | Unread:
    """Return the earlier plan with what this question says anew."""
    reading = _Reading(subjects()[previous.subject], said, quoted, period, values)
    if reading.unknown:
        return Unread(tuple(reading.unknown))
    new = reading.plan()
    has_measure = bool(new.measure or new.amount) and reading.names("measure", "amount", "most")
    kept = {name: value for name, value in previous.values if name not in dict(new.values)}
    dimensions, grain = new.dimensions or previous.dimensions, new.grain or previous.grain
    if new.dimensions or new.grain:
        dimensions, grain = new.dimensions, new.grain
    base = new if has_measure else previous
    shape: Shape = "series" if grain else "ranking" if dimensions else base.shape
    measure, amount, aggregate = base.measure, base.amount, base.aggregate
    if not measure and not amount and shape in ("series", "ranking"):
        measure = next(iter(reading.subject.measures))
    return replace(
        base, shape=shape, dimensions=dimensions, grain=grain, measure=measure, amount=amount,
        aggregate=aggregate or reading.usual(amount),
        filters=tuple(dict.fromkeys((*previous.filters, *new.filters))),
        values=(*kept.items(), *new.values), period=period or previous.period,
        is_compared=new.is_compared or previous.is_compared,
        limit=new.limit if new.limit != TOP or shape == "ranking" else previous.limit,
    )  # fmt: skip


class _Reading:
    """A question as one subject understands it."""

    def __init__(
        self, subject: Subject, said: list[str], quoted: list[str], period: Period | None,
        values: Values, *, is_state: bool = False,
    ) -> None:  # fmt: skip
        self.subject, self._period, self._is_state = subject, period, is_state
        self._is_asking_time = "how long" in " ".join(said).casefold()
        self._matched = Matched(subject, said, quoted, values)
        self._grouped: list[Word] = []
        self.names, self.unknown = self._matched.names, self._matched.unknown

    @property
    def is_about(self) -> bool:
        """Tell whether the question names the subject or anything of it."""
        return (
            self.names(
                "subject", "measure", "amount", "weak measure", "weak amount", "most", "least"
            )
            or (self.names("filter") and self.names("dimension"))
            or (self.names("filter") and bool(self._matched.named))
            or any(word.size > 1 and word.is_a("filter") for word in self._matched.words)
        )

    @property
    def score(self) -> tuple[float, int]:
        """How well it fits: words said in the subject's own terms, and its place in the row."""
        own = sum(word.size for word in self._matched.words if word.is_a(*OWN))
        exact = sum(
            word.size > 1 for word in self._matched.words if word.is_a("measure", "amount", "most")
        )
        noun = 1.0 if self.names("subject") else 0.0
        dated = 0.0
        if self._period:
            dated = 1.5 if self.subject.day else -3.0
        if self.names("up", "down") and self.names("amount", "measure"):
            exact += 1
        if self.names("grain", "trend") and not self.subject.day:
            dated -= 5.0
        if self._is_state and self.subject.window == "now":
            dated += 1.5
        named = 0.6 * sum(
            one.is_a("value") and not one.is_a("quoted") for one in self._matched.words
        )
        total = own + noun + dated + 0.5 * exact - named + self.subject.priority
        return total, -len(self._matched.named)

    def usual(self, amount: str) -> str:
        """Return how an amount is usually summed up."""
        return self.subject.amounts[amount].aggregate if amount else ""

    def plan(self) -> Plan:
        """Return what the question asks of this subject."""
        dimensions, grain = self._groups()
        is_ranked = self.names("up", "down")
        superlative = self._matched.first("most", "least")
        measure = self._chosen("measure", before=() if is_ranked else ("filter",))
        before_amount = () if is_ranked or not self.subject.filters else ("filter",)
        amount = self._chosen("amount", before=before_amount)
        if measure and amount:
            measure, amount = self._more_said(measure, amount)
        if superlative and not measure:
            amount = amount or superlative[1]
        if (not measure and not amount) or self._wants_time(measure, amount):
            measure = self._chosen("weak measure", before=())
            amount = "" if measure else self._chosen("weak amount", before=())
        filters = self._filters(measure, amount)
        shape = self._shape(
            dimensions, grain, measure, amount, filters, is_ranked or bool(superlative)
        )
        aggregate = self._aggregate() or self.usual(amount)
        if shape != "list" and not amount and not measure:
            measure = next(iter(self.subject.measures))
        if shape == "list":
            measure = ""
        is_descending = not (
            self.names("down", "oldest") or (superlative and superlative[0] == "least")
        )
        return Plan(
            subject=self.subject.name, shape=shape, measure=measure, amount=amount,
            aggregate=aggregate if amount else "", dimensions=dimensions, grain=grain,
            filters=filters, values=tuple(self._matched.named), period=self._period,
            is_descending=is_descending, limit=self._limit(shape, is_ranked or bool(superlative)),
            is_compared=self.names("compare"),
        )  # fmt: skip

    def _shape(
        self, dimensions: tuple[str, ...], grain: str, measure: str, amount: str,
        filters: tuple[str, ...], is_ranked: bool,
    ) -> Shape:  # fmt: skip
        if grain:
            return "ranking" if is_ranked and self.names("which") else "series"
        if dimensions:
            return "ranking"
        if self.names("count") and not (measure and is_ranked):
            return "value"
        if (is_ranked and amount and not self.names("aggregate")) or self.names(
            "newest", "oldest", "list"
        ):
            return "list"
        if measure or (amount and self._matched.size(amount, "amount", "weak amount")):
            return "value"
        return "list" if filters or self.names("which") or self._matched.named else "value"

    def _wants_time(self, measure: str, amount: str) -> bool:
        """Tell whether the question is how long, and what it names is no time."""
        parts = [*self.subject.measures.values(), *self.subject.amounts.values()]
        units = [one.unit for one in parts if one.name in (measure, amount)]
        return (
            self._is_asking_time
            and not set(units) & {"s", "min"}
            and any(word.is_a("weak measure", "weak amount") for word in self._matched.words)
        )

    def _limit(self, shape: Shape, is_ranked: bool) -> int:
        """Return how many rows are shown: "by author" means all, "which author most" the first."""
        if self._matched.numbers:
            return self._matched.numbers[0]
        is_all = shape == "ranking" and not is_ranked and not self.names("which")
        return ALL if is_all else TOP

    def _groups(self) -> tuple[tuple[str, ...], str]:
        """Return the dimensions to group by, and the grain of time."""
        dimensions: list[str] = []
        grain = ""
        before: Word | None = None
        for word in self._matched.words:
            asks = before is not None and before.is_a("group", "which", "up", "down")
            is_counted = before is not None and before.is_a("up", "down", "count")
            if is_counted and word.is_a("measure"):
                asks = False
            if word.is_a("dimension") and (
                asks or not word.is_a("subject", "measure", "amount", "filter")
            ):
                dimensions.append(word.meanings["dimension"])
                self._grouped.append(word)
            if word.is_a("grain") and asks:
                grain = word.meanings["grain"]
            if not word.is_a("stop", "number"):
                before = (
                    word
                    if not (word.is_a("dimension") and before and before.is_a("group"))
                    else before
                )
        if not grain and self.names("trend"):
            grain = "day"
        return tuple(dict.fromkeys(dimensions)), grain if self.subject.day else ""

    def _filters(self, measure: str, amount: str) -> tuple[str, ...]:
        found: list[str] = []
        for word in self._matched.words:
            if not word.is_a("filter"):
                continue
            is_taken = (word.meanings.get("measure") == measure != "") or (
                amount != ""
                and amount
                in (
                    word.meanings.get("amount"),
                    word.meanings.get("most"),
                    word.meanings.get("least"),
                )
                and self.names("up", "down")
            )
            if not is_taken:
                found.append(word.meanings["filter"])
        return tuple(dict.fromkeys(found))

    def _chosen(self, kind: Kind, before: tuple[Kind, ...]) -> str:
        """Return the part of a kind that the longest phrase names; `before` goes first."""
        found = [
            word for word in self._matched.words
            if word.is_a(kind) and not word.is_a(*before) and word not in self._grouped
        ]  # fmt: skip
        return max(found, key=lambda word: word.size).meanings[kind] if found else ""

    def _more_said(self, measure: str, amount: str) -> tuple[str, str]:
        """Return the one of a measure and an amount that is said in more words."""
        is_amount = self._matched.size(amount, "amount") > self._matched.size(measure, "measure")
        return ("", amount) if is_amount or self.names("aggregate") else (measure, "")

    def _aggregate(self) -> str:
        found = self._matched.first("aggregate")
        return found[1] if found else ""
