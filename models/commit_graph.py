"""Which commits are new in a build: those that one commit contains and others do not.

As `git rev-list NEW ^OLD`, over the parents that are known. Cost grows with the commits between
them, not with the history.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

LIMIT = 500
"""Commits that are looked at for one build: more are no change that anybody made."""
NEW, OLD = 1, 2


@dataclass(frozen=True, slots=True)
class Graph:
    """Parents and times (µs) of commits by sha; a sha that is missing is where knowledge ends."""

    parents: Mapping[str, Sequence[str]]
    times: Mapping[str, int]

    @classmethod
    def of(cls, commits: pl.DataFrame) -> Graph:
        """Return the graph of rows with `sha`, `parents` and `committed_at`."""
        shas = commits["sha"].to_list()
        times = commits["committed_at"].cast(pl.Int64).to_list()
        parents = commits["parents"].to_list()
        return cls(
            {sha: more or [] for sha, more in zip(shas, parents, strict=True)},
            dict(zip(shas, times, strict=True)),
        )

    def between(self, old: Iterable[str], new: str, floor: int = 0) -> list[str]:
        """Return the known commits that `new` contains and none of `old` does, newest first.

        Commits before `floor` (µs) count as unknown. Without any known commit in `old` these are
        `new` alone and, for a merge, what it merged.
        """
        if not self._knows(new, floor):
            return []
        known = [sha for sha in old if self._knows(sha, floor)]
        known = known or [sha for sha in self.parents[new][:1] if self._knows(sha, floor)]
        return self._only_new(new, known, floor) if known else [new]

    def _knows(self, sha: str, floor: int) -> bool:
        return sha in self.parents and self.times[sha] >= floor

    def _only_new(self, new: str, old: Sequence[str], floor: int) -> list[str]:
        """Walk both sides, newest commits first, until only those of `old` are left."""
        paint = dict.fromkeys(old, OLD)
        paint[new] = paint.get(new, 0) | NEW
        queue = [(-self.times[sha], sha) for sha in paint]
        heapq.heapify(queue)
        found: dict[str, None] = {}
        for _ in range(LIMIT):
            if not any(paint[sha] == NEW for _, sha in queue):
                break
            sha = heapq.heappop(queue)[1]
            if paint[sha] == NEW:
                found[sha] = None
            for parent in self.parents[sha]:
                both = paint.get(parent, 0) | paint[sha]
                if self._knows(parent, floor) and both != paint.get(parent):
                    paint[parent] = both
                    heapq.heappush(queue, (-self.times[parent], parent))
        return [sha for sha in found if paint[sha] == NEW]
