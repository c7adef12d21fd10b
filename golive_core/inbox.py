"""What came by push and is not in the lake yet: one SQLite file, durable before it is acknowledged.

The gateway puts deliveries in, a Dagster sensor takes them out. A delivery is on disk when `put`
returns: WAL with synchronous=FULL syncs the log at every commit, and `Writer` lets the deliveries
that wait share one (group commit). What is taken stays until `done`, so that a process may be
killed anywhere; the same delivery twice is one, for as long as its id is remembered.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from golive_core.errors import GoLiveError

FILE = "inbox.db"
REMEMBERED_S = 30 * 86_400.0
"""How long ids of deliveries are known: services repeat a delivery for some days at most."""
BUSY_S = 30.0
GROUP = 512
"""Deliveries that share one commit at most."""
SCHEMA = """
create table if not exists deliveries (
    sequence integer primary key, instance text not null, delivery_id text not null,
    kind text not null, received_at real not null, headers text not null, body blob not null,
    reason text not null default ''
) strict;
create table if not exists seen (
    instance text not null, delivery_id text not null, received_at real not null,
    primary key (instance, delivery_id)
) strict, without rowid;
create index if not exists seen_at on seen (received_at);
"""

WAITING = "select * from deliveries where reason = '' order by sequence limit ?"
REFUSED = "select * from deliveries where reason <> '' order by sequence desc limit ?"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook or upload. `received_at` is in seconds since 1970; `sequence` orders them."""

    instance: str
    delivery_id: str
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    received_at: float = field(default_factory=time.time)
    sequence: int = 0
    reason: str = ""
    """Why it was refused; empty for one that waits."""


class Inbox:
    """The deliveries of one home; safe to open in many processes and threads."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._kept = threading.local()
        """A connection a thread: the last one that closes would write the whole log back."""

    def put(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Store deliveries in one durable commit; tell of each whether it was new.

        Raises GoLiveError if the disk is full or the file cannot be written.
        """
        with self._open() as db:
            return [_put(db, one) for one in deliveries]

    def waiting(self, *, limit: int = 1000) -> list[Delivery]:
        """Return the oldest deliveries that nobody took into the lake yet."""
        return self._select(WAITING, limit)

    def refused(self, *, limit: int = 100) -> list[Delivery]:
        """Return the newest deliveries that could not be understood."""
        return self._select(REFUSED, limit)

    def depth(self) -> int:
        """Return how many deliveries wait."""
        if not self.path.exists():
            return 0
        with self._open() as db:
            return db.execute("select count(*) from deliveries where reason = ''").fetchone()[0]

    def oldest_at(self) -> float | None:
        """Return when the delivery that waits longest came (Unix time), None without one."""
        if not self.path.exists():
            return None
        oldest = "select min(received_at) from deliveries where reason = ''"
        with self._open() as db:
            return db.execute(oldest).fetchone()[0]

    def done(self, sequences: Iterable[int]) -> None:
        """Forget deliveries that are in the lake; their ids stay known."""
        with self._open() as db:
            db.executemany(
                "delete from deliveries where sequence = ?", [(one,) for one in sequences]
            )

    def refuse(self, sequence: int, reason: str) -> None:
        """Keep a delivery aside that could not be understood."""
        with self._open() as db:
            db.execute("update deliveries set reason = ? where sequence = ?", (reason, sequence))

    def prune(self, *, before: float) -> int:
        """Forget ids and refused deliveries received before an instant; return how many."""
        with self._open() as db:
            gone = db.execute("delete from seen where received_at < ?", (before,)).rowcount
            refused = "delete from deliveries where received_at < ? and reason <> ''"
            return gone + db.execute(refused, (before,)).rowcount

    def _select(self, sql: str, limit: int) -> list[Delivery]:
        if not self.path.exists():
            return []
        with self._open() as db:
            return [_delivery(*row) for row in db.execute(sql, (limit,))]

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """Give a transaction: committed at the end, undone by an error."""
        try:
            db = self._connection()
            db.execute("begin immediate")
            try:
                yield db
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")
        except (sqlite3.Error, OSError) as error:
            raise GoLiveError(
                f"the inbox cannot be used: {error}", where=str(self.path),
                hint="Make room on the disk and see that the folder can be written",
            ) from error  # fmt: skip

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection, a new one where the file is another than before."""
        kept: tuple[sqlite3.Connection, int] | None = getattr(self._kept, "db", None)
        if kept and self.path.exists() and self.path.stat().st_ino == kept[1]:
            return kept[0]
        db = _connect(self.path)
        self._kept.db = (db, self.path.stat().st_ino)
        return db


class Writer:
    """Puts deliveries from many threads into an inbox; those that wait share a commit."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._queue: queue.SimpleQueue[tuple[Delivery, Future[bool]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def put(self, delivery: Delivery) -> Future[bool]:
        """Return a future: done once the delivery is on disk, with whether it was new."""
        found: Future[bool] = Future()
        self._queue.put((delivery, found))
        return found

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, is_last = [first], False
            while len(group) < GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    is_last = True
                    break
                group.append(following)
            self._commit(group)
            if is_last:
                return

    def _commit(self, group: list[tuple[Delivery, Future[bool]]]) -> None:
        try:
            outcome = self._inbox.put([one for one, _ in group])
        except GoLiveError as error:
            for _, found in group:
                found.set_exception(error)
            return
        for (_, found), is_new in zip(group, outcome, strict=True):
            found.set_result(is_new)


def _delivery(
    sequence: int, instance: str, delivery_id: str, kind: str, received_at: float, headers: str,
    body: bytes, reason: str,
) -> Delivery:  # fmt: skip
    """Return a row of deliveries, in the order of its columns."""
    found = json.loads(headers)
    return Delivery(instance, delivery_id, kind, body, found, received_at, sequence, reason)


def _put(db: sqlite3.Connection, one: Delivery) -> bool:
    seen = (one.instance, one.delivery_id, one.received_at)
    if not db.execute("insert or ignore into seen values (?, ?, ?)", seen).rowcount:
        return False
    db.execute(
        "insert into deliveries (instance, delivery_id, kind, received_at, headers, body) "
        "values (?, ?, ?, ?, ?, ?)",
        (one.instance, one.delivery_id, one.kind, one.received_at,
         json.dumps(dict(one.headers)), one.body),
    )  # fmt: skip
    return True


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        db.execute("pragma synchronous = full")
        if not _has_tables(db):
            db.execute("pragma journal_mode = wal")
            db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _has_tables(db: sqlite3.Connection) -> bool:
    return db.execute("select 1 from sqlite_master where name = 'seen_at'").fetchone() is not None
