"""What a copy of the lake has to hold so that it shows the same rows, versions and past."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from golive_core.lake import manifest, remote
from golive_core.lake import snapshot as snapshots
from golive_core.lake.layout import Layout
from golive_core.lake.manifest import LATEST, Manifest
from golive_core.lake.upkeep import needed_paths, unpruned


@dataclass(frozen=True, slots=True)
class Pinned:
    """One state of the lake and the files that it and its kept past consist of.

    `files` are paths below the root. `manifest` is the newest one of the copy; `latest` is its
    file of that name, which the lake itself may have moved on from; `tables` gives (version,
    rows) by name.
    """

    manifest: Manifest
    tables: Mapping[str, tuple[int, int]]
    files: tuple[str, ...]
    latest: tuple[str, bytes]


@contextmanager
def pinned(layout: Layout) -> Generator[Pinned]:
    """Lend the newest state; until the block ends nothing that it consists of is removed.

    Writers go on meanwhile: what they add is not part of it.
    """
    with unpruned(layout):
        if layout.remote:
            layout.remote.drop_pruned()
        found = manifest.newest(layout)
        oldest = manifest.oldest(layout) or found
        files = [layout.format_file, *manifests(layout, found)]
        for table, version in found.tables.items():
            files += table_files(table, layout.folder(table), oldest.tables.get(table, 0), version)
        relative = tuple(
            path.relative_to(layout.root).as_posix() for path in files if path.exists()
        )
        place = (layout.manifests / LATEST).relative_to(layout.root).as_posix()
        tables = {
            name: (version, snapshots.snapshot(name, layout.folder(name), version).rows)
            for name, version in found.tables.items()
        }
        yield Pinned(found, tables, relative, (place, b'{"n":%d}' % found.n))


def manifests(layout: Layout, newest: Manifest) -> list[Path]:
    """Return the files of the manifests up to this one."""
    return [manifest.path_of(layout, n) for n in manifest.numbers(layout) if n <= newest.n]


def table_files(table: str, folder: Path, first: int, last: int) -> list[Path]:
    """Return the log up to version `last` and the Parquet files of the versions from `first`."""
    log = [path for path in snapshots.log_entry(folder, 0).parent.iterdir()
           if path.name[:20].isdigit() and int(path.name[:20]) <= last]  # fmt: skip
    paths = needed_paths(table, folder, first, last)
    bucket = remote.of(folder.parent.parent)
    if bucket:
        bucket.present(folder, paths)
    return [*log, *(folder / path for path in paths)]
