"""The inbox of one machine: a file, WAL with synchronous=FULL, which syncs the log at a commit."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from golive_core.errors import GoLiveError
from golive_core.inbox.delivery import SCHEMA, Delivery

FILE = "inbox.db"
BUSY_S = 30.0


class Sqlite:
    """The deliveries in `.golive/inbox.db`."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._kept = threading.local()
        """A connection a thread: the last one that closes would write the whole log back."""

    @property
    def where(self) -> str:
        """The file."""
        return str(self._path)

    def exists(self) -> bool:
        """Tell whether there is a file."""
        return self._path.exists()

    def put(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Store deliveries in one commit, which is on disk when this returns."""
        with self.opened() as db:
            return [_put(db, one) for one in deliveries]

    @contextmanager
    def opened(self) -> Generator[sqlite3.Connection]:
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
                f"the inbox cannot be used: {error}", where=str(self._path),
                hint="Make room on the disk and see that the folder can be written",
            ) from error  # fmt: skip

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection, a new one where the file is another than before."""
        kept: tuple[sqlite3.Connection, int] | None = getattr(self._kept, "db", None)
        if kept and self._path.exists() and self._path.stat().st_ino == kept[1]:
            return kept[0]
        db = _connect(self._path)
        self._kept.db = (db, self._path.stat().st_ino)
        return db


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
