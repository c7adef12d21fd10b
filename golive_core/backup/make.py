"""Making a backup while everything goes on.

The order makes it consistent. Databases come first, each as of one moment (SQLite's backup); then
one state of the lake is pinned and copied; bodies and all other files come last. A delivery that
went from the inbox into the lake in between is in both, and taking it in again changes nothing;
the other way round it would be in neither. A row never names a body that is not stored yet.
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from golive_core.backup import contents
from golive_core.backup.shelf import Document, Entry, FolderShelf, Shelf, TarShelf
from golive_core.erasure.known import FILE
from golive_core.errors import BackupError, UsageError
from golive_core.lake import Lake
from golive_core.lake.copying import Pinned
from golive_core.lake.trouble import is_full
from golive_core.lock import alone

TAR = ".tar"
ERASED = f"{contents.LAKE}/{FILE}"
OUTSIDE = "@base"
"""Folder, in a backup, of files that are not below the home."""


def make(
    home: Path, target: Path, *, lake_only: bool = False, keep: int = 0, also: Iterable[Path] = ()
) -> tuple[Document, int]:
    """Copy the home to a `.tar` file or into a folder; return the backup and the bytes written.

    `also` are files from elsewhere (golive.toml). With `keep`, older backups of the folder go.
    Raises BackupError, also where the disk is full; then nothing that looks like a backup is left.
    """
    _refuse(home, target)
    if target.suffix == TAR:
        if keep:
            raise UsageError("a file keeps one backup", hint="Name a folder with --keep")
        return _made(home, target, lake_only=lake_only, also=also)
    with alone(target, ".lock"):
        return _made(home, target, lake_only=lake_only, keep=keep, also=also)


def _made(
    home: Path, target: Path, *, lake_only: bool, also: Iterable[Path], keep: int = 0
) -> tuple[Document, int]:
    shelf = TarShelf(target) if target.suffix == TAR else FolderShelf(target)
    if isinstance(shelf, FolderShelf) and shelf.changed(ERASED, home / ERASED):
        shelf.distrust()
    try:
        document = _copy(home, shelf, lake_only=lake_only, also=also)
        shelf.finish(document)
        if keep and isinstance(shelf, FolderShelf):
            shelf.forget(keep)
    except (OSError, sqlite3.Error) as error:
        what = "no room left" if is_full(error) else str(error)
        hint = "Free space there, or name another place"
        raise BackupError(
            f"the backup was not made: {what}", where=str(target), hint=hint
        ) from error
    finally:
        if isinstance(shelf, TarShelf):
            shelf.abandon()
    return document, shelf.new_bytes


def _refuse(home: Path, target: Path) -> None:
    if not home.is_dir():
        raise UsageError("there is nothing to save", where=str(home), hint="golive up makes it")
    if target.resolve().is_relative_to(home.resolve()):
        raise UsageError(
            "a backup inside of what it saves is lost with it", where=str(target),
            hint="Name a file or folder on another disk",
        )  # fmt: skip
    if target.suffix == TAR and target.exists():
        raise UsageError("is there already", where=str(target), hint="Name a new file, or a folder")
    if target.is_file() and target.suffix != TAR:
        raise UsageError("is a file", where=str(target), hint="Name a folder, or a file *.tar")


def _copy(home: Path, shelf: Shelf, *, lake_only: bool, also: Iterable[Path]) -> Document:
    at = datetime.now(UTC)
    names = [] if lake_only else list(contents.files(home))
    databases = {name for name in names if contents.is_database(home / name)}
    entries = [_database(home, name, shelf) for name in names if name in databases]
    with Lake(home / contents.LAKE).pinned() as pin:
        entries += _lake(home / contents.LAKE, pin, shelf)
        if not lake_only:
            others = [name for name in contents.files(home) if name not in databases]
            places = [(home / name, name) for name in others]
            places += [(path, f"{OUTSIDE}/{path.name}") for path in also]
            found = (_file(path, name, shelf) for path, name in places)
            entries += [entry for entry in found if entry]
    backup_id = f"{at:%Y%m%dT%H%M%S%f}"
    tables = dict(pin.tables)
    return Document(backup_id, at.isoformat(), pin.manifest.n, lake_only, tables, tuple(entries))


def _database(home: Path, name: str, shelf: Shelf) -> Entry:
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=shelf.room) as folder:
        copy = Path(folder) / "copy.db"
        contents.copy_database(home / name, copy)
        with copy.open("rb") as file:
            return shelf.put(name, file, copy.stat().st_size)


def _lake(root: Path, pin: Pinned, shelf: Shelf) -> list[Entry]:
    if not pin.manifest.n:
        return []
    erased = _file(root / FILE, ERASED, shelf)
    entries = [_file(root / name, f"{contents.LAKE}/{name}", shelf) for name in pin.files]
    missing = [name for name, entry in zip(pin.files, entries, strict=True) if entry is None]
    if missing:
        hint = "Something other than GoLive removes files of the lake: golive doctor"
        raise BackupError(f"{missing[0]} is gone", where=str(root), hint=hint)
    path, body = pin.latest
    latest = shelf.put(f"{contents.LAKE}/{path}", io.BytesIO(body), len(body))
    return [*(entry for entry in (*entries, erased) if entry), latest]


def _is_fixed(name: str) -> bool:
    """Tell whether a name is never given to other content: then it is not read again."""
    is_data = name.startswith(f"{contents.LAKE}/") and name.endswith(".parquet")
    return name.startswith("artifacts/") or (is_data and "/_delta_log/" not in name)


def _file(path: Path, name: str, shelf: Shelf) -> Entry | None:
    """Copy one file; None if it is gone, as a file of an upload is once it is in the lake."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            known = shelf.known(name, size) if _is_fixed(name) else None
            return known or shelf.put(name, file, size)
    except FileNotFoundError:
        return None
