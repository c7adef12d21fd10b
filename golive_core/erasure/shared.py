"""Erased people in the PostgreSQL that gateways share: `[database] url`, its schemas `golive*`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from golive_core.database import Connection, opened, postgres
from golive_core.database.place import url_of
from golive_core.erasure.databases import CLOSING, is_of_a_person
from golive_core.erasure.scrub import Scrubber

NAME = "postgresql"
"""What it is called where the databases of a home are listed."""
WHAT = "the database"
FAMILIES = f'"{postgres.SCHEMA}"."families"'
COLUMNS = """
select '"' || table_schema || '"."' || table_name || '"', column_name, data_type
from information_schema.columns
where table_schema in (?, ?) and data_type in ('text', 'bytea', 'character varying')
order by 1, 2
"""


def scrub(home: Path, erased: Scrubber) -> int:
    """Take the erased out of the database, if there is one; return changed cells.

    Tables are written anew then, since a changed row leaves its old version in them.
    """
    url = url_of(home)
    if not url:
        return 0
    with opened(home, "", what=WHAT, is_alone=True) as db:
        found = list(columns(db))
        changed = {table: 0 for table, _, _ in found}
        for table, column, dtype in found:
            changed[table] += _scrub_column(db, erased, table, column, dtype)
        if any(changed.values()) and FAMILIES in changed:
            for statement in CLOSING:
                db.execute(statement)
    postgres.rewrite(url, [table for table, count in changed.items() if count])
    return sum(changed.values())


def columns(db: Connection) -> Iterator[tuple[str, str, type[pl.DataType]]]:
    """Yield (table with its schema, column, dtype) of texts and bodies."""
    for table, column, kind in db.execute(COLUMNS, (postgres.SCHEMA, postgres.DAGSTER)).fetchall():
        yield table, column, pl.Binary if kind == "bytea" else pl.String


def cells(home: Path) -> Iterator[object]:
    """Yield every text and body that the database of a home holds."""
    if not url_of(home):
        return
    with opened(home, "", what=WHAT) as db:
        for table, column, _ in list(columns(db)):
            yield from (row[0] for row in db.execute(f'select "{column}" from {table}'))  # noqa: S608 - its own names


def _scrub_column(
    db: Connection, erased: Scrubber, table: str, column: str, dtype: type[pl.DataType]
) -> int:
    rows = db.execute(f'select ctid::text, "{column}" from {table}').fetchall()  # noqa: S608 - its own names
    old = pl.Series([cell for _, cell in rows], dtype=dtype)
    new = erased.column(old, is_person=is_of_a_person(table.split('"')[-2], column))
    differs = old.ne_missing(new).arg_true().to_list() if new is not old else []
    update = f'update {table} set "{column}" = ? where ctid = ?::tid'  # noqa: S608 - its own names
    db.executemany(update, [(new[number], rows[number][0]) for number in differs])
    return len(differs)
