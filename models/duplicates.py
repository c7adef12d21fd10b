"""Which tickets tell of the same: TF-IDF over the stems of their words, by the cosine.

The words of a title count twice. Endings are cut as Porter's first steps do (1980, An algorithm for
suffix stripping), and words without a meaning of their own are left out. What a stem is worth comes
from the tickets themselves, so nothing is trained. `golive evaluate duplicates FILE` measures it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from models.similar import weighed, words

LEAST = 0.3
"""Cosine from which two tickets are called duplicates: the best F1 on the seen half of
tests/models/labelled_tickets.jsonl."""
ENDINGS = (
    "ations", "ation", "ings", "ing", "edly", "ies", "ied", "ed", "es", "s", "ly", "e",
)  # fmt: skip
SHORTEST = 3
"""Letters of a stem at least."""
EMPTY = frozenset((
    "the", "a", "an", "and", "or", "of", "to", "in", "on", "at", "is", "are", "was", "were", "be",
    "it", "its", "that", "this", "with", "for", "by", "as", "not", "no", "when", "after", "if",
    "from", "there", "has", "have", "than", "which", "only", "do", "does", "should", "cannot",
    "can",
))  # fmt: skip
BLOCK = 2_000
"""Tickets whose likenesses are held at once."""


class Pair(NamedTuple):
    """Indices of two tickets, the earlier first, and their likeness from 0 to 1."""

    first: int
    second: int
    likeness: float


def stem(word: str) -> str:
    """Return a word without its ending."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            return word.removesuffix(ending)
    return word


def stems(title: str, body: str) -> Counter[str]:
    """Return how often each stem is in a ticket, those of the title twice."""
    told = words(title) * 2 + words(body)
    return Counter(stem(word) for word in told if word not in EMPTY)


def pairs(tickets: Sequence[tuple[str, str]], *, least: float = LEAST) -> list[Pair]:
    """Return the pairs of tickets (title, body) that are as like as `least`, most like first."""
    table = _table(tickets)
    found: list[Pair] = []
    if table is None:
        return found
    for start in range(0, len(tickets), BLOCK):
        block = (table[start : start + BLOCK] @ table.T).tocoo()
        keep = (block.data >= least) & (block.row + start < block.col)
        found += [
            Pair(int(row) + start, int(column), min(1.0, float(value)))
            for row, column, value in zip(
                block.row[keep], block.col[keep], block.data[keep], strict=True
            )
        ]
    return sorted(found, key=lambda one: (-one.likeness, one.first, one.second))


def nearest(
    ticket: tuple[str, str], others: Sequence[tuple[str, str]], *, count: int, least: float = LEAST
) -> list[tuple[int, float]]:
    """Return index and likeness of the tickets most like one, most like first."""
    table = _table([*others, ticket])
    if table is None:
        return []
    found = np.asarray((table[:-1] @ table[[-1]].T).todense()).ravel()
    order = np.argsort(-found, kind="stable")[:count].tolist()
    return [(at, min(1.0, float(found[at]))) for at in order if found[at] >= least]


def _table(tickets: Sequence[tuple[str, str]]) -> Any:  # noqa: ANN401 - scipy has no stubs
    """Return the weights of stems by ticket; None without any word."""
    counts = [stems(title, body) for title, body in tickets]
    return weighed([one or Counter({"": 1}) for one in counts]) if any(counts) else None
