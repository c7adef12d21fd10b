"""What a backup is on disk: a folder of contents by hash, or one tar file.

    folder/objects/ab/cdef…        contents under the SHA-256 of their bytes
    folder/backups/<id>.json       a Document: its entries, written when all of them are there
    file.tar: files/<path> …, last backup.json, the same Document

A Document carries a hash of itself. One that is not there whole is no backup: what was copied
for it lies unused and is taken up by the next one.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import uuid4

from golive_core.errors import BackupError

FORMAT = 1
CHUNK_BYTES = 1 << 20
LAST = "backup.json"
HINT = "Take another backup; this one is not whole"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path below the home, its size in bytes and the SHA-256 of its content."""

    path: str
    size: int
    sha: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a backup says of itself. `tables` are (version, rows) by name at manifest `lake`."""

    backup_id: str
    made_at: str
    lake: int
    is_lake_only: bool
    tables: Mapping[str, tuple[int, int]]
    entries: tuple[Entry, ...] = field(default=())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    def written(self) -> bytes:
        """Return it as JSON that carries a hash of itself."""
        body = {"format": FORMAT, **asdict(self)}
        return json.dumps({**body, "sha": _sha(body)}, separators=(",", ":")).encode()

    @classmethod
    def read(cls, content: bytes, where: str) -> Document:
        """Return what was written; raises BackupError for anything else."""
        try:
            data: dict[str, Any] = json.loads(content)
            claimed = data.pop("sha")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupError("its list of contents is damaged", where=where, hint=HINT) from error
        if claimed != _sha(data):
            raise BackupError("its list of contents was changed", where=where, hint=HINT)
        if data.pop("format") > FORMAT:
            raise BackupError("a newer GoLive made it", where=where, hint="Update GoLive")
        tables = {name: (pair[0], pair[1]) for name, pair in data.pop("tables").items()}
        entries = tuple(Entry(**one) for one in data.pop("entries"))
        return cls(**data, tables=tables, entries=entries)


def _entries_before(root: Path) -> dict[str, Entry]:
    """Return the entries of the newest backup that can be read: a damaged one stops nobody."""
    for one in reversed(ids(root)):
        try:
            return {entry.path: entry for entry in read_folder(root, one).entries}
        except BackupError:
            continue
    return {}


def _sha(body: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class Shelf(Protocol):
    """Where a backup is put, file by file, and then as a whole; `room` is a folder for drafts."""

    new_bytes: int
    room: Path

    def known(self, path: str, size: int) -> Entry | None:
        """Return the entry of a file that never changes, if the last backup had it."""
        ...

    def put(self, path: str, content: BinaryIO, size: int) -> Entry:
        """Copy a file and return its entry."""
        ...

    def finish(self, document: Document) -> None:
        """Make it a backup."""
        ...


class FolderShelf:
    """A folder of backups; contents that are there are not copied again."""

    def __init__(self, root: Path) -> None:
        self.root = self.room = root
        self.new_bytes = 0
        (root / "backups").mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        self._before = _entries_before(root)

    def known(self, path: str, size: int) -> Entry | None:
        """Return the entry of the last backup, if its content lies here whole."""
        entry = self._before.get(path)
        is_same = entry is not None and entry.size == size
        return entry if entry and is_same and _is_whole(self._object(entry.sha), size) else None

    def changed(self, path: str, file: Path) -> bool:
        """Tell whether a file differs from the last backup's."""
        entry = self._before.get(path)
        have = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
        return (entry.sha if entry else None) != have

    def distrust(self) -> None:
        """Read every file again: one that never changes did, since somebody was erased from it."""
        self._before = {}

    def put(self, path: str, content: BinaryIO, size: int) -> Entry:
        """Copy a file under the hash of its content."""
        draft = self.root / f".draft-{uuid4().hex}"
        try:
            with draft.open("wb") as out:
                sha, copied = _copied(content, out)
            place = self._object(sha)
            if not _is_whole(place, copied):
                place.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(place)
                self.new_bytes += copied
        finally:
            draft.unlink(missing_ok=True)
        return Entry(path, copied, sha)

    def finish(self, document: Document) -> None:
        """Put the document into place, once all that it names is on the disk."""
        os.sync()
        place = self.root / "backups" / f"{document.backup_id}.json"
        draft = self.root / f".draft-{uuid4().hex}"
        draft.write_bytes(document.written())
        _publish(draft, place)

    def forget(self, keep: int) -> int:
        """Remove all but the newest `keep` backups and what only they had; return how many."""
        gone = ids(self.root)[:-keep] if keep else []
        for one in gone:
            (self.root / "backups" / f"{one}.json").unlink()
        kept = {e.sha for one in ids(self.root) for e in read_folder(self.root, one).entries}
        for path in (self.root / "objects").glob("*/*"):
            if path.parent.name + path.name not in kept:
                path.unlink()
        for path in self.root.glob(".draft-*"):
            path.unlink()
        return len(gone)

    def _object(self, sha: str) -> Path:
        return object_path(self.root, sha)


class TarShelf:
    """One tar file, which appears under its name when it is whole."""

    def __init__(self, path: Path) -> None:
        self.path, self.room, self.new_bytes = path, path.parent, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._draft = path.with_name(f".{path.name}.{uuid4().hex}.part")
        self._draft.touch(mode=0o600)
        self._tar = tarfile.open(self._draft, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish or abandon

    def known(self, path: str, size: int) -> Entry | None:
        """Return None: every tar file has all contents."""
        return None

    def put(self, path: str, content: BinaryIO, size: int) -> Entry:
        """Add a file, hashed on its way."""
        info = tarfile.TarInfo(f"files/{path}")
        info.size, info.mode = size, 0o600
        hashed = _Hashing(content)
        self._tar.addfile(info, hashed)
        self.new_bytes += size
        return Entry(path, size, hashed.digest.hexdigest())

    def finish(self, document: Document) -> None:
        """Add the document and put the file into place."""
        import io

        body = document.written()
        info = tarfile.TarInfo(LAST)
        info.size, info.mode = len(body), 0o600
        self._tar.addfile(info, io.BytesIO(body))
        self._tar.close()
        _publish(self._draft, self.path)

    def abandon(self) -> None:
        """Remove what was written so far."""
        self._tar.close()
        self._draft.unlink(missing_ok=True)


class _Hashing:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.digest.update(chunk)
        return chunk


def _copied(content: BinaryIO, out: BinaryIO) -> tuple[str, int]:
    hashed, size = _Hashing(content), 0
    while chunk := hashed.read(CHUNK_BYTES):
        out.write(chunk)
        size += len(chunk)
    return hashed.digest.hexdigest(), size


def _publish(draft: Path, place: Path) -> None:
    """Put a file under its name once it is on the disk."""
    draft.chmod(0o600)
    for path in (draft, None, place.parent):
        if path is None:
            draft.replace(place)
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def object_path(root: Path, sha: str) -> Path:
    """Return where a folder of backups has the content of this hash."""
    return root / "objects" / sha[:2] / sha[2:]


def ids(root: Path) -> list[str]:
    """Return the backups of a folder, oldest first."""
    return sorted(path.stem for path in (root / "backups").glob("*.json"))


def read_folder(root: Path, backup_id: str) -> Document:
    """Return one backup of a folder; raises BackupError if it is not there or damaged."""
    place = root / "backups" / f"{backup_id}.json"
    if not place.is_file():
        there = ", ".join(ids(root)[-5:])
        hint = f"There are: {there}" if there else "golive backup makes one"
        raise BackupError(f"there is no backup {backup_id!r}", where=str(root), hint=hint)
    return Document.read(place.read_bytes(), str(place))


def found_in(root: Path) -> list[Document]:
    """Return all backups of a folder, oldest first."""
    return [read_folder(root, one) for one in ids(root)]


@contextmanager
def opened_tar(path: Path) -> Generator[tarfile.TarFile]:
    """Lend a tar file for reading; BackupError for what is none, or ends too early."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(
            f"cannot be read to its end: {error}", where=str(path), hint=HINT
        ) from error
