"""Which files a version of a Delta table has. Knows one table, changes nothing.

A version never changes, so what was read of it is kept for the life of the process; the next
version is the last one and what its entry in the log adds and removes, which costs what is new.
Writing versions is in delta.py.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, Field
from deltalake.schema import ArrayType, PrimitiveType

from golive_core.errors import LakeError, LakeVersionError
from golive_core.lake import remote
from golive_core.lake.layout import FORMAT_FILE
from golive_core.lake.trouble import told

PRIMITIVES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "binary": pl.Binary(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
}
WORDS = {str(dtype): word for word, dtype in reversed(PRIMITIVES.items())}
CACHED = 512
"""Snapshots kept in a process: a few hundred bytes a file."""
LOG = "_delta_log"
STEPS = 50
"""Versions that are followed entry by entry; beyond, Delta's checkpoint is faster."""
READER = 1
"""Delta's reader protocol without deletion vectors and renamed columns."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table: its path in the folder, rows, partition value and ranges.

    `nulls` counts the nulls of the columns that the log tells it of.
    """

    path: str
    size: int
    rows: int
    partition: str | None
    low: Mapping[str, Any]
    high: Mapping[str, Any]
    nulls: Mapping[str, int] = field(default_factory=dict[str, int])

    def may_hold(self, column: str, low: object, high: object) -> bool:
        """Tell whether a value of `column` between `low` and `high` can be inside."""
        first, last = self.low.get(column), self.high.get(column)
        if first is None or last is None or low is None or high is None:
            return True
        return bool(first <= high and low <= last)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files and columns of one version of a table; version -1 is a table without a commit.

    `columns` leaves out the month or year that exists in the paths only.
    """

    table: str
    folder: Path
    version: int = -1
    files: tuple[DataFile, ...] = ()
    columns: Mapping[str, pl.DataType] = field(default_factory=dict[str, pl.DataType])
    partitioned_by: str | None = None

    @property
    def rows(self) -> int:
        """Number of rows of the version."""
        return sum(file.rows for file in self.files)

    def absolute(self, file: DataFile) -> str:
        """Return the file's path in the file system."""
        return str(self.folder / file.path)

    def present(self, files: Sequence[DataFile]) -> list[str]:
        """Return the paths of the files, which are fetched from the bucket where they lack."""
        home = remote.of(self.folder.parent.parent)
        if home:
            home.present(self.folder, [file.path for file in files])
        return [self.absolute(file) for file in files]


Era = tuple[int, int]
Place = tuple[Era, Path]
_cache: OrderedDict[tuple[Place, int], Snapshot] = OrderedDict()
_newest: dict[Place, int] = {}
_lock = threading.Lock()


def log_entry(folder: Path, version: int) -> Path:
    """Return the path of one commit in the Delta log."""
    return folder / LOG / f"{version:020d}.json"


def newest_version(folder: Path, known: int) -> int:
    """Return the newest version of the table, at least `known` (-1: none known)."""
    version = known
    while log_entry(folder, version + 1).exists():
        version += 1
    if version == -1 and folder.exists() and DeltaTable.is_deltatable(str(folder)):
        version = DeltaTable(str(folder)).version()
    return version


def snapshot(table: str, folder: Path, version: int) -> Snapshot:
    """Return the files of one version of a table."""
    place = (era(folder.parent.parent), folder)
    with _lock:
        found = _cache.get((place, version))
        near = _cache.get((place, _newest.get(place, -1)))
    if found is None:
        found = make(table, folder, version, near)
        keep(place, found)
    return found


def era(root: Path) -> Era:
    """Return what tells this lake from one that was deleted and made anew in the same place."""
    try:
        status = (root / FORMAT_FILE).stat()
    except OSError:
        return (0, 0)
    return (status.st_ino, status.st_mtime_ns)


def make(table: str, folder: Path, version: int, near: Snapshot | None) -> Snapshot:
    """Return a version that is not in the cache, from one that is if that is cheaper."""
    if version < 0:
        return Snapshot(table, folder)
    followed = follow(near, version) if near is not None else None
    return followed or load(table, folder, version)


def keep(place: Place, found: Snapshot) -> None:
    """Put a version into the cache."""
    with _lock:
        _cache[place, found.version] = found
        _newest[place] = max(found.version, _newest.get(place, -1))
        while len(_cache) > CACHED:
            _cache.popitem(last=False)


def forget(folder: Path) -> None:
    """Let go of what was read of a table whose log turned out to be another one."""
    with _lock:
        for place, version in [key for key in _cache if key[0][1] == folder]:
            del _cache[place, version]
            _newest.pop(place, None)


def follow(base: Snapshot, version: int) -> Snapshot | None:
    """Return a later version from the log entries after `base`; None if they do not suffice.

    They do not if there are many, if they are gone, or if one changes columns or protocol.
    """
    if not 0 <= base.version < version <= base.version + STEPS:
        return None
    files = {file.path: file for file in base.files}
    for number in range(base.version + 1, version + 1):
        try:
            lines = log_entry(base.folder, number).read_bytes().splitlines()
        except FileNotFoundError:
            return None
        actions: list[dict[str, Any]] = [json.loads(line) for line in lines]
        if any("metaData" in action or "protocol" in action for action in actions):
            return None
        turn(base, files, actions)
    ordered = tuple(sorted(files.values(), key=lambda file: file.path))
    return Snapshot(base.table, base.folder, version, ordered, base.columns, base.partitioned_by)


def turn(base: Snapshot, files: dict[str, DataFile], actions: Iterable[Mapping[str, Any]]) -> None:
    """Change the files as one entry of the log says."""
    for action in actions:
        if "remove" in action:
            files.pop(unquote(action["remove"]["path"]), None)
        elif "add" in action:
            added = added_file(base, action["add"])
            files[added.path] = added


def added_file(base: Snapshot, add: Mapping[str, Any]) -> DataFile:
    """Return the DataFile of an add action."""
    stats: Mapping[str, Any] = json.loads(add.get("stats") or "{}")
    value = add["partitionValues"].get(base.partitioned_by) if base.partitioned_by else None
    low, high = (typed(base, stats.get(kind, {})) for kind in ("minValues", "maxValues"))
    if base.partitioned_by == "day" and value is not None:
        low["day"] = high["day"] = date.fromisoformat(value)
    rows = int(stats.get("numRecords", 0))
    nulls = dict(stats.get("nullCount", {}))
    return DataFile(unquote(add["path"]), int(add["size"]), rows, value, low, high, nulls)


def typed(base: Snapshot, bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON bounds as the values that they stand for."""
    return {
        name: value_of(base.columns[name], value)
        for name, value in bounds.items()
        if name in base.columns
    }


def value_of(dtype: pl.DataType, value: object) -> object:
    """Return a bound from the log as a date, time, number or text."""
    if isinstance(value, str) and isinstance(dtype, pl.Date):
        return date.fromisoformat(value)
    if isinstance(value, str) and isinstance(dtype, pl.Datetime):
        return datetime.fromisoformat(value)
    return value


def load(table: str, folder: Path, version: int) -> Snapshot:
    """Read the file list of a version from the Delta log."""
    with told(table, "opening the table"):
        delta = DeltaTable(str(folder), version=version)
        actions = pl.DataFrame(delta.get_add_actions(flatten=True))
        if delta.protocol().min_reader_version > READER:
            hint = "Another tool turned on deletion vectors or column mapping; write a copy without"
            raise LakeVersionError("needs a newer Delta reader", where=table, hint=hint)
        partitions = delta.metadata().partition_columns
        fields = delta.schema().fields
    partition = partitions[0] if partitions else None
    made = partition if partition != "day" else None
    columns = {field.name: dtype_of(table, field) for field in fields if field.name != made}
    files = tuple(data_file(row, partition) for row in actions.iter_rows(named=True))
    ordered = tuple(sorted(files, key=lambda file: file.path))
    return Snapshot(table, folder, version, ordered, columns, partition)


def data_file(row: Mapping[str, Any], partition: str | None) -> DataFile:
    """Return the DataFile of one row of Delta's flattened add actions."""
    value = row.get(f"partition.{partition}") if partition else None
    low, high, nulls = (told_of(row, kind) for kind in ("min.", "max.", "null_count."))
    if partition == "day" and value is not None:
        low["day"] = high["day"] = value
    text = value.isoformat() if isinstance(value, date) else value
    return DataFile(row["path"], row["size_bytes"], row["num_records"], text, low, high, nulls)


def told_of(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return what an add action tells of its columns: their cells by name, absent ones left out."""
    return {
        key.removeprefix(kind): cell
        for key, cell in row.items()
        if key.startswith(kind) and cell is not None
    }


def dtype_of(table: str, field: Field) -> pl.DataType:
    """Return the polars dtype of a Delta column."""
    if isinstance(field.type, ArrayType):
        element = cast("PrimitiveType", field.type.element_type)
        return pl.List(PRIMITIVES[element.type])
    word = field.type.type
    if word not in PRIMITIVES:
        raise LakeError(f"column {field.name} has the foreign type {word}", where=table)
    return PRIMITIVES[word]


def dtype_named(word: str) -> pl.DataType:
    """Return the dtype that `dtype_word` names."""
    inner = PRIMITIVES[word.removesuffix("[]")]
    return pl.List(inner) if word.endswith("[]") else inner


def dtype_word(dtype: pl.DataType) -> str:
    """Return Delta's word for a dtype; `[]` behind it marks a list."""
    if isinstance(dtype, pl.List):
        return f"{WORDS[str(dtype.inner)]}[]"
    return WORDS[str(dtype)]
