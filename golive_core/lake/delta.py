"""Adding a version to one Delta table. Which files a version has is in snapshot.py."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.schema import ArrayType, PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from golive_core.lake import remote
from golive_core.lake.remote import Remote
from golive_core.lake.snapshot import (
    Era,
    Snapshot,
    added_file,
    dtype_named,
    era,
    forget,
    keep,
    log_entry,
    newest_version,
)
from golive_core.lake.trouble import told

APP = "golive"
"""Application id of our commits in the Delta log; its version is the manifest's number."""
CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}
"""The log is trimmed by vacuum, which knows what the kept manifests need."""
HANDLES = 64
"""Open tables that a writing process keeps."""
_handles: OrderedDict[tuple[int, Era, Path], DeltaTable] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction does to one table; plain data, so that it can be written down first.

    `base` is the version that it was planned against. `adds` are (path, size, partition value,
    statistics as JSON), `removes` (path, size, partition value). `columns` are those of the table
    afterwards, `info` goes into the Delta log.
    """

    table: str
    base: int
    adds: Sequence[tuple[str, int, str | None, str]]
    removes: Sequence[tuple[str, int, str | None]]
    columns: Mapping[str, str]
    partition: str | None
    replaces: bool
    data_change: bool
    info: Mapping[str, Any]


def delta_field(name: str, word: str) -> Field:
    """Return the Delta column of a name and a word of `dtype_word`."""
    base = PrimitiveType(word.removesuffix("[]"))
    return Field(name, ArrayType(base, contains_null=True) if word.endswith("[]") else base)


def apply(folder: Path, commit: Commit, *, n: int, again: bool = False) -> int:
    """Add `commit` to the table and return its version; the caller holds the lake's lock.

    With `again`, it is left alone if manifest `n` has already made it.
    """
    with told(commit.table, "committing"):
        if commit.base < 0 and not DeltaTable.is_deltatable(str(folder)):
            create(folder, commit, n)
            keep((era(folder.parent.parent), folder), created(folder, commit))
            return 0
        delta = handle(folder)
        if not again or (delta.transaction_version(APP) or 0) < n:
            extend(delta, folder, commit, n)
        return newest_version(folder, delta.version())


def applied(folder: Path, n: int) -> bool:
    """Tell whether the table has the commit of manifest `n`."""
    found = DeltaTable.is_deltatable(str(folder))
    return found and (DeltaTable(str(folder)).transaction_version(APP) or 0) >= n


def shared(folder: Path, bucket: Remote, first: int, last: int, n: int) -> bool:
    """Put the entries from `first` to `last` into the bucket, or take those that are there.

    False if another tool's entry was there instead of the one of manifest `n`.
    """
    is_same = True
    for version in range(first, last + 1):
        path = log_entry(folder, version)
        mine = path.read_bytes()
        theirs = bucket.settle(path, mine)
        if theirs != mine:
            path.write_bytes(theirs)
            is_same = False
    if not is_same:
        _handles.clear()
        forget(folder)
    return is_same or applied(folder, n)


def handle(folder: Path) -> DeltaTable:
    """Return the table at its newest version: opened once a process, then brought up to date."""
    key = (os.getpid(), era(folder.parent.parent), folder)
    found = _handles.pop(key, None)
    if found is None:
        found = DeltaTable(str(folder))
    else:
        found.update_incremental()
    _handles[key] = found
    while len(_handles) > HANDLES:
        _handles.popitem(last=False)
    return found


def properties(commit: Commit, n: int) -> CommitProperties:
    """Return what is noted in the Delta log beside the files."""
    return CommitProperties(
        custom_metadata={APP: dict(commit.info)}, app_transactions=[Transaction(APP, n)]
    )


def delta_schema(commit: Commit) -> Schema:
    """Return the Delta schema of the table after `commit`."""
    names = dict(commit.columns)
    if commit.partition is not None and commit.partition not in names:
        names[commit.partition] = "string"
    return Schema([delta_field(name, word) for name, word in names.items()])


def add_actions(folder: Path, commit: Commit) -> list[AddAction]:
    """Return Delta's add actions for the staged files."""
    is_in_bucket = remote.of(folder.parent.parent) is not None
    return [
        AddAction(
            path,
            size,
            {} if commit.partition is None else {commit.partition: value},
            modified_ms(folder / path, is_in_bucket=is_in_bucket),
            commit.data_change,
            stats,
        )
        for path, size, value, stats in commit.adds
    ]


def modified_ms(path: Path, *, is_in_bucket: bool) -> int:
    """Return when a file was written; now, for one that another machine put into the bucket."""
    if is_in_bucket and not path.exists():
        return int(time.time() * 1000)
    return int(path.stat().st_mtime * 1000)


def create(folder: Path, commit: Commit, n: int) -> None:
    """Write version 0 of a table."""
    create_table_with_add_actions(
        str(folder),
        delta_schema(commit),
        add_actions(folder, commit),
        mode="error",
        partition_by=[] if commit.partition is None else [commit.partition],
        name=commit.table,
        configuration=CONFIGURATION,
        commit_properties=properties(commit, n),
    )


def created(folder: Path, commit: Commit) -> Snapshot:
    """Return version 0 as it was written, so that nobody has to open the table to know it."""
    made = commit.partition if commit.partition != "day" else None
    columns = {name: dtype_named(word) for name, word in commit.columns.items() if name != made}
    empty = Snapshot(commit.table, folder, 0, (), columns, commit.partition)
    files = [
        added_file(
            empty,
            {
                "path": path, "size": size, "stats": stats,
                "partitionValues": {} if commit.partition is None else {commit.partition: value},
            },
        )
        for path, size, value, stats in commit.adds
    ]  # fmt: skip
    return replace(empty, files=tuple(sorted(files, key=lambda file: file.path)))


def extend(delta: DeltaTable, folder: Path, commit: Commit, n: int) -> None:
    """Write the next version of a table; new columns are declared by a commit of their own."""
    have = {field.name for field in delta.schema().fields}
    fresh = [name for name in commit.columns if name not in have]
    if fresh and not commit.replaces:
        delta.alter.add_columns([delta_field(name, commit.columns[name]) for name in fresh])
    removed = () if commit.replaces else commit.removes
    now = int(time.time() * 1000)
    gone = [
        RemoveAction(
            path,
            commit.data_change,
            now,
            size,
            {} if commit.partition is None else {commit.partition: value},
        )
        for path, size, value in removed
    ]
    delta.create_write_transaction(
        [*add_actions(folder, commit), *gone],
        "overwrite" if commit.replaces else "append",
        delta_schema(commit) if commit.replaces else delta.schema(),
        [] if commit.partition is None else [commit.partition],
        commit_properties=properties(commit, n),
    )
