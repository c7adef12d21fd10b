"""Which words of a question a subject knows: phrases of its lexicon, values of its dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from golive_agents.lexicon import Lexicon, lexicon_of
from golive_agents.semantic_layer import Subject
from golive_agents.words import STOP, Kind, plain

LONGEST = 6
"""Words of the longest phrase that is looked for."""
Values = Callable[[Subject, str], Mapping[str, str]]
"""The values of a dimension that can be named, as people write them, by their casefolded text."""
OWN: tuple[Kind, ...] = (
    "subject", "measure", "amount", "weak measure", "weak amount", "most", "least", "dimension",
    "filter", "value",
)  # fmt: skip
"""Kinds of words that are a subject's own."""


@dataclass(frozen=True, slots=True)
class Word:
    """One phrase of the question and what it can mean, by kind."""

    meanings: Mapping[Kind, str]
    size: int

    def is_a(self, *kinds: Kind) -> bool:
        """Tell whether it can mean one of these."""
        return any(kind in self.meanings for kind in kinds)


class Matched:
    """The words of a question as one subject knows them, and those it does not know.

    `named` are the values of dimensions, `numbers` the numbers that were said.
    """

    def __init__(
        self, subject: Subject, said: list[str], quoted: list[str], values: Values
    ) -> None:
        self.subject = subject
        self._quoted, self._values = quoted, values
        self.unknown: list[str] = []
        self.named: list[tuple[str, str]] = []
        self.numbers: list[int] = []
        self.words = list(self._match(said))
        self._drop_named_dimensions()

    def names(self, *kinds: Kind) -> bool:
        """Tell whether a phrase can mean one of these kinds."""
        return any(word.is_a(*kinds) for word in self.words)

    def first(self, *kinds: Kind) -> tuple[Kind, str] | None:
        """Return the first phrase of these kinds: the kind and the part that it names."""
        for word in self.words:
            for kind in kinds:
                if kind in word.meanings:
                    return kind, word.meanings[kind]
        return None

    def size(self, name: str, *kinds: Kind) -> int:
        """Return how many words name the part `name`; 0 where none does."""
        found = (one for one in self.words if any(one.meanings.get(kind) == name for kind in kinds))
        return max((one.size for one in found), default=0) if name else 0

    def _match(self, said: list[str]) -> Iterator[Word]:
        lexicon = lexicon_of(self.subject)
        plains = [plain(one) for one in said]
        at, before = 0, Word({}, 0)
        while at < len(said):
            word = self._at(said, plains, at, lexicon)
            if word.is_a("subject") and before.is_a("group"):
                word = self._dimension_at(plains, at, lexicon) or word
            at, before = at + word.size, word
            yield word

    def _dimension_at(self, plains: list[str], at: int, lexicon: Lexicon) -> Word | None:
        """Return the dimension there: in "each pipeline run" it is not the pipeline run."""
        for size in range(min(LONGEST, len(plains) - at), 0, -1):
            meanings = lexicon.get(tuple(plains[at : at + size]), {})
            if "dimension" in meanings:
                return Word(meanings, size)
        return None

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
            self.numbers.append(int(token))
            return Word({"number": token}, 1)
        for size in (3, 2, 1):
            name = " ".join(said[at : at + size])
            found = self._dimension_of(name)
            if found and len(said) >= at + size:
                self.named.append(found)
                return Word({"value": found[0]}, size)
        if plain_token in STOP or token.casefold() in STOP:
            return Word({"stop": ""}, 1)
        self.unknown.append(token)
        return Word({}, 1)

    def _quote(self, text: str) -> Word:
        found = self._dimension_of(text) or self._part_of_one(text)
        if found:
            self.named.append(found)
            return Word({"value": found[0], "quoted": ""}, 1)
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
        for at, word in enumerate(self.words):
            beside = [*self.words[max(0, at - 1) : at], *self.words[at + 1 : at + 2]]
            if word.is_a("dimension") and any(
                one.meanings.get("value") == word.meanings["dimension"] for one in beside
            ):
                rest: dict[Kind, str] = {
                    kind: name for kind, name in word.meanings.items() if kind != "dimension"
                }
                self.words[at] = Word(rest or {"stop": ""}, word.size)
