"""Units of like cost from reports of unlike size, keeping together what must be.

Two reports of one build that name a common suite may hold attempts of one test, so one process
has to count them. Reports of different builds, or without a common suite, may go anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.runs import ANY

UNIT_BYTES = 6 << 20
"""About 40 reports of a thousand cases: a quarter of a second."""
UNIT_FILES = 500


@dataclass(slots=True)
class Piece:
    """Rows that stay together, in order."""

    rows: list[int]
    size: int
    build: str
    suites: set[str]

    def join(self, other: Piece) -> None:
        """Take another piece in."""
        self.rows += other.rows
        self.size += other.size
        self.suites |= other.suites


@dataclass(slots=True)
class Packed:
    """The rows of one unit and its builds, in order."""

    rows: list[int] = field(default_factory=list[int])
    size: int = 0
    builds: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, piece: Piece) -> None:
        """Put a piece behind the others."""
        self.rows += piece.rows
        self.size += piece.size
        self.builds[piece.build] = None


def pieces(reports: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the reports of each build, joined where they share a suite, builds in first order."""
    builds: dict[str, list[Piece]] = {}
    for one in reports:
        builds.setdefault(one.build, []).append(one)
    for ones in builds.values():
        yield from _whole(ones) if sum(one.size for one in ones) <= UNIT_BYTES else _joined(ones)


def _whole(reports: list[Piece]) -> Iterator[Piece]:
    first, *rest = reports
    for one in rest:
        first.join(one)
    yield first


def _joined(reports: list[Piece]) -> list[Piece]:
    """Return the connected components of reports by common suites, in order of their first."""
    if any(ANY in one.suites for one in reports):
        return list(_whole(reports))
    root = list(range(len(reports)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = at = root[root[at]]
        return at

    first: dict[str, int] = {}
    for at, one in enumerate(reports):
        for name in one.suites:
            a, b = sorted((find(first.setdefault(name, at)), find(at)))
            root[b] = a
    joined: dict[int, Piece] = {}
    for at, one in enumerate(reports):
        known = joined.setdefault(find(at), one)
        if known is not one:
            known.join(one)
    return list(joined.values())


def packed(pieces: Iterable[Piece]) -> Iterator[Packed]:
    """Yield units of at most UNIT_BYTES and UNIT_FILES, but for pieces that are larger."""
    unit = Packed()
    for piece in pieces:
        is_full = unit.size + piece.size > UNIT_BYTES or len(unit.rows) >= UNIT_FILES
        if unit.rows and is_full:
            yield unit
            unit = Packed()
        unit.add(piece)
    if unit.rows:
        yield unit
