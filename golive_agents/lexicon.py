"""What each phrase means for a subject: its own words first, then those of every subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from golive_agents.semantic_layer import Part, Subject, subjects
from golive_agents.words import GENERIC, Kind, phrase

Lexicon = Mapping[tuple[str, ...], Mapping[Kind, str]]
"""Meanings of a phrase by kind: the name of the measure, the dimension ..."""


WEAK: Mapping[Kind, Kind] = {"measure": "weak measure", "amount": "weak amount"}


def lexicon_of(subject: Subject) -> Lexicon:
    """Return the lexicon of a subject."""
    return _lexicon(subject.name)


@cache
def _lexicon(name: str) -> Lexicon:
    found: dict[tuple[str, ...], dict[Kind, str]] = {}
    for said, kind, part in _own(subjects()[name]):
        found.setdefault(phrase(said), {}).setdefault(kind, part)
    for said, (kind, part) in GENERIC.items():
        meanings = found.setdefault(phrase(said), {})
        if not meanings or kind in ("which", "count"):
            meanings.setdefault(kind, part)
    return found


def _own(subject: Subject) -> Iterator[tuple[str, Kind, str]]:
    for said in subject.words:
        yield said, "subject", subject.name
    parts: Mapping[Kind, Mapping[str, Part]] = {
        "measure": subject.measures, "amount": subject.amounts,
        "dimension": subject.dimensions, "filter": subject.filters,
    }  # fmt: skip
    for kind, named in parts.items():
        for part in named.values():
            said_by: tuple[tuple[Kind, tuple[str, ...]], ...] = (
                (kind, part.words), (WEAK.get(kind, kind), part.weak), ("most", part.most),
                ("least", part.least),
            )  # fmt: skip
            for meant, words in said_by:
                for said in words:
                    yield said, meant, part.name
