"""Erased people in the SQLite databases of a home: accounts, inbox, security events, Dagster's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl

from golive_core.backup.contents import files, is_database
from golive_core.erasure.scrub import Scrubber, is_person
from golive_core.errors import GoLiveError

BUSY_S = 30.0
CLOSING = (
    "update users set digest = '', disabled_at = made_at, version = version + 1 "
    "where name like 'erased-%'",
    "update families set revoked_at = made_at where name like 'erased-%'",
    "delete from attempts",
)


def of(home: Path) -> list[Path]:
    """Return the databases of a home."""
    return [home / name for name in files(home) if is_database(home / name)]


def scrub(path: Path, erased: Scrubber) -> int:
    """Take the erased out of one database, also out of its free pages; return changed cells."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as db:
            db.execute("pragma secure_delete = on")
            db.execute("begin immediate")
            changed = sum(_scrub_column(db, erased, *one) for one in columns(db))
            if changed:
                _close_accounts(db)
            db.execute("commit")
            if changed:
                db.execute("vacuum")
                db.execute("pragma wal_checkpoint(truncate)")
            return changed
    except sqlite3.Error as error:
        hint = "Try again when less is going on"
        raise GoLiveError(f"cannot be changed: {error}", where=str(path), hint=hint) from error


def columns(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield (table, column) of all tables with a rowid."""
    tables = db.execute("select name, sql from sqlite_master where type = 'table'").fetchall()
    for table, sql in tables:
        if sql and "without rowid" not in sql.lower() and not table.startswith("sqlite_"):
            for _, column, *_ in db.execute(f'pragma table_info("{table}")').fetchall():
                yield table, column


def is_of_a_person(table: str, column: str) -> bool:
    """Tell whether the whole value of a column is a person."""
    return is_person(table, column) or (table, column) == ("users", "name")


def _scrub_column(db: sqlite3.Connection, erased: Scrubber, table: str, column: str) -> int:
    person = is_of_a_person(table, column)
    changed = 0
    for kind, dtype in (("text", pl.String()), ("blob", pl.Binary())):
        select = f'select rowid, "{column}" from "{table}" where typeof("{column}") = ?'  # noqa: S608 - its own names
        rows = db.execute(select, (kind,)).fetchall()
        old = pl.Series([cell for _, cell in rows], dtype=dtype)
        new = erased.column(old, is_person=person)
        differs = (new != old).arg_true().to_list() if new is not old else []
        update = f'update "{table}" set "{column}" = ? where rowid = ?'  # noqa: S608 - its own names
        db.executemany(update, [(new[number], rows[number][0]) for number in differs])
        changed += len(differs)
    return changed


def _close_accounts(db: sqlite3.Connection) -> None:
    """Let nobody in by the account of an erased person: no password, no session, no tries."""
    if db.execute("select 1 from sqlite_master where name = 'families'").fetchone():
        for statement in CLOSING:
            db.execute(statement)
