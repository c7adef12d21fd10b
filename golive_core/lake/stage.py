"""Parquet files on their way into a table: written, measured, not yet part of any version.

A staged file is invisible until a transaction commits it; one that never is, is removed by
vacuum. What a file may hold in terms of keys is decided in plan.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from golive_core import schema
from golive_core.erasure.scrub import active
from golive_core.errors import LakeError
from golive_core.lake.layout import (
    FILE_ROWS,
    PAGE_BYTES,
    ROW_GROUP,
    declared,
    file_columns,
    mart_spec,
    new_path,
    partition_value,
    partition_values,
)
from golive_core.lake.snapshot import DataFile, Snapshot
from golive_core.lake.trouble import told
from golive_core.schema import Table

HEADS = 512
"""Distinct values of the first key column that a Staged carries; beyond, it says nothing."""
LONGEST = 128
"""Characters of text up to which a minimum or maximum is worth its place in the log."""
SMALL_BYTES = 1_000_000
"""Files below this are read whole: looking into them first costs as much."""
PART = "__partition"


@dataclass(frozen=True, slots=True)
class Staged:
    """One Parquet file written for `table`, not committed. Small and picklable.

    `path` is relative to the table's folder, `heads` the distinct values of the first key column
    (None: too many), `days` what its rows belong to, `known` how many rows were left out because
    version `base` of the table had them. A Staged without rows has no file and an empty path.
    """

    table: str
    path: str
    size: int
    rows: int
    partition: str | None
    stats: str
    days: tuple[date, ...]
    heads: frozenset[Any] | None
    base: int
    known: int = 0


def shaped(table: str, frame: pl.DataFrame, root: Path) -> tuple[Table, pl.DataFrame]:
    """Return the table's declaration and the frame cast to it; a mart is declared by the frame.

    Every row comes through here on its way into the lake below `root`, so here those who were
    erased are kept out. Raises LakeError for a column or value that does not fit, or a fact
    without its day.
    """
    if declared(table):
        spec = schema.find(table)
        conformed = schema.conform(spec, frame)
    else:
        conformed = plain(table, frame)
        spec = mart_spec(table, dict(conformed.schema))
    if spec.partition != "none" and conformed["day"].null_count():
        raise LakeError("a row has no day", where=table, hint="Fill it from the time of the event")
    erased = active(root)
    return spec, erased.frame(table, conformed) if erased else conformed


def plain(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a mart's frame with the dtypes that the lake has; raises LakeError for others."""
    return frame.with_columns(plain_cell(table, name, kind) for name, kind in frame.schema.items())


def plain_cell(table: str, name: str, dtype: pl.DataType) -> pl.Expr:
    """Return the column `name` in the nearest dtype that the lake has."""
    cell = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        aware = cell.dt.replace_time_zone("UTC") if dtype.time_zone is None else cell
        return aware.cast(pl.Datetime("us", "UTC"))
    if dtype.is_integer():
        return cell.cast(pl.Int64)
    if dtype.is_numeric():
        return cell.cast(pl.Float64)
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        return cell.cast(pl.String)
    if isinstance(dtype, pl.List):
        return cell.cast(pl.List(pl.String))
    if isinstance(dtype, pl.String | pl.Boolean | pl.Date | pl.Binary):
        return cell
    raise LakeError(f"column {name} has dtype {dtype}", where=table, hint="Cast it to text")


def partitions(spec: Table, frame: pl.DataFrame) -> Iterator[tuple[str | None, pl.DataFrame]]:
    """Yield (partition value, its rows); one pair without a value if there are no partitions."""
    values = values_of(spec, frame)
    if len(values) == 1:
        yield values.pop(), frame
        return
    cut = frame.with_columns(partition_values(spec).alias(PART))
    for (value, *_), rows in cut.partition_by(
        PART, as_dict=True, include_key=False, maintain_order=True
    ).items():
        yield str(value), rows


def values_of(spec: Table, frame: pl.DataFrame) -> set[str | None]:
    """Return the partition values of the rows."""
    if spec.partition == "none":
        return {None}
    return {partition_value(spec, day) for day in frame["day"].unique().to_list()}


def write(spec: Table, folder: Path, frame: pl.DataFrame, *, base: int) -> list[Staged]:
    """Write `frame` sorted, one file a partition (a large mart: one per FILE_ROWS).

    On an error nothing stays behind.
    """
    staged: list[Staged] = []
    try:
        for value, rows in partitions(spec, frame):
            for part in bounded(spec, rows.sort(spec.sort, maintain_order=True)):
                staged += [write_file(spec, folder, part, value, base)]
    except BaseException:
        discard(folder, staged)
        raise
    return staged


def bounded(spec: Table, rows: pl.DataFrame) -> Iterable[pl.DataFrame]:
    """Cut the sorted rows of a mart into files; a declared table has one file a partition."""
    return [rows] if declared(spec.name) else rows.iter_slices(FILE_ROWS)


def write_file(
    spec: Table, folder: Path, rows: pl.DataFrame, value: str | None, base: int
) -> Staged:
    """Write one Parquet file and return what is known of it."""
    relative = new_path(spec, value)
    path = folder / relative
    with told(folder, f"writing {rows.height} rows of {spec.name}"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            rows.select(file_columns(spec)).write_parquet(
                path, compression="zstd", row_group_size=ROW_GROUP, data_page_size=PAGE_BYTES
            )
            size = path.stat().st_size
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return Staged(
        spec.name, relative, size, rows.height, value, statistics(spec, rows), days(rows),
        heads(spec, rows), base,
    )  # fmt: skip


def discard(folder: Path, staged: Iterable[Staged]) -> None:
    """Remove the files of staged rows that will not be committed."""
    for item in staged:
        if item.path:
            (folder / item.path).unlink(missing_ok=True)


def days(rows: pl.DataFrame) -> tuple[date, ...]:
    """Return the distinct days of the rows, ascending; none for a table without days."""
    if "day" not in rows.columns:
        return ()
    return tuple(rows["day"].drop_nulls().unique().sort().to_list())


def heads(spec: Table, rows: pl.DataFrame) -> frozenset[Any] | None:
    """Return the distinct values of the first key column, or None if they are too many."""
    if not spec.key:
        return None
    distinct = rows[spec.key[0]].unique()
    return frozenset(distinct.to_list()) if distinct.len() <= HEADS else None


def statistics(spec: Table, rows: pl.DataFrame) -> str:
    """Return Delta's statistics of a file as JSON: row count, and ranges of keys, days, times."""
    names = [name for name, dtype in rows.schema.items() if has_range(spec, name, dtype)]
    low = {name: rows[name].min() for name in names}
    high = {name: rows[name].max() for name in names}
    ranged = [name for name in names if is_short(low[name]) and is_short(high[name])]
    data = {
        "numRecords": rows.height,
        "minValues": {name: plain_value(low[name]) for name in ranged},
        "maxValues": {name: plain_value(high[name]) for name in ranged},
        "nullCount": {name: rows[name].null_count() for name in (*names, *spec.later)},
    }
    return json.dumps(data)


def has_range(spec: Table, name: str, dtype: pl.DataType) -> bool:
    """Tell whether a column's range helps to skip files."""
    if isinstance(dtype, pl.Datetime | pl.Date):
        return name != spec.partition
    return name in (*spec.key, *spec.sort) and isinstance(dtype, pl.String | pl.Int64)


def is_short(value: object) -> bool:
    """Tell whether a bound is there and fit for the log."""
    return value is not None and (not isinstance(value, str) or len(value) <= LONGEST)


def plain_value(value: object) -> object:
    """Return a bound as Delta writes it in JSON."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def read_rows(spec: Table, snapshot: Snapshot, files: Sequence[DataFile]) -> pl.DataFrame:
    """Return the rows of some files of a version with the columns of `spec`."""
    snapshot.present(files)
    together = read_together(spec, snapshot, files) if len(files) > 1 else None
    if together is not None:
        return together
    frames = [read_file(spec, snapshot.folder, file.path, file.partition) for file in files]
    return pl.concat(frames) if frames else pl.DataFrame(schema=spec.schema)


def read_together(
    spec: Table, snapshot: Snapshot, files: Sequence[DataFile]
) -> pl.DataFrame | None:
    """Return the rows of small files, which polars reads in a quarter of the time when it may.

    None where they are to be read one by one: of a table by day, whose files lack it, or if one
    has a column of another type or cannot be read, which is told then.
    """
    if spec.partition == "day" or sum(file.size for file in files) >= SMALL_BYTES:
        return None
    try:
        found = pl.scan_parquet(
            [(snapshot.folder / file.path).read_bytes() for file in files],
            schema={name: spec.schema[name] for name in file_columns(spec)},
            hive_partitioning=False, extra_columns="ignore", missing_columns="insert",
        ).collect()  # fmt: skip
    except (OSError, pl.exceptions.PolarsError):
        return None
    return schema.conform(spec, found)


def read_file(spec: Table, folder: Path, path: str, partition: str | None) -> pl.DataFrame:
    """Return the rows of one file with the columns of `spec`; absent ones are null."""
    with told(spec.name, f"reading {path}"):
        rows = pl.read_parquet(source_of(folder / path), hive_partitioning=False)
    if spec.partition == "day" and partition is not None:
        rows = rows.with_columns(pl.lit(date.fromisoformat(partition)).alias("day"))
    return schema.conform(spec, rows.select(name for name in rows.columns if name in spec.schema))


def source_of(path: Path) -> Path | bytes:
    """Return what polars reads a file from: one given as bytes takes it half the time to open."""
    return path.read_bytes() if path.stat().st_size < SMALL_BYTES else path


def spec_of(item: Staged) -> Table:
    """Return the declaration of a staged file's table; raises LakeError for a mart."""
    return schema.find(item.table)
