"""Keeping the lake small and telling what happened to it: compaction, vacuum, history.

The Delta log is read as it lies, one JSON file a version, so that all of this costs what was
committed since and never what the table holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from golive_core import schema
from golive_core.errors import LakeConflictError
from golive_core.lake import commit, manifest, read, remote, stage
from golive_core.lake import snapshot as snapshots
from golive_core.lake.commit import Write, WriteResult
from golive_core.lake.delta import APP
from golive_core.lake.layout import FILE_ROWS, Layout, declared, mart_spec
from golive_core.lake.plan import Plan
from golive_core.lake.snapshot import DataFile, Snapshot, log_entry
from golive_core.lake.trouble import told
from golive_core.lock import alone
from golive_core.schema import Table

TARGET_ROWS = 1_000_000
"""Rows from which on a file is left alone by compaction."""
ABANDONED = timedelta(days=1)
"""Age at which a staged file that nobody committed counts as abandoned."""
CHECKPOINT = ".checkpoint"
LOCKS = "_locks"


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a vacuum removed: manifests, Parquet files, their size, and entries of Delta logs."""

    manifests: int
    files: int
    size_bytes: int
    log_entries: int


def entry(folder: Path, version: int) -> list[dict[str, Any]]:
    """Return the actions of one commit; raises FileNotFoundError once it is trimmed."""
    lines = log_entry(folder, version).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def info_of(actions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is noted of a commit; `golive` holds what we noted ourselves."""
    found = [action["commitInfo"] for action in actions if "commitInfo" in action]
    return dict(found[0]) if found else {}


def changed_days(layout: Layout, table: str, since: int) -> set[date]:
    """Return the days changed after manifest `since`: from the log, or all days if it is gone."""
    newest = manifest.newest(layout)
    earlier = manifest.read(layout, since) if since else manifest.Manifest()
    folder = layout.folder(table)
    last = newest.tables.get(table, -1)
    if earlier is None:
        return all_days(layout, table)
    try:
        first = earlier.tables.get(table, -1) + 1
        infos = [info_of(entry(folder, version)) for version in range(first, last + 1)]
    except FileNotFoundError:
        return all_days(layout, table)
    if any(is_foreign(info) for info in infos):
        return all_days(layout, table)
    return {day for info in infos for day in days_in(info.get(APP, {}).get("days", ()))}


def is_foreign(info: Mapping[str, Any]) -> bool:
    """Tell whether another tool may have changed rows in this commit."""
    return APP not in info and info.get("operation") in ("WRITE", "MERGE", "DELETE", "UPDATE")


def days_in(spans: Iterable[Sequence[str]]) -> Iterator[date]:
    """Yield the days of [first, last] spans of ISO dates."""
    for first, last in spans:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        yield from (start + timedelta(days=n) for n in range((end - start).days + 1))


def all_days(layout: Layout, table: str) -> set[date]:
    """Return every day that the table has rows of."""
    newest = manifest.newest(layout)
    if "day" not in read.columns_of(read.snapshot_of(layout, newest, table)):
        return set()
    rows = read.query(layout, newest, f"select distinct day from {table}", None)  # noqa: S608 - a checked name
    return set(rows["day"].drop_nulls().to_list())


def spec_of(found: Snapshot) -> Table:
    """Return the declaration of a table that exists."""
    if declared(found.table):
        return schema.find(found.table)
    return mart_spec(found.table, dict(found.columns))


def compact(layout: Layout, table: str, target_rows: int) -> WriteResult:
    """Join small files of each partition in one transaction that changes no row."""
    found = read.snapshot_of(layout, manifest.newest(layout), table)
    if found.version < 0:
        return WriteResult(table)
    spec = spec_of(found)
    target = target_rows if declared(table) else min(target_rows, FILE_ROWS // 2)

    def planner(base: Snapshot, before: Plan | None) -> Plan:
        if before is not None:
            before.discard()
        return join(spec, base, target)

    return commit.commit(layout, [Write(spec, planner)], f"compact {table}")[0]


def join(spec: Table, base: Snapshot, target_rows: int) -> Plan:
    """Plan to replace the small files of each partition by one."""
    groups = list(joinable(base.files, target_rows))
    adds: list[stage.Staged] = []
    try:
        for group in groups:
            rows = stage.read_rows(spec, base, group)
            adds += stage.write(spec, base.folder, rows, base=base.version)
    except BaseException:
        stage.discard(base.folder, adds)
        raise
    removes = [file for group in groups for file in group]
    kept = sum(file.rows for file in removes)
    return Plan(spec, base, adds, removes, unchanged=kept, data_change=False)


def joinable(files: Iterable[DataFile], target_rows: int) -> Iterator[list[DataFile]]:
    """Yield groups of two or more small files of one partition, of about `target_rows` together."""
    partitions: dict[str | None, list[DataFile]] = {}
    for file in files:
        if file.rows < target_rows:
            partitions.setdefault(file.partition, []).append(file)
    for small in partitions.values():
        yield from (group for group in bundles(small, target_rows) if len(group) > 1)


def bundles(files: Iterable[DataFile], target_rows: int) -> Iterator[list[DataFile]]:
    """Yield the files in groups that reach `target_rows` and end there."""
    group: list[DataFile] = []
    for file in files:
        group.append(file)
        if sum(each.rows for each in group) >= target_rows:
            yield group
            group = []
    if group:
        yield group


@contextmanager
def unpruned(layout: Layout) -> Generator[None]:
    """Keep others from removing what is old until the block ends; who removes holds it too."""
    with alone(layout.root / LOCKS, "prune"):
        yield


def vacuum(layout: Layout, keep: timedelta) -> Vacuumed:
    """Remove the manifests replaced longer ago than `keep` and the files that only they needed.

    It waits for a backup that is being made.
    """
    if not layout.manifests.exists():
        return Vacuumed(0, 0, 0, 0)
    with (
        unpruned(layout),
        commit.locked(layout),
        told(layout.root, "removing old files"),
    ):
        commit.recover(layout)
        if layout.remote:
            layout.remote.drop_pruned()
        before = len(manifest.numbers(layout))
        oldest = manifest.prune(layout, datetime.now(UTC) - keep)
        bucket = layout.remote
        if bucket:
            bucket.prune_manifests(oldest.n)
        newest = manifest.newest(layout)
        gone: dict[Path, int] = {}
        entries = 0
        for table, version in newest.tables.items():
            folder = layout.folder(table)
            first = oldest.tables.get(table, 0)
            gone |= unneeded(table, folder, first, version)
            if bucket:
                bucket.push_checkpoints(folder)
            old = old_log(folder, first)
            entries += len(old)
            gone |= dict.fromkeys(old, 0)
        for path in gone:
            path.unlink(missing_ok=True)
        if bucket:
            bucket.delete(gone)
    data = [size for path, size in gone.items() if path.parent.name != snapshots.LOG]
    return Vacuumed(before - len(manifest.numbers(layout)), len(data), sum(data), entries)


def unneeded(table: str, folder: Path, first: int, last: int) -> dict[Path, int]:
    """Return files, with sizes, that no version from `first` to `last` has, nor a writer may want.

    A file that the log says was removed goes at once; one that it does not know may be staged by
    a writer at this moment, and goes when it is abandoned.
    """
    needed = needed_paths(table, folder, first, last)
    removed = {path for version in versions(folder) if version <= first
               for path in paths_of(entry(folder, version), "remove")}  # fmt: skip
    limit = time.time() - ABANDONED.total_seconds()
    return {
        folder / path: size
        for path, (size, at) in candidates(folder).items()
        if path not in needed and (path in removed or at < limit)
    }


def candidates(folder: Path) -> dict[str, tuple[int, float]]:
    """Return size and time of all Parquet files of a table, here and in its bucket."""
    there = remote.of(folder.parent.parent)
    files = there.files(folder) if there else {}
    found = {path: (one.size, one.at) for path, one in files.items()}
    for path in folder.rglob("*.parquet"):
        state = path.stat()
        found[path.relative_to(folder).as_posix()] = (state.st_size, state.st_mtime)
    return {path: state for path, state in found.items()
            if path.endswith(".parquet") and not path.startswith(snapshots.LOG)}  # fmt: skip


def forget_past(layout: Layout) -> Vacuumed:
    """Remove all versions but the newest with their entries in the log.

    The log tells ranges of values of files that are long gone; a checkpoint of the newest version
    takes its place.
    """
    with commit.locked(layout):
        commit.recover(layout)
        for table in manifest.newest(layout).tables:
            with told(table, "writing a checkpoint"):
                DeltaTable(str(layout.folder(table))).create_checkpoint()
    return vacuum(layout, timedelta(0))


def read_files(layout: Layout, table: str, paths: Collection[str]) -> pl.DataFrame:
    """Return the rows of some files of the newest version; LakeConflictError if one is gone."""
    found = read.snapshot_of(layout, manifest.newest(layout), table)
    files = [file for file in found.files if file.path in set(paths)]
    if len(files) < len(paths):
        raise LakeConflictError("a file was replaced meanwhile", where=table, hint="Read again")
    return stage.read_rows(spec_of(found), found, files)


def needed_paths(table: str, folder: Path, first: int, last: int) -> set[str]:
    """Return the Parquet files, relative to the folder, of the versions from `first` to `last`."""
    needed = {file.path for file in snapshots.snapshot(table, folder, first).files}
    for version in range(first + 1, last + 1):
        needed |= paths_of(entry(folder, version), "add")
    return needed


def paths_of(actions: Iterable[Mapping[str, Any]], kind: str) -> set[str]:
    """Return the paths in the add or remove actions of a commit."""
    return {str(action[kind]["path"]) for action in actions if kind in action}


def versions(folder: Path) -> list[int]:
    """Return the versions whose commit still lies in the Delta log, ascending."""
    names = (folder / snapshots.LOG).glob("*.json")
    return sorted(int(path.stem) for path in names if path.stem.isdigit())


def old_log(folder: Path, first: int) -> list[Path]:
    """Return the log before the newest checkpoint that version `first` can be read from."""
    log = folder / snapshots.LOG
    kept = sorted(path.name.partition(".")[0] for path in log.glob(f"*{CHECKPOINT}*.parquet"))
    reachable = [int(name) for name in kept if int(name) <= first]
    if not reachable:
        return []
    return [path for path in log.iterdir() if path.name[:20].isdigit()
            and int(path.name[:20]) < reachable[-1]]  # fmt: skip


def history(layout: Layout, table: str, limit: int) -> pl.DataFrame:
    """Return the newest commits, newest first: version, at, operation, note, new, changed, days."""
    columns = {"version": pl.Int64, "at": pl.Datetime("us", "UTC"), "operation": pl.String,
               "note": pl.String, "new": pl.Int64, "changed": pl.Int64,
               "days": pl.List(pl.Date)}  # fmt: skip
    last = manifest.newest(layout).tables.get(table, -1)
    folder = layout.folder(table)
    numbers = [number for number in reversed(versions(folder)) if number <= last][:limit]
    return pl.DataFrame([line(folder, number) for number in numbers], schema=columns, orient="row")


def line(folder: Path, version: int) -> tuple[Any, ...]:
    """Return one row of `history`."""
    info = info_of(entry(folder, version))
    ours: Mapping[str, Any] = info.get(APP, {})
    at = datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC)
    days = list(days_in(ours.get("days", ())))
    return (version, at, info.get("operation"), ours.get("note"), ours.get("new"),
            ours.get("changed"), days)  # fmt: skip
