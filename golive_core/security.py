"""Security events: who came in, who was turned away, who read how much.

`note` counts events that are alike and a thread writes them once a second into
`.golive/security.db` (SQLite WAL), so that a flood of refused requests costs a row a second and not
a commit each. The asset of `assets/security.py` takes them into `ops.security_events`. A process
that is killed loses the last second at most; `flush` writes at once.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from golive_core.database import Connection, exists, opened
from golive_core.erasure.known import FILE as ERASED
from golive_core.errors import GoLiveError
from golive_core.log import get_logger

FILE = "security.db"
EVERY_S = 1.0
MOST_KINDS = 10_000
"""Different events that one second may bring; what comes beyond is counted under no address."""
SCHEMA = """
create table if not exists events (
    sequence integer primary key, at real not null, until_at real not null, kind text not null,
    name text not null, outcome text not null, actor text not null, address text not null,
    resource text not null, events integer not null, size_bytes integer not null
) strict
"""
INSERT = (
    "insert into events (at, until_at, kind, name, outcome, actor, address, resource, events, "
    "size_bytes) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
WAITING = "select * from events order by sequence limit ?"
Kind = Literal["authentication", "authorisation", "data_access", "limit", "change"]
Outcome = Literal["ok", "refused"]
TEXTS = slice(5, 8)
"""Where actor, address and resource stand in a row that is written."""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fact:
    """What makes two events alike. `actor` and `address` are "" where nobody is known."""

    kind: Kind
    name: str
    outcome: Outcome
    actor: str = ""
    address: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Like events of one second: times in seconds since 1970, `size_bytes` that were handed out."""

    fact: Fact
    at: float
    until_at: float
    events: int
    size_bytes: int
    sequence: int = 0


class Recorder:
    """The events of one home; a process has one, and `note` of this module uses it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._counts: dict[Fact, list[float]] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def note(self, fact: Fact, *, size_bytes: int = 0) -> None:
        """Count an event; never waits for the disk."""
        now = time.time()
        with self._lock:
            if fact not in self._counts and len(self._counts) >= MOST_KINDS:
                fact = Fact(fact.kind, fact.name, fact.outcome)
            cells = self._counts.setdefault(fact, [now, now, 0, 0])
            cells[1], cells[2], cells[3] = now, cells[2] + 1, cells[3] + size_bytes
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="security", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def flush(self) -> None:
        """Write what was counted. Trouble with the disk is logged: it turns nobody away."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        rows = [
            (at, until, one.kind, one.name, one.outcome, one.actor, one.address, one.resource,
             int(events), int(size))
            for one, (at, until, events, size) in counts.items()
        ]  # fmt: skip
        try:
            with self._open() as db:
                db.executemany(INSERT, self._scrubbed(rows))
        except GoLiveError as error:
            log.warning("security events are lost", events=len(rows), error=str(error))

    def _scrubbed(self, rows: Sequence[tuple[object, ...]]) -> Sequence[tuple[object, ...]]:
        """Return the rows without people who were erased between an event and its writing."""
        lake = self._home / "lake"
        if not (lake / ERASED).exists():
            return rows
        from golive_core.erasure.scrub import active

        erased = active(lake)
        if erased is None:
            return rows
        return [
            (*row[:TEXTS.start], *(erased.text(str(cell), is_person=True) for cell in row[TEXTS]),
             *row[TEXTS.stop:])
            for row in rows
        ]  # fmt: skip

    def waiting(self, *, limit: int = 50_000) -> list[Event]:
        """Return the oldest events that are not in the lake yet."""
        if not exists(self._home, FILE):
            return []
        with self._open() as db:
            return [_event(row) for row in db.execute(WAITING, (limit,))]

    def done(self, events: Iterable[Event]) -> None:
        """Forget events that are in the lake now."""
        with self._open() as db:
            db.executemany(
                "delete from events where sequence = ?", [(one.sequence,) for one in events]
            )

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.flush()

    def _open(self) -> AbstractContextManager[Connection]:
        return opened(self._home, SCHEMA, file=FILE, what="security events")


@lru_cache(maxsize=4)
def recorder(home: Path) -> Recorder:
    """Return the recorder of a home, the same for the whole process."""
    return Recorder(home)


def _event(row: tuple[object, ...]) -> Event:
    sequence, at, until, kind, name, outcome, actor, address, resource, events, size = row
    fact = Fact(
        kind, str(name), outcome, str(actor), str(address), str(resource)  # type: ignore[arg-type]
    )  # fmt: skip
    return Event(fact, float(at), float(until), int(events), int(size), int(sequence))  # type: ignore[arg-type]
