"""What another engine needs to read tables of the lake: files and columns of one version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from golive_core.lake import read
from golive_core.lake.layout import Layout
from golive_core.lake.manifest import Manifest
from golive_core.lake.snapshot import dtype_word


@dataclass(frozen=True, slots=True)
class Files:
    """The Parquet files of a version of a table below its `folder`, as absolute paths.

    `columns` are all columns that readers see with Delta's word for their dtype, `[]` behind that
    of a list. The value of a partition stands in the path (`day=2026-05-01`); a column that a file
    lacks is null.
    """

    table: str
    folder: str
    paths: tuple[str, ...]
    columns: dict[str, str]


def parquet(layout: Layout, found: Manifest, tables: Iterable[str]) -> list[Files]:
    """Return the files of some tables in one manifest; LakeError for an unknown table."""
    return [files_of(layout, found, table) for table in tables]


def files_of(layout: Layout, found: Manifest, table: str) -> Files:
    """Return the files of one table, fetched from the bucket where the lake is in one."""
    held = read.snapshot_of(layout, found, table)
    columns = {name: dtype_word(dtype) for name, dtype in read.columns_of(held).items()}
    return Files(table, str(held.folder), tuple(held.present(held.files)), columns)
