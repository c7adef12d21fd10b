"""What of a home goes into a backup, and what does not because it can be made again.

Left out: service logs, counters of rate limits, mirrors of repositories (fetched again), the
published golive.duckdb (made by the next run), locks, sockets and drafts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

LEFT = ("logs", "limits", "mirrors", "browsers")
"""Folders of the home that are neither saved nor touched by a restore."""
LAKE = "lake"
CHANGING = (".db-wal", ".db-shm", ".db-journal", ".lock", ".sock", ".duckdb", ".part", ".tmp")
SKIPPED = ("up.json", ".gitignore", ".doctor")
MAGIC = b"SQLite format 3\0"
BUSY_S = 30.0


def files(home: Path) -> Iterator[str]:
    """Yield the paths, below the home, of all files that a backup holds, but for the lake."""
    for top in sorted(home.iterdir()) if home.is_dir() else ():
        if top.name in (*LEFT, LAKE) or top.name.startswith((".restoring-", ".replaced-")):
            continue
        below = sorted(top.rglob("*")) if top.is_dir() and not top.is_symlink() else [top]
        yield from (path.relative_to(home).as_posix() for path in below if is_kept(path))


def is_kept(path: Path) -> bool:
    """Tell whether a file is worth saving."""
    if path.is_symlink() or not path.is_file():
        return False
    name = path.name
    is_draft = any(part.startswith(".draft-") for part in path.parts[-3:])
    return not (name.endswith(CHANGING) or name in SKIPPED or is_draft)


def is_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except FileNotFoundError:
        return False


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as of one moment, whoever writes to it (SQLite's own backup)."""
    with (
        closing(sqlite3.connect(source, timeout=BUSY_S)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("pragma journal_mode = delete")


def unfinished(home: Path) -> list[str]:
    """Return the folders that a restore left which was cut off; nothing should be written then."""
    return sorted(path.name for path in home.glob(".replaced-*"))


def is_filled(home: Path) -> bool:
    """Tell whether a home has anything that a restore would replace."""
    has_lake = (home / LAKE / "_manifests").is_dir()
    return has_lake or any(name != "detected.toml" for name in files(home))
