"""The proof that nothing is left: everything is searched again, in the clear and by other means.

The search knows the names in the clear and nothing of hashes, and reads what lies on the disk:
every Parquet file, also one that no version has any more, every log entry, every body unpacked,
every database cell, every other file byte by byte.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from golive_core.artifacts import GZIP
from golive_core.backup.contents import is_database
from golive_core.database.place import url_of
from golive_core.erasure import shared
from golive_core.erasure.databases import columns
from golive_core.erasure.known import WORD, kind_of
from golive_core.erasure.scrub import is_person
from golive_core.lake import Lake

OWN = "erasures/"
MOST_TOLD = 50


@dataclass(slots=True)
class Proof:
    """What was searched, and where the person was found; `ambiguous` counts logins as words."""

    tables: int = 0
    columns: int = 0
    rows: int = 0
    parquet_files: int = 0
    artifacts: int = 0
    databases: int = 0
    other_files: int = 0
    size_bytes: int = 0
    left: dict[str, int] = field(default_factory=dict[str, int])

    def found(self, where: str, count: int) -> None:
        """Note how often the person is somewhere."""
        if count:
            self.left[where] = self.left.get(where, 0) + count


class Needle:
    """The names of a person in the clear."""

    def __init__(self, names: list[str]) -> None:
        several = [name for name in names if kind_of(name) != "handle"]
        spelt = (r"\W{1,3}".join(map(re.escape, WORD.findall(name))) for name in several)
        self._pattern = re.compile(
            "|".join(rf"(?<![\w.+%-]){one}\b" for one in spelt) or r"(?!)", re.I
        )
        self._handles = {name.lower() for name in names if kind_of(name) == "handle"}

    def count(self, text: str, *, is_person: bool = False) -> int:
        """Return how often they are in a text: addresses and names, logins as a whole value."""
        is_whole = is_person and text.lower().rpartition(":")[2] in self._handles
        return len(self._pattern.findall(text)) + is_whole

    def frame(self, table: str, frame: pl.DataFrame) -> Iterator[tuple[str, int]]:
        """Yield (column, times) of the columns that they are in."""
        for column in frame.get_columns():
            person = is_person(table, column.name)
            total = sum(self.count(text, is_person=person) for text in texts(column))
            if total:
                yield column.name, total


def texts(column: pl.Series) -> Iterator[str]:
    """Yield the distinct texts of a column: of bytes what can be read, JSON of what is nested."""
    if column.dtype == pl.List(pl.String):
        column = column.explode()
    if column.dtype == pl.Binary:
        yield from (
            cell.decode(errors="replace") for cell in column.drop_nulls().unique().to_list()
        )
    elif column.dtype == pl.String:
        yield from column.drop_nulls().unique().to_list()
    elif column.dtype.is_nested():
        yield column.to_frame().write_ndjson()


def prove(home: Path, names: list[str]) -> Proof:
    """Search everything below the home and return what was found."""
    proof, needle = Proof(), Needle(names)
    _tables(Lake(home / "lake"), needle, proof)
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_file() and not name.startswith(("mirrors/", OWN)):
            proof.size_bytes += path.stat().st_size
            _file(path, name, needle, proof)
    if url_of(home):
        proof.databases += 1
        proof.found(shared.NAME, sum(_in_cell(cell, needle) for cell in shared.cells(home)))
    return proof


def _tables(lake: Lake, needle: Needle, proof: Proof) -> None:
    for table in lake.tables():
        proof.tables += 1
        proof.columns += sum(dtype in (pl.String, pl.Binary, pl.List(pl.String))
                             for dtype in lake.columns(table).values())  # fmt: skip
        for path in lake.files(table):
            rows = lake.read_files(table, [path])
            proof.rows += rows.height
            for column, count in needle.frame(table, rows):
                proof.found(f"{table}.{column}", count)


def _file(path: Path, name: str, needle: Needle, proof: Proof) -> None:
    """Search one file by what it is."""
    if name.endswith(".parquet"):
        proof.parquet_files += 1
        rows = pl.read_parquet(path, hive_partitioning=False)
        found = sum(count for _, count in needle.frame("", rows))
    elif name.startswith("artifacts/"):
        proof.artifacts += 1
        found = needle.count(_unpacked(path))
    elif is_database(path):
        proof.databases += 1
        found = _database(path, needle)
    else:
        proof.other_files += 1
        found = needle.count(path.read_bytes().decode(errors="replace"))
    proof.found(name, found)


def _unpacked(path: Path) -> str:
    return zlib.decompress(path.read_bytes(), wbits=GZIP).decode(errors="replace")


def _in_cell(cell: object, needle: Needle) -> int:
    return needle.count(cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell))


def _database(path: Path, needle: Needle) -> int:
    with closing(sqlite3.connect(path, timeout=30)) as db:
        found = sum(
            _in_cell(cell, needle)
            for table, column in list(columns(db))
            for (cell,) in db.execute(f'select "{column}" from "{table}"')  # noqa: S608 - its own names
        )
    return found + needle.count(path.read_bytes().decode(errors="replace"))
