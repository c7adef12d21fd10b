"""How a table is declared and how a frame takes its shape. The tables are in the other files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from golive_core.errors import LakeError

Partition = Literal["day", "month", "year", "none"]

DTYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "at": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "texts": pl.List(pl.String()),
    "bytes": pl.Binary(),
}
STATUSES = ("queued", "running", "passed", "failed", "error", "cancelled", "skipped")
"""Words that every source maps its build and stage states onto."""
TEST_STATUSES = ("passed", "failed", "error", "skipped")
"""Words of a test result."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its dtype and what it holds."""

    name: str
    dtype: pl.DataType
    doc: str


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    `key` names the columns that make a row unique; `sort` the order inside a file; `is_fact`
    tells rows that never change (inserted) from entities that do (merged on the key). `later`
    names columns that are null until a later step fills them; the log counts their nulls by file.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: Partition
    sort: tuple[str, ...]
    is_fact: bool
    later: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """The layer before the dot: raw, core, marts, predictions or ops."""
        return self.name.partition(".")[0]

    @cached_property
    def schema(self) -> pl.Schema:
        """The polars schema, in column order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})


def table(
    name: str,
    grain: str,
    spec: str,
    *,
    key: str,
    sort: str = "",
    partition: Partition = "none",
    is_fact: bool = False,
    later: str = "",
) -> Table:
    """Build a Table from a readable spec: one `name type description` a line."""
    rows = (line.split(maxsplit=2) for line in spec.strip().splitlines())
    columns = tuple(Column(parts[0], DTYPES[parts[1]], parts[2]) for parts in rows)
    return Table(
        name, grain, tuple(key.split()), columns, partition, tuple((sort or key).split()), is_fact,
        tuple(later.split()),
    )  # fmt: skip


def conform(spec: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with exactly the table's columns, order and dtypes; absent ones are null.

    Raises LakeError for a column that the table does not have or a value that does not cast.
    """
    extra = [name for name in frame.columns if name not in spec.schema]
    if extra:
        raise LakeError(
            f"unknown columns {extra}", where=spec.name, hint="Declare them in golive_core/schema"
        )
    if frame.schema == spec.schema:
        return frame
    have = frame.schema
    cells = [
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in spec.schema.items()
    ]
    try:
        return frame.select(cells) if frame.width else pl.DataFrame(schema=spec.schema)
    except pl.exceptions.PolarsError as error:
        raise LakeError(f"a value does not fit its column: {error}", where=spec.name) from error
