"""Finding a few rows without DuckDB, where what a table holds is small or its files are few.

A query of read.py needs a view of each table version that it meets, which costs 5 ms after every
commit. Here the files that may hold the rows are chosen by their ranges in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping

import polars as pl

from golive_core import schema
from golive_core.lake import snapshot as snapshots
from golive_core.lake import stage
from golive_core.lake.layout import Layout, file_columns
from golive_core.lake.manifest import Manifest
from golive_core.lake.snapshot import DataFile, Snapshot

KEPT = 64
"""Answers of `rows` that a process keeps."""
_found: dict[Hashable, pl.DataFrame] = {}
_lock = threading.Lock()


def chosen(held: Snapshot, ranges: Mapping[str, tuple[object, object]]) -> list[DataFile]:
    """Return the files that may hold a row with every column within its range."""
    return [
        file
        for file in held.files
        if all(file.may_hold(name, low, high) for name, (low, high) in ranges.items())
    ]


def snapshot_of(layout: Layout, found: Manifest, table: str) -> Snapshot:
    """Return the table's version in a manifest."""
    return snapshots.snapshot(table, layout.folder(table), found.tables.get(table, -1))


def rows(layout: Layout, found: Manifest, table: str, values: Mapping[str, object]) -> pl.DataFrame:
    """Return the rows whose columns have these values; their files are read whole.

    Files never change, so what was found in the same ones is kept for the next who asks.
    """
    held = snapshot_of(layout, found, table)
    files = chosen(held, {name: (value, value) for name, value in values.items()})
    spec = schema.find(table)
    if not values:
        return stage.read_rows(spec, held, files)
    key = (held.folder, tuple(one.path for one in files), tuple(values.items()), *spec.schema)
    kept = _found.get(key)
    if kept is None:
        read = stage.read_rows(spec, held, files)
        kept = read.filter(pl.col(name).eq(value) for name, value in values.items())
        with _lock:
            _found[key] = kept
            while len(_found) > KEPT:
                del _found[next(iter(_found))]
    return kept.clone()


def scan(
    layout: Layout, found: Manifest, table: str, ranges: Mapping[str, tuple[object, object]]
) -> pl.LazyFrame:
    """Return the rows of the files that may hold some within the ranges."""
    spec, held = schema.find(table), snapshot_of(layout, found, table)
    columns = {name: spec.schema[name] for name in file_columns(spec)}
    files = held.present(chosen(held, ranges))
    if not files:
        return pl.LazyFrame(schema=columns)
    return pl.scan_parquet(
        files, schema=columns, hive_partitioning=False,
        extra_columns="ignore", missing_columns="insert",
    )  # fmt: skip
