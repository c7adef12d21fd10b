"""The commits of a range and which of them contain which: what a search for a culprit runs over.

A place is where a test can be run: the good end (place 0) and each commit of the range, oldest
first (places 1 to n). A hypothesis is what may be wrong: it failed before the range (0), commit i
broke it (i), nothing in the range broke it (n + 1). A place contains a hypothesis if the test is
broken there under it: for a commit, if the place is that commit or a descendant of it.

Nothing here asks Git: parents come as a mapping, from `git rev-list --parents` or core.commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golive_core.errors import UsageError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
LARGEST_GRAPH = 6000
"""Commits of a range with merges: its table of ancestors has the square of it as bytes."""
ROWS = 256
"""Rows of that table that become floats at a time."""


class Order(Protocol):
    """What contains what, for n + 1 places and n + 2 hypotheses."""

    @property
    def size(self) -> int:
        """The number of commits."""
        ...

    def contains(self, place: int) -> Bools:
        """Return which hypotheses the place contains, shape `(n + 2,)`."""
        ...

    def mass(self, weights: Floats) -> Floats:
        """Return for each place the weight it contains: `(k, n + 2)` to `(k, n + 1)`."""
        ...

    def classes(self, testable: Bools) -> Ints:
        """Return a label per hypothesis; equal ones no testable place can tell apart."""
        ...


@dataclass(frozen=True)
class Line:
    """`size` commits, each on top of the one before: O(n) by prefix sums."""

    size: int

    def contains(self, place: int) -> Bools:
        """Return True for the hypotheses up to the place."""
        return np.arange(self.size + 2) <= place

    def mass(self, weights: Floats) -> Floats:
        """Return the prefix sums."""
        return np.cumsum(weights, axis=1)[:, :-1]

    def classes(self, testable: Bools) -> Ints:
        """Return how many testable places stand before each hypothesis."""
        return np.concatenate([[0], np.cumsum(testable)])


class Graph:
    """Commits with merges: a table of ancestors, O(n^2) bytes and O(n^2) work a step.

    `parents` names the parents of each commit by its number from 1; those outside are left out.
    """

    def __init__(self, parents: Sequence[Sequence[int]]) -> None:
        self.size = len(parents)
        if self.size > LARGEST_GRAPH:
            raise UsageError(
                f"{self.size:,} commits with merges are too many to search at once",
                hint="Search the main line first (--first-parent), or begin at a later good commit",
            )
        table = np.zeros((self.size + 1, self.size + 2), dtype=np.bool_)
        table[:, 0] = True
        for place, above in enumerate(parents, start=1):
            for parent in above:
                table[place] |= table[parent]
            table[place, place] = True
        self._table = table

    def contains(self, place: int) -> Bools:
        """Return the row of the table."""
        return self._table[place]

    def mass(self, weights: Floats) -> Floats:
        """Return the products with the table, a few rows at a time."""
        places = range(0, self.size + 1, ROWS)
        parts = [weights @ self._table[at : at + ROWS].T.astype(np.float64) for at in places]
        return np.concatenate(parts, axis=1)

    def classes(self, testable: Bools) -> Ints:
        """Return the label of each distinct column of the testable rows."""
        _, labels = np.unique(
            np.packbits(self._table[testable], axis=0), axis=1, return_inverse=True
        )
        return labels.reshape(-1).astype(np.int64)


@dataclass(frozen=True)
class CommitRange:
    """The good end and the commits behind it, oldest first; `order` says what contains what."""

    good: str
    shas: tuple[str, ...]
    order: Order

    @property
    def places(self) -> tuple[str, ...]:
        """The shas of the places: good end, then the commits."""
        return (self.good, *self.shas)

    def place_of(self) -> dict[str, int]:
        """Return the place of each sha."""
        return {sha: place for place, sha in enumerate(self.places)}


def line(good: str, shas: Iterable[str]) -> CommitRange:
    """Return the range of commits that each stand on the one before, oldest first."""
    kept = tuple(shas)
    return _checked(CommitRange(good, kept, Line(len(kept))))


def between(good: str, bad: str, parents: Mapping[str, Sequence[str]]) -> CommitRange:
    """Return what `bad` reaches and `good` does not, ancestors before descendants.

    `parents` maps each known commit to its parents; what it does not know ends the walk. Raises
    UsageError if nothing is left, or for more than `LARGEST_GRAPH` commits with merges.
    """
    known = set(reached(good, parents))
    shas = [sha for sha in reached(bad, parents) if sha not in known]
    number = {sha: i for i, sha in enumerate(shas, start=1)}
    inside = [[number[p] for p in parents.get(sha, ()) if p in number] for sha in shas]
    is_line = all(above == ([i] if i else []) for i, above in enumerate(inside))
    order = Line(len(shas)) if is_line else Graph(inside)
    return _checked(CommitRange(good, tuple(shas), order))


def reached(tip: str, parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tip and all its known ancestors, ancestors first."""
    found: list[str] = []
    done: set[str] = set()
    stack = [(tip, False)]
    while stack:
        sha, is_left = stack.pop()
        if is_left:
            found.append(sha)
        elif sha not in done and sha in parents:
            done.add(sha)
            stack.append((sha, True))
            stack.extend((parent, False) for parent in parents[sha])
    return found


def first_parents(tip: str, parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tip and its first parents as far as they are known, oldest first."""
    found: list[str] = []
    at: str | None = tip
    while at is not None and at in parents:
        found.append(at)
        at = next(iter(parents[at]), None)
    return found[::-1]


def _checked(made: CommitRange) -> CommitRange:
    if not made.shas:
        raise UsageError(
            "there is no commit between the good and the bad one", where=made.good,
            hint="Name the commit that passed first, then the one that failed",
        )  # fmt: skip
    return made
