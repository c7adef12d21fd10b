"""Where each stream stands: rows of ops.cursors, and one ingest of an instance at a time.

`pull` keeps the source's own cursor and the newest raw sequence, `conform` the newest sequence
whose rows are in core. `mart` keeps the lake version that a mart covers, `check` the days of a
table whose checks have not passed yet. All are committed together with the rows that they speak of.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from golive_core import lock, schema
from golive_core.lake import Lake
from ingest.source import Cursor

Role = Literal["pull", "conform", "mart", "check"]
LOCKS = "_locks"
"""Folder of the locks in a lake."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of ops.cursors; `cursor` is None until an incremental pull ended."""

    sequence: int = 0
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Every mark of one instance."""

    instance: str
    marks: dict[tuple[str, str], Mark]

    @classmethod
    def read(cls, lake: Lake, instance: str) -> State:
        """Return what the lake knows of the instance."""
        found = lake.lookup("ops.cursors", instance=instance)
        return cls(
            instance,
            {
                (stream, role): Mark(sequence, json.loads(cursor) if cursor else None)
                for _, stream, role, sequence, cursor, _ in found.iter_rows()
            },
        )

    def mark(self, stream: str, role: Role) -> Mark:
        """Return where a stream stands; a new stream stands at 0."""
        return self.marks.get((stream, role), Mark())

    def next_sequence(self) -> int:
        """Return a sequence above every one that the instance has used."""
        return 1 + max((mark.sequence for mark in self.marks.values()), default=0)

    def row(self, stream: str, role: Role, mark: Mark) -> pl.DataFrame:
        """Note the mark and return its row of ops.cursors."""
        self.marks[stream, role] = mark
        cells = {
            "instance": self.instance, "stream": stream, "role": role, "sequence": mark.sequence,
            "cursor": None if mark.cursor is None else json.dumps(dict(mark.cursor)),
            "updated_at": datetime.now(UTC),
        }  # fmt: skip
        return pl.DataFrame([cells], schema=schema.CURSORS.schema)


@contextmanager
def alone(lake: Lake, name: str) -> Generator[None]:
    """Wait until no other process holds `name` in this lake, and hold it.

    Two pulls of one instance at once could give a sequence to rows that `conform` has passed.
    """
    with lock.alone(lake.root / LOCKS, name):
        yield


def is_held(lake: Lake, name: str) -> bool:
    """Tell whether another process holds `name`."""
    return lock.is_held(lake.root / LOCKS, name)
