"""Which table versions belong together: one small JSON file per transaction, newest wins.

A manifest is written under a temporary name and linked into place, so it is there whole or not
at all. `latest` keeps the number of the newest: it is a hint, and the numbers after it are looked
at too, so opening the lake costs the same after a million transactions as after one.
Locking and committing are in commit.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from golive_core.errors import LakeError, LakeVersionError
from golive_core.lake.layout import FORMAT, Layout
from golive_core.lake.trouble import told, translate

LATEST = "latest"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The Delta version of each table after transaction `n`, which ended at `committed_at`."""

    n: int = 0
    committed_at: datetime = EPOCH
    note: str = ""
    tables: Mapping[str, int] = field(default_factory=dict[str, int])

    def after(self, note: str, now: datetime, versions: Mapping[str, int]) -> Manifest:
        """Return the next manifest; its time never runs backwards, whatever the clock does."""
        at = max(now, self.committed_at + timedelta(microseconds=1))
        return Manifest(self.n + 1, at, note, {**self.tables, **versions})


def path_of(layout: Layout, n: int) -> Path:
    """Return the path of manifest `n`."""
    return layout.manifests / f"{n:020d}.json"


def refuse_newer(data: Mapping[str, Any], where: Path) -> None:
    """Raise LakeVersionError if the format number is above the one that this version writes."""
    if int(data["format"]) > FORMAT:
        raise LakeVersionError(
            f"the lake has format {data['format']}, this version reads up to {FORMAT}",
            where=str(where),
            hint="Update GoLive, or set GOLIVE_HOME to another folder",
        )


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file of the lake; raises LakeError if it is not one.

    FileNotFoundError is left to the caller, who knows what its absence means.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise translate(error, str(path), "reading the lake's log") from error
    except ValueError as error:
        hint = "Restore the file from a backup, or delete the lake and ingest again"
        raise LakeError(f"is not JSON: {error}", where=str(path), hint=hint) from error
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Put a JSON file into place at once: a reader sees the old one or the new one, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with told(path.parent, "writing the lake's log"):
        try:
            temporary.write_text(json.dumps(data, separators=(",", ":")))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def read(layout: Layout, n: int) -> Manifest | None:
    """Return manifest `n`, or None if it does not exist (yet, or any more)."""
    path = path_of(layout, n)
    try:
        data = read_json(path)
    except FileNotFoundError:
        return None
    refuse_newer(data, path)
    tables = {name: int(entry["version"]) for name, entry in data["tables"].items()}
    return Manifest(n, datetime.fromisoformat(data["committed_at"]), data["note"], tables)


def newest_number(layout: Layout) -> int:
    """Return the number of the newest manifest, 0 for an empty lake."""
    if layout.remote:
        layout.remote.refresh()
    return newest_here(layout)


def newest_here(layout: Layout) -> int:
    """Return the number of the newest manifest that this machine has."""
    try:
        n = int(read_json(layout.manifests / LATEST)["n"])
    except FileNotFoundError:
        n = max(numbers(layout), default=0)
    while path_of(layout, n + 1).exists():
        n += 1
    return n


def numbers(layout: Layout) -> list[int]:
    """Return the numbers of all manifests that are kept, ascending."""
    try:
        names = [path.name for path in layout.manifests.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:20]) for name in names if name[:20].isdigit())


def newest(layout: Layout) -> Manifest:
    """Return the newest manifest; number 0 without tables for an empty lake."""
    n = newest_number(layout)
    found = read(layout, n) if n else Manifest()
    if found is None:
        raise LakeError(f"manifest {n} is gone", where=str(layout.manifests))
    return found


def oldest(layout: Layout) -> Manifest | None:
    """Return the oldest manifest that is kept, None for an empty lake."""
    kept = numbers(layout)
    return read(layout, kept[0]) if kept else None


def at(layout: Layout, instant: datetime) -> Manifest:
    """Return the newest manifest not after `instant` (aware); raises LakeError if it is pruned."""
    kept = numbers(layout)
    low, high = 0, len(kept)
    while low < high:
        middle = (low + high) // 2
        found = read(layout, kept[middle])
        if found is not None and found.committed_at > instant:
            high = middle
        else:
            low = middle + 1
    if low:
        return read(layout, kept[low - 1]) or Manifest()
    if kept and kept[0] > 1:
        hint = "Ask for a later time, or keep more history (retention in golive.toml)"
        raise LakeError(f"nothing is kept as of {instant.isoformat()}", hint=hint)
    return Manifest()


def publish(layout: Layout, manifest: Manifest) -> None:
    """Make `manifest` the newest. The caller holds the lock."""
    tables = {name: {"version": version} for name, version in sorted(manifest.tables.items())}
    data = {"format": FORMAT, "n": manifest.n, "committed_at": manifest.committed_at.isoformat(),
            "note": manifest.note, "tables": tables}  # fmt: skip
    path = path_of(layout, manifest.n)
    if layout.remote:
        data = json.loads(layout.remote.settle(path, json.dumps(data).encode()))
    write_json(path, data)
    write_json(layout.manifests / LATEST, {"n": manifest.n})


def prune(layout: Layout, before: datetime) -> Manifest:
    """Delete the manifests that were replaced before `before`; return the oldest that is kept."""
    kept = numbers(layout)
    while len(kept) > 1:
        following = read(layout, kept[1])
        if following is None or following.committed_at > before:
            break
        path_of(layout, kept.pop(0)).unlink(missing_ok=True)
    return (read(layout, kept[0]) if kept else None) or Manifest()
