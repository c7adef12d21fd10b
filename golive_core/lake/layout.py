"""Where the files of a lake lie, what they are called, and how wide a partition is.

    <root>/_format.json                          written once: the format number
    <root>/_lock                                 held while a transaction commits
    <root>/_manifests/<20-digit n>.json          the table versions that belong together
    <root>/<layer>/<table>/_delta_log/           the Delta log
    <root>/<layer>/<table>/month=2024-01/<columns>-<unique>.parquet

`<columns>` is a fingerprint of the columns in the file: after a column was added, the name alone
tells which files lack it. Reading and writing the files is elsewhere.
"""

from __future__ import annotations

import re
import uuid
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import remote
from golive_core.lake.remote import Remote
from golive_core.schema import Partition, Table

FORMAT = 1
"""Grows when an older GoLive could no longer read the lake right."""
FORMAT_FILE = "_format.json"
ROW_GROUP, PAGE_BYTES = 25_000, 32_768
"""Rows of a Parquet row group and bytes of a page. A look-up of one test decodes a group's key
column and skips other pages: half the CPU of 50,000 rows and 1 MiB, for a tenth more in a scan."""
FILE_ROWS = 250_000
"""Most rows of one file of a mart, so that replacing a day rewrites no more than that."""

NAME = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)")
FILE_NAME = re.compile(r"(?:.*/)?([0-9a-f]{8})-[0-9a-f]{32}\.parquet")
FORMATS: dict[Partition, str] = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below the root of a lake."""

    root: Path

    @property
    def format_file(self) -> Path:
        """The file with the format number."""
        return self.root / FORMAT_FILE

    @property
    def remote(self) -> Remote | None:
        """The bucket that the lake is in; None where it is on this machine alone."""
        return remote.of(self.root)

    @property
    def lock_file(self) -> Path:
        """The file that a committing process locks."""
        return self.root / "_lock"

    @property
    def manifests(self) -> Path:
        """The folder of the manifests."""
        return self.root / "_manifests"

    def folder(self, table: str) -> Path:
        """Return the folder of `layer.table`; raises LakeError for another kind of name."""
        match = NAME.fullmatch(table)
        if match is None:
            raise LakeError(f"{table!r} is no table name", hint="It is layer.table, in lower case")
        return self.root / match[1] / match[2]


def declared(table: str) -> bool:
    """Tell whether the columns of `table` stand in golive_core/schema (those of a mart do not)."""
    return not table.startswith("marts.")


def mart_spec(table: str, columns: dict[str, pl.DataType]) -> Table:
    """Return the Table of a mart with these columns: no key, one partition, clustered by day."""
    cells = tuple(schema.Column(name, dtype, "") for name, dtype in columns.items())
    sort = ("day",) if "day" in columns else ()
    return Table(table, "", (), cells, "none", sort, is_fact=False)


def partition_column(spec: Table) -> str | None:
    """Return the Delta partition column: day, month, year, or None for one partition."""
    return None if spec.partition == "none" else spec.partition


def partition_values(spec: Table) -> pl.Expr:
    """Return the expression of the partition value of a row, as text; null without partitions."""
    if spec.partition == "none":
        return pl.lit(None, dtype=pl.String)
    return pl.col("day").dt.to_string(FORMATS[spec.partition])


def partition_value(spec: Table, day: date) -> str | None:
    """Return the partition value of the rows of a day; None without partitions."""
    return None if spec.partition == "none" else day.strftime(FORMATS[spec.partition])


def file_columns(spec: Table) -> list[str]:
    """Return the columns inside a file: all but a partition column (Delta's own rule)."""
    return [name for name in spec.schema if name != partition_column(spec)]


def fingerprint(columns: dict[str, pl.DataType]) -> str:
    """Return eight hex digits that change with the names or dtypes of the columns."""
    text = "\n".join(f"{name} {dtype}" for name, dtype in columns.items())
    return f"{zlib.crc32(text.encode()):08x}"


def expected_generation(spec: Table) -> str:
    """Return the fingerprint of files written for `spec` as it is declared now."""
    return fingerprint({name: spec.schema[name] for name in file_columns(spec)})


def new_path(spec: Table, partition: str | None) -> str:
    """Return a fresh file path relative to the table's folder."""
    name = f"{expected_generation(spec)}-{uuid.uuid4().hex}.parquet"
    return name if partition is None else f"{spec.partition}={partition}/{name}"


def generation(path: str) -> str:
    """Return the fingerprint in a file's name, or the path itself for a file of another writer."""
    match = FILE_NAME.fullmatch(path)
    return match[1] if match else path
