"""Putting a backup back: all of it is unpacked and checked first, then it takes the place.

The new files lie in `.restoring-…` inside of the home until every hash, and the rows and versions
of every table, are what the backup says. Then the old entries move into `.replaced-…` and the new
ones to their places, the lake last: renames on one volume, whatever is mounted there. What was cut
off is repeated with `--force`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from uuid import uuid4

from golive_core.backup import contents
from golive_core.backup.make import OUTSIDE
from golive_core.backup.shelf import (
    CHUNK_BYTES,
    HINT,
    LAST,
    Document,
    Entry,
    ids,
    object_path,
    opened_tar,
    read_folder,
)
from golive_core.erasure.known import FILE
from golive_core.errors import BackupError, LakeError, UsageError
from golive_core.lake import Lake
from golive_core.lake.trouble import is_full

Sink = Callable[[str], BinaryIO | None]
"""Gives the file to write an entry's content to; None if it is only to be read."""


def restore(
    source: Path, home: Path, base: Path, *, backup_id: str = "", force: bool = False
) -> Document:
    """Make the home what it was when the backup was made; return the backup.

    golive.toml goes into `base` where there is none.

    Raises UsageError for a home that is filled, without `force`, and BackupError for a backup
    that is damaged or cut off: then nothing has changed.
    """
    if contents.is_filled(home) and not force:
        hint = "Name another GOLIVE_HOME, or replace all of it with --force"
        raise UsageError("is filled already", where=str(home), hint=hint)
    with _unpacked(source, home, backup_id) as (document, staging):
        _compare(document, staging / contents.LAKE, source)
        _keep_erased(home / contents.LAKE, staging / contents.LAKE)
        _swap(home, base, staging, document)
    return document


def check(source: Path, *, backup_id: str = "") -> Document:
    """Read a backup from end to end and compare every hash; raises BackupError."""
    return _read(source, backup_id, lambda _: None)


@contextmanager
def _unpacked(source: Path, home: Path, backup_id: str) -> Generator[tuple[Document, Path]]:
    """Lend the unpacked backup in a folder below the home, which is gone at the end."""
    staging = home / f".restoring-{uuid4().hex}"
    try:
        staging.mkdir(parents=True)
        _clear(home, ".restoring-*", staging)
        yield _read(source, backup_id, lambda name: _new(staging, name)), staging
    except OSError as error:
        what = "no room left" if is_full(error) else str(error)
        hint = "Free space, or name another GOLIVE_HOME; nothing was replaced"
        raise BackupError(f"cannot be unpacked: {what}", where=str(home), hint=hint) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _clear(home: Path, pattern: str, but: Path | None = None) -> None:
    for path in home.glob(pattern):
        if path != but:
            shutil.rmtree(path, ignore_errors=True)


def _new(staging: Path, name: str) -> BinaryIO:
    """Open a file for an entry; its path must not lead out of the folder."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise BackupError(f"an entry leads elsewhere: {name}", hint="Do not trust this backup")
    path = staging.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.open("wb")


def _read(source: Path, backup_id: str, sink: Sink) -> Document:
    if source.is_dir():
        return _read_folder(source, backup_id, sink)
    if not source.is_file():
        raise UsageError("there is no backup", where=str(source), hint="Name a .tar file or folder")
    return _read_tar(source, sink)


def _read_folder(root: Path, backup_id: str, sink: Sink) -> Document:
    newest = ids(root)[-1:]
    if not newest:
        hint = "A backup that was cut off leaves none: golive backup makes one"
        raise BackupError("no backup is in this folder", where=str(root), hint=hint)
    document = read_folder(root, backup_id or newest[0])
    for entry in document.entries:
        try:
            with object_path(root, entry.sha).open("rb") as content:
                found = _written(entry.path, content, sink)
        except FileNotFoundError as error:
            raise BackupError(f"{entry.path} is missing", where=str(root), hint=HINT) from error
        where = object_path(root, entry.sha)
        _same(entry, found, where, f"Remove {where}, then take another backup")
    return document


def _read_tar(path: Path, sink: Sink) -> Document:
    found: dict[str, Entry] = {}
    document = None
    with opened_tar(path) as tar:
        for info in tar:
            body = tar.extractfile(info)
            if body is None:
                continue
            if info.name == LAST:
                document = Document.read(body.read(), str(path))
            else:
                name = info.name.removeprefix("files/")
                found[name] = _written(name, cast(BinaryIO, body), sink)
    if document is None:
        raise BackupError(
            "it was cut off: its list of contents is missing", where=str(path), hint=HINT
        )
    for entry in document.entries:
        if entry.path not in found:
            raise BackupError(f"{entry.path} is missing", where=str(path), hint=HINT)
        _same(entry, found[entry.path], path)
    if len(found) != len(document.entries):
        raise BackupError("it holds files that nobody put there", where=str(path), hint=HINT)
    return document


def _written(name: str, content: BinaryIO, sink: Sink) -> Entry:
    digest, size = hashlib.sha256(), 0
    out = sink(name)
    with out or nullcontext():
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            if out:
                out.write(chunk)
    return Entry(name, size, digest.hexdigest())


def _same(entry: Entry, found: Entry, where: Path, hint: str = HINT) -> None:
    if entry != found:
        raise BackupError(f"{entry.path} is damaged", where=str(where), hint=hint)


def _compare(document: Document, root: Path, source: Path) -> None:
    """Open the unpacked lake and compare versions and rows with what the backup says."""
    try:
        lake = Lake(root)
        versions = lake.manifest().tables
        found = {name: (version, lake.rows(name)) for name, version in versions.items()}
    except LakeError as error:
        raise BackupError(f"its lake cannot be opened: {error.what}", where=str(source)) from error
    if found != dict(document.tables):
        raise BackupError("its lake is not what it says", where=str(source), hint=HINT)


def _keep_erased(here: Path, there: Path) -> None:
    """Take the list of erased people along: who was erased after the backup stays on it."""
    if (here / FILE).exists() and there.is_dir():
        shutil.copy2(here / FILE, there / FILE)


def _swap(home: Path, base: Path, staging: Path, document: Document) -> None:
    """Move the old entries aside and the new ones into place, the lake last."""
    aside = home / f".replaced-{uuid4().hex}"
    aside.mkdir()
    for name in _old(home, document):
        (home / name).rename(aside / name)
    for path in sorted(staging.iterdir(), key=lambda one: one.name == contents.LAKE):
        if path.name == OUTSIDE:
            _outside(path.iterdir(), base)
        else:
            path.rename(home / path.name)
    _clear(home, ".replaced-*")


def _old(home: Path, document: Document) -> Iterable[str]:
    if document.is_lake_only:
        return [contents.LAKE] if (home / contents.LAKE).exists() else []
    return [
        path.name for path in home.iterdir()
        if path.name not in (*contents.LEFT, ".gitignore")
        and not path.name.startswith((".restoring-", ".replaced-"))
    ]  # fmt: skip


def _outside(paths: Iterable[Path], base: Path) -> None:
    """Put golive.toml beside the home where there is none; what is there stays."""
    for path in paths:
        if not (base / path.name).exists():
            shutil.copyfile(path, base / path.name)
