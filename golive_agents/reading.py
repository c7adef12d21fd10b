"""From a question in English to a plan: what is asked of which subject. No model is asked.

Every word has to be accounted for: a question with a word that no subject knows is refused, so
that an answer is never one to another question. Of the subjects that know every word the one that
says most of them in its own words is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from golive_agents import periods, words
from golive_agents.lexicon import Lexicon, lexicon_of
from golive_agents.periods import Period
from golive_agents.semantic_layer import Subject, subjects
from golive_agents.words import STOP, Kind, plain

LONGEST = 6
"""Words of the longest phrase that is looked for."""
TOP = 10
"""Rows of a ranking or of a list that names no number."""
Values = Callable[[Subject, str], Mapping[str, str]]
"""The values of a dimension that can be named, as people write them, by `plain` form."""
Shape = Literal["value", "ranking", "series", "list"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: names are those of the subject's parts."""

    subject: str
    shape: Shape
    measure: str = ""
    amount: str = ""
    aggregate: str = ""
    dimensions: tuple[str, ...] = ()
    grain: str = ""
    filters: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    period: Period | None = None
    is_descending: bool = True
    limit: int = TOP
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A question that was not understood, with the words that nobody knows."""

    unknown: tuple[str, ...]
    is_double: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One phrase of the question and what it can mean, by kind."""

    meanings: Mapping[Kind, str]
    size: int

    def is_a(self, *kinds: Kind) -> bool:
        """Tell whether it can mean one of these."""
        return any(kind in self.meanings for kind in kinds)


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
    readings = [_Reading(one, said, quoted, period, values) for one in subjects().values()]
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
        limit=new.limit if new.limit != TOP else previous.limit,
    )  # fmt: skip


class _Reading:
    """A question as one subject understands it."""

    def __init__(
        self, subject: Subject, said: list[str], quoted: list[str], period: Period | None,
        values: Values,
    ) -> None:  # fmt: skip
        self.subject, self.period = subject, period
        self._quoted, self._values = quoted, values
        self.unknown: list[str] = []
        self._named: list[tuple[str, str]] = []
        self._numbers: list[int] = []
        self._grouped: list[Word] = []
        self._words = list(self._match(said))
        self._drop_named_dimensions()

    @property
    def is_about(self) -> bool:
        """Tell whether the question names the subject or anything of it."""
        return (
            self.names("subject", "measure", "amount", "most", "least")
            or (self.names("filter") and self.names("dimension"))
            or (self.names("filter") and bool(self._named))
            or any(word.size > 1 and word.is_a("filter") for word in self._words)
        )

    @property
    def score(self) -> tuple[float, int]:
        """How well it fits: words said in the subject's own terms, and its place in the row."""
        own = sum(word.size for word in self._words if word.is_a(*OWN))
        exact = sum(word.size > 1 for word in self._words if word.is_a("measure", "amount", "most"))
        noun = 1.0 if self.names("subject") else 0.0
        dated = 0.0
        if self.period:
            dated = 1.5 if self.subject.day else -3.0
        if self._is_asking("up", "down") and self.names("amount", "measure"):
            exact += 1
        if self._is_asking("grain", "trend") and not self.subject.day:
            dated -= 5.0
        return (own + noun + dated + 0.5 * exact + self.subject.priority, -len(self._named))

    def names(self, *kinds: Kind) -> bool:
        """Tell whether a phrase can mean one of these kinds."""
        return any(word.is_a(*kinds) for word in self._words)

    def usual(self, amount: str) -> str:
        """Return how an amount is usually summed up."""
        return self.subject.amounts[amount].aggregate if amount else ""

    def plan(self) -> Plan:
        """Return what the question asks of this subject."""
        dimensions, grain = self._groups()
        is_ranked = self._is_asking("up", "down")
        superlative = self._first("most", "least")
        measure = self._chosen("measure", before=("filter",) if not is_ranked else ())
        amount = (
            superlative[1]
            if superlative
            else self._chosen(
                "amount", before=() if is_ranked or not self.subject.filters else ("filter",)
            )
        )
        if measure and amount and not superlative:
            measure, amount = self._more_said(measure, amount)
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
            self._is_asking("down", "oldest") or (superlative and superlative[0] == "least")
        )
        return Plan(
            subject=self.subject.name, shape=shape, measure=measure, amount=amount,
            aggregate=aggregate if amount else "", dimensions=dimensions, grain=grain,
            filters=filters, values=tuple(self._named), period=self.period,
            is_descending=is_descending, limit=self._numbers[0] if self._numbers else TOP,
            is_compared=self._is_asking("compare"),
        )  # fmt: skip

    def _shape(
        self, dimensions: tuple[str, ...], grain: str, measure: str, amount: str,
        filters: tuple[str, ...], is_ranked: bool,
    ) -> Shape:  # fmt: skip
        if grain:
            return "ranking" if is_ranked and self._is_asking("which") else "series"
        if dimensions:
            return "ranking"
        if self._is_asking("count") and not (measure and is_ranked):
            return "value"
        if (is_ranked and amount and not self._is_asking("aggregate")) or self._is_asking(
            "newest", "oldest", "list"
        ):
            return "list"
        if measure or (amount and self._is_said("amount", amount)):
            return "value"
        return "list" if filters or self._is_asking("which") or self._named else "value"

    def _groups(self) -> tuple[tuple[str, ...], str]:
        """Return the dimensions to group by, and the grain of time."""
        dimensions: list[str] = []
        grain = ""
        before: Word | None = None
        for word in self._words:
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
        if not grain and self._is_asking("trend"):
            grain = "day"
        return tuple(dict.fromkeys(dimensions)), grain if self.subject.day else ""

    def _filters(self, measure: str, amount: str) -> tuple[str, ...]:
        found: list[str] = []
        for word in self._words:
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
                and self._is_asking("up", "down")
            )
            if not is_taken:
                found.append(word.meanings["filter"])
        return tuple(dict.fromkeys(found))

    def _chosen(self, kind: Kind, before: tuple[Kind, ...]) -> str:
        """Return the part of a kind that the longest phrase names; `before` goes first."""
        found = [
            word for word in self._words
            if word.is_a(kind) and not word.is_a(*before) and word not in self._grouped
        ]  # fmt: skip
        return max(found, key=lambda word: word.size).meanings[kind] if found else ""

    def _more_said(self, measure: str, amount: str) -> tuple[str, str]:
        """Return the one of a measure and an amount that is said in more words."""
        is_amount = self._size("amount", amount) > self._size("measure", measure)
        return ("", amount) if is_amount or self._is_asking("aggregate") else (measure, "")

    def _size(self, kind: Kind, name: str) -> int:
        return max((one.size for one in self._words if one.meanings.get(kind) == name), default=0)

    def _aggregate(self) -> str:
        found = self._first("aggregate")
        return found[1] if found else ""

    def _first(self, *kinds: Kind) -> tuple[Kind, str] | None:
        for word in self._words:
            for kind in kinds:
                if kind in word.meanings:
                    return kind, word.meanings[kind]
        return None

    def _is_said(self, kind: Kind, name: str) -> bool:
        return any(word.meanings.get(kind) == name for word in self._words)

    def _is_asking(self, *kinds: Kind) -> bool:
        return self.names(*kinds)

    def _match(self, said: list[str]) -> Iterator[Word]:
        lexicon = lexicon_of(self.subject)
        plains = [plain(one) for one in said]
        at = 0
        while at < len(said):
            word = self._at(said, plains, at, lexicon)
            at += word.size
            yield word

    def _at(self, said: list[str], plains: list[str], at: int, lexicon: Lexicon) -> Word:
        for size in range(min(LONGEST, len(said) - at), 0, -1):
            meanings = lexicon.get(tuple(plains[at : at + size]))
            if meanings:
                return Word(meanings, size)
        return self._other(said[at], plains[at], said, at)

    def _other(self, token: str, plain_token: str, said: list[str], at: int) -> Word:
        if token.startswith("\x00"):
            return self._quote(self._quoted[int(token[1:])])
        if token.isdigit() and int(token) > 0:
            self._numbers.append(int(token))
            return Word({"number": token}, 1)
        for size in (3, 2, 1):
            name = " ".join(said[at : at + size])
            found = self._dimension_of(name)
            if found and len(said) >= at + size:
                self._named.append(found)
                return Word({"value": found[0]}, size)
        if plain_token in STOP or token.casefold() in STOP:
            return Word({"stop": ""}, 1)
        self.unknown.append(token)
        return Word({}, 1)

    def _quote(self, text: str) -> Word:
        found = self._dimension_of(text) or self._part_of_one(text)
        if found:
            self._named.append(found)
            return Word({"value": found[0]}, 1)
        self.unknown.append(text)
        return Word({}, 1)

    def _dimension_of(self, text: str) -> tuple[str, str] | None:
        for name, part in self.subject.dimensions.items():
            if part.values:
                known = self._values(self.subject, name).get(text.casefold())
                if known is not None:
                    return name, known
        return None

    def _part_of_one(self, text: str) -> tuple[str, str] | None:
        """Return the only value that has the text in it."""
        for name, part in self.subject.dimensions.items():
            if part.values:
                found = [
                    v for k, v in self._values(self.subject, name).items() if text.casefold() in k
                ]
                if len(found) == 1:
                    return name, found[0]
        return None

    def _drop_named_dimensions(self) -> None:
        """Take "branch main" and "the nightly pipeline" for filters, not for groups."""
        for at, word in enumerate(self._words):
            beside = [*self._words[max(0, at - 1) : at], *self._words[at + 1 : at + 2]]
            if word.is_a("dimension") and any(
                one.meanings.get("value") == word.meanings["dimension"] for one in beside
            ):
                rest: dict[Kind, str] = {
                    kind: name for kind, name in word.meanings.items() if kind != "dimension"
                }
                self._words[at] = Word(rest or {"stop": ""}, word.size)


OWN: tuple[Kind, ...] = (
    "subject",
    "measure",
    "amount",
    "most",
    "least",
    "dimension",
    "filter",
    "value",
)
