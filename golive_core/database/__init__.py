"""What is remembered beside the lake: in SQLite files of the home, or in one PostgreSQL.

Users, sessions, keys, tokens, security events and the inbox. On one machine they are files of the
home; where several gateways stand side by side, `[database] url` names a PostgreSQL that all of
them share. The same SQL runs on both: it is written as SQLite and PostgreSQL both know it, with `?`
for parameters, and tables in SQLite's types (`golive_core.database.postgres` translates those).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from golive_core.database import postgres, sqlite
from golive_core.database.place import url_of

FILE = "accounts.db"


class Cursor(Protocol):
    """What a statement gives; rows are tuples."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - cells are what the database holds
        """Return the next row, None without one."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A transaction of either database."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row."""
        ...


@contextmanager
def opened(
    home: Path, schema: str, *, file: str = FILE, what: str = "the accounts",
    is_alone: bool = False,
) -> Generator[Connection]:  # fmt: skip
    """Lend a transaction with the tables of `schema`; what was done is committed at the end.

    `is_alone` keeps other writers out from the start: for who decides by what they read, so that
    two requests of one moment do not both take the same. Raises GoLiveError where `what` cannot be
    read or written.
    """
    url = url_of(home)
    lent: Any = (
        postgres.opened(url, schema, what=what, is_alone=is_alone)
        if url
        else sqlite.opened(home / file, schema, what=what, is_alone=is_alone)
    )
    with lent as db:
        yield db


def exists(home: Path, file: str = FILE) -> bool:
    """Tell whether anything was ever kept: readers make no empty files."""
    return bool(url_of(home)) or (home / file).exists()
