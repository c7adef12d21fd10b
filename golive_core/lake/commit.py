"""Transactions: several tables change together or not at all, also if the process is killed.

    1  stage      Parquet files are written; no lock, nobody sees them
    2  lock       and finish what a killed process had promised
    3  settle     keys that arrived since step 1 are taken out; usually there are none
    4  promise    `_manifests/intent.json` says what will be added to which table: from its rename
                  on, the transaction happens
    5  Delta      one commit a table, marked with the manifest's number so that none is made twice
    6  manifest   readers see all tables change at once; the promise is removed

Killed before 4, nothing happened and vacuum removes the staged files. Killed after it, the next
writer repeats 5 and 6. Readers take no lock: they follow the newest manifest.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from golive_core.errors import LakeConflictError, LakeError
from golive_core.lake import delta, manifest
from golive_core.lake import snapshot as snapshots
from golive_core.lake.delta import Commit
from golive_core.lake.layout import FORMAT, Layout, declared, partition_column
from golive_core.lake.manifest import Manifest
from golive_core.lake.plan import Plan
from golive_core.lake.snapshot import Snapshot
from golive_core.lake.trouble import told
from golive_core.schema import Table

PATIENCE_S = 120.0
"""How long a writer waits for the lock; a commit holds it for milliseconds."""
INTENT = "intent.json"
Planner = Callable[[Snapshot, Plan | None], Plan]
"""Works a write out against a version; the second time it gets its first, outdated plan."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a write did to one table: rows, files written and the days whose rows changed."""

    table: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    files: int = 0
    days: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Write:
    """One table's part of a transaction."""

    spec: Table
    planner: Planner


@contextmanager
def locked(layout: Layout, patience_s: float = PATIENCE_S) -> Generator[None]:
    """Hold the lake's lock; raises LakeConflictError after `patience_s` of waiting.

    The kernel frees it when the process ends, however it ends.
    """
    with told(layout.root, "locking the lake"):
        layout.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(layout.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        wait(handle, layout, time.monotonic() + patience_s)
        yield
    finally:
        os.close(handle)


def wait(handle: int, layout: Layout, until: float) -> None:
    """Take the lock, asking again and again until the monotonic time `until`."""
    pause = 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                hint = "Find the process that holds it (`fuser`), or wait for it to end"
                raise LakeConflictError(
                    "another process keeps the lake locked", where=str(layout.lock_file), hint=hint
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        else:
            return


def commit(layout: Layout, writes: Sequence[Write], note: str) -> list[WriteResult]:
    """Perform the writes as one transaction; raises LakeError and leaves nothing half done."""
    known = manifest.newest(layout)
    plans = plan_all(layout, writes, known.tables)
    if all(item.is_empty for item in plans):
        return [result(item) for item in plans]
    prepare(layout)
    try:
        with locked(layout):
            is_published = False
            while not is_published:
                recover(layout)
                known = manifest.newest(layout)
                pairs = zip(writes, plans, strict=True)
                plans = [again(layout, known, *pair) for pair in pairs]
                is_published = publish(layout, known.n + 1, plans, note)
    except BaseException:
        if not (layout.manifests / INTENT).exists():
            discard(plans)
        raise
    return [result(item) for item in plans]


def plan_all(layout: Layout, writes: Sequence[Write], versions: Mapping[str, int]) -> list[Plan]:
    """Plan every write against the versions of a manifest; on an error nothing stays staged."""
    plans: list[Plan] = []
    try:
        for write in writes:
            name = write.spec.name
            base = snapshots.snapshot(name, layout.folder(name), versions.get(name, -1))
            plans.append(write.planner(base, None))
    except BaseException:
        discard(plans)
        raise
    return plans


def discard(plans: Iterable[Plan]) -> None:
    """Remove the staged files of plans that will not be committed."""
    for item in plans:
        item.discard()


def result(item: Plan) -> WriteResult:
    """Return what the caller is told about a plan."""
    return WriteResult(
        item.spec.name, item.new, item.changed, item.unchanged, len(item.adds), item.days
    )


def prepare(layout: Layout) -> None:
    """Make the lake's folders and format file; an existing lake is left as it is."""
    with told(layout.root, "making the lake"):
        layout.manifests.mkdir(parents=True, exist_ok=True)
    if not layout.format_file.exists():
        manifest.write_json(layout.format_file, {"format": FORMAT})
        if layout.remote:
            layout.remote.settle(layout.format_file, layout.format_file.read_bytes())


def again(layout: Layout, known: Manifest, write: Write, before: Plan) -> Plan:
    """Return the plan against the newest version; worked out anew if others wrote meanwhile."""
    newest = newest_snapshot(layout, known, write.spec.name)
    if newest.version == before.base.version:
        return before
    return write.planner(newest, before)


def newest_snapshot(layout: Layout, known: Manifest, table: str) -> Snapshot:
    """Return the newest Delta version of a table, also one that another tool has written."""
    folder = layout.folder(table)
    if layout.remote:
        layout.remote.pull_log(folder)
    version = snapshots.newest_version(folder, known.tables.get(table, -1))
    return snapshots.snapshot(table, folder, version)


def publish(layout: Layout, n: int, plans: Sequence[Plan], note: str) -> bool:
    """Commit the plans to their tables and then to manifest `n`. The caller holds the lock.

    False if, in a bucket, another machine has claimed `n`: then nothing was done.
    """
    commits = [to_commit(item, note) for item in plans if not item.is_empty]
    if not commits:
        return True
    promise = {"format": FORMAT, "n": n, "note": note, "commits": [asdict(c) for c in commits]}
    if layout.remote:
        layout.remote.push(
            item.base.folder / add.path for item in plans for add in item.adds if add.path
        )
        if not layout.remote.claim(n, promise):
            return False
    manifest.write_json(layout.manifests / INTENT, promise)
    fulfil(layout, n, note, commits)
    return True


def fulfil(
    layout: Layout, n: int, note: str, commits: Sequence[Commit], *, again: bool = False
) -> None:
    """Do what was promised; what is already done is left as it is."""
    versions: dict[str, int] = {}
    try:
        for item in commits:
            versions[item.table] = entered(layout, item, n, again=again)
    except LakeError:
        if not versions and not delta.applied(layout.folder(commits[0].table), n):
            forget(layout, n)
        raise
    following = manifest.newest(layout).after(note, datetime.now(UTC), versions)
    manifest.publish(layout, following)
    forget(layout, n)


def forget(layout: Layout, n: int) -> None:
    """Remove the promise of a transaction that is done, or that cannot be."""
    (layout.manifests / INTENT).unlink(missing_ok=True)
    if layout.remote:
        layout.remote.unclaim(n)


def entered(layout: Layout, item: Commit, n: int, *, again: bool) -> int:
    """Add the entries of a commit to the table's log, in the bucket too; return the version."""
    folder = layout.folder(item.table)
    version = delta.apply(folder, item, n=n, again=again)
    if layout.remote is None:
        return version
    while not delta.shared(folder, layout.remote, item.base + 1, version, n):
        version = delta.apply(folder, item, n=n, again=True)
    return version


def recover(layout: Layout) -> bool:
    """Finish the transaction of a process that died in the middle; tell whether there was one.

    The caller holds the lock.
    """
    path = layout.manifests / INTENT
    if layout.remote:
        take_claim(layout, path)
    try:
        promise = manifest.read_json(path)
    except FileNotFoundError:
        return False
    manifest.refuse_newer(promise, path)
    if int(promise["n"]) <= manifest.newest_number(layout):
        path.unlink(missing_ok=True)
        return False
    commits = [Commit(**item) for item in promise["commits"]]
    fulfil(layout, promise["n"], promise["note"], commits, again=True)
    return True


def take_claim(layout: Layout, path: Path) -> None:
    """Bring the copy of a bucket up to date, with the claim that nobody has finished yet."""
    if layout.remote is None:
        return
    layout.remote.refresh(now=True)
    claim = layout.remote.pending()
    if claim is None:
        path.unlink(missing_ok=True)
        return
    promise = json.loads(claim)
    for one in promise["commits"]:
        layout.remote.pull_log(layout.folder(one["table"]))
    manifest.write_json(path, promise)


def to_commit(item: Plan, note: str) -> Commit:
    """Return the plain data of a plan that goes into the promise and the Delta log."""
    keep = {} if item.replaces or declared(item.spec.name) else dict(item.base.columns)
    columns = {
        name: snapshots.dtype_word(kind) for name, kind in {**keep, **item.spec.schema}.items()
    }
    info: dict[str, Any] = {
        "note": note,
        "days": spans(item.days),
        "new": item.new,
        "changed": item.changed,
    }
    return Commit(
        item.spec.name,
        item.base.version,
        [(add.path, add.size, add.partition, add.stats) for add in item.adds],
        [(file.path, file.size, file.partition) for file in item.removes],
        columns,
        partition_column(item.spec),
        item.replaces,
        item.data_change,
        info,
    )


def spans(days: Collection[date]) -> list[list[str]]:
    """Return days as [first, last] spans of consecutive days, ISO text."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days == 1:
            found[-1][1] = day
        else:
            found.append([day, day])
    return [[first.isoformat(), last.isoformat()] for first, last in found]
