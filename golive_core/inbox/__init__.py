"""What came by push and is not in the lake yet, durable before it is acknowledged.

The gateway puts deliveries in, a Dagster sensor takes them out. A delivery is on disk when `put`
returns, and `Writer` lets the deliveries that wait share one commit (group commit). What is taken
stays until `done`, so that a process may be killed anywhere; the same delivery twice is one, for as
long as its id is remembered.

It is a file of the home (`golive_core.inbox.sqlite`), or tables of the PostgreSQL that several
gateways share (`golive_core.inbox.postgres`), as `[database] url` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from golive_core.database import Connection
from golive_core.database.place import url_of
from golive_core.inbox.delivery import Delivery
from golive_core.inbox.postgres import Postgres
from golive_core.inbox.sqlite import Sqlite
from golive_core.inbox.writer import Writer

__all__ = ["REMEMBERED_S", "Delivery", "Inbox", "Writer"]
REMEMBERED_S = 30 * 86_400.0
"""How long ids of deliveries are known: services repeat a delivery for some days at most."""
WAITING = "select * from deliveries where reason = '' order by sequence limit ?"
REFUSED = "select * from deliveries where reason <> '' order by sequence desc limit ?"


class Shelf(Protocol):
    """Where deliveries lie."""

    @property
    def where(self) -> str:
        """The file or the database."""
        ...

    def exists(self) -> bool:
        """Tell whether anything was ever put: readers make no empty file."""
        ...

    def opened(self) -> AbstractContextManager[Connection]:
        """Lend a transaction: committed at the end, undone by an error; raises GoLiveError."""
        ...

    def put(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Store deliveries in one durable commit; tell of each whether it was new."""
        ...


class Inbox:
    """The deliveries of one home; safe to open in many processes and threads."""

    def __init__(self, home: Path) -> None:
        url = url_of(home)
        self._shelf: Shelf = Postgres(url) if url else Sqlite(home)

    @property
    def where(self) -> str:
        """The file, or the database without who may come in."""
        return self._shelf.where

    def put(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Store deliveries in one durable commit; tell of each whether it was new.

        Raises GoLiveError if the disk is full, or the file or the database cannot be written.
        """
        return self._shelf.put(deliveries)

    def waiting(self, *, limit: int = 1000) -> list[Delivery]:
        """Return the oldest deliveries that nobody took into the lake yet."""
        return self._select(WAITING, limit)

    def refused(self, *, limit: int = 100) -> list[Delivery]:
        """Return the newest deliveries that could not be understood."""
        return self._select(REFUSED, limit)

    def depth(self) -> int:
        """Return how many deliveries wait."""
        if not self._shelf.exists():
            return 0
        with self._shelf.opened() as db:
            return db.execute("select count(*) from deliveries where reason = ''").fetchone()[0]

    def oldest_at(self) -> float | None:
        """Return when the delivery that waits longest came (Unix time), None without one."""
        if not self._shelf.exists():
            return None
        oldest = "select min(received_at) from deliveries where reason = ''"
        with self._shelf.opened() as db:
            return db.execute(oldest).fetchone()[0]

    def done(self, sequences: Iterable[int]) -> None:
        """Forget deliveries that are in the lake; their ids stay known."""
        with self._shelf.opened() as db:
            db.executemany(
                "delete from deliveries where sequence = ?", [(one,) for one in sequences]
            )

    def refuse(self, sequence: int, reason: str) -> None:
        """Keep a delivery aside that could not be understood."""
        with self._shelf.opened() as db:
            db.execute("update deliveries set reason = ? where sequence = ?", (reason, sequence))

    def prune(self, *, before: float) -> int:
        """Forget ids and refused deliveries received before an instant; return how many."""
        with self._shelf.opened() as db:
            gone = db.execute("delete from seen where received_at < ?", (before,)).rowcount
            refused = "delete from deliveries where received_at < ? and reason <> ''"
            return gone + db.execute(refused, (before,)).rowcount

    def _select(self, sql: str, limit: int) -> list[Delivery]:
        if not self._shelf.exists():
            return []
        with self._shelf.opened() as db:
            return [Delivery.of(*row) for row in db.execute(sql, (limit,))]
