"""Reports inside archives: zip, tar and gzip, with limits against bombs and odd members.

Nothing is ever written under a member's own name. Archives in archives are opened one level deep.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, cast

from golive_core.errors import ReportError
from ingest.files import is_archive, is_report

RATIO = 250
"""Unpacked bytes for each packed one; reports pack 10 to 100 times."""
FREE_BYTES = 256 << 20
"""Unpacked bytes that need no justification."""
TOTAL_BYTES = 16 << 30
MEMBERS = 200_000
SPOOL_BYTES = 16 << 20
BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    EOFError, NotImplementedError, gzip.BadGzipFile, RuntimeError, UnicodeDecodeError,
)  # fmt: skip

Wanted = Callable[[str], bool]
"""Tells by its name whether a member may be a report."""


@dataclass(frozen=True, slots=True)
class Member:
    """A report in an archive, readable until the next one is asked for; or why it is not.

    `name` is the path inside, `a.zip!b.xml` for one in an archive in the archive.
    """

    name: str
    stream: BinaryIO | None
    mtime_ns: int | None
    reason: str = ""


class _Budget:
    """What an archive may still unpack to, and what of it is wanted."""

    def __init__(self, packed: int, path: str, wanted: Wanted = is_report) -> None:
        self.left = min(max(FREE_BYTES, packed * RATIO), TOTAL_BYTES)
        self.members, self.path, self._wanted = MEMBERS, path, wanted

    def is_wanted(self, name: str) -> bool:
        return self._wanted(name) or is_archive(name)

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ReportError(
                "it unpacks to far more than its size: refused as an archive bomb", path=self.path
            )

    def member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ReportError(f"it has more than {MEMBERS:,} members", path=self.path)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Counted:
    """A stream that charges what it gives."""

    def __init__(self, stream: _Readable, budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; raises ReportError for a bomb or a torn member."""
        try:
            chunk = self._stream.read(size)
        except BROKEN as error:
            raise ReportError(f"it cannot be unpacked: {error}", path=self._budget.path) from error
        self._budget.spend(len(chunk))
        return chunk


def members(
    stream: BinaryIO, *, path: str, size: int, wanted: Wanted = is_report
) -> Iterator[Member]:  # fmt: skip
    """Yield the reports in an archive of `size` bytes; `path` names it in errors.

    Raises ReportError where the rest of the archive cannot be read: what came before holds.
    """
    yield from _members(stream, path, _Budget(size, path, wanted), nested=False)


def unpacked(stream: BinaryIO, *, path: str, size: int) -> BinaryIO:
    """Return the content of a gzip file, with the same limits."""
    return cast(BinaryIO, _Counted(gzip.GzipFile(fileobj=stream), _Budget(size, path)))


def _members(
    stream: BinaryIO, path: str, budget: _Budget, *, nested: bool
) -> Iterator[Member]:  # fmt: skip
    reader = _zip if path.lower().endswith(".zip") else _tar
    for member in reader(stream, path, budget):
        budget.member()
        if member.stream is None or not is_archive(member.name):
            yield member
        elif nested:
            yield Member(member.name, None, None, "archives are opened one level deep only")
        else:
            yield from _inner(member, budget)


def _inner(member: Member, budget: _Budget) -> Iterator[Member]:
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
        while member.stream and (chunk := member.stream.read(1 << 20)):
            spool.write(chunk)
        spool.seek(0)
        try:
            for inner in _members(cast(BinaryIO, spool), member.name, budget, nested=True):
                name = f"{member.name}!{inner.name}"
                yield Member(name, inner.stream, inner.mtime_ns or member.mtime_ns, inner.reason)
        except ReportError as error:
            if budget.left < 0:
                raise
            yield Member(member.name, None, None, error.what)


def _zip(stream: BinaryIO, path: str, budget: _Budget) -> Iterator[Member]:
    with _reading(path), zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir() or not budget.is_wanted(info.filename):
                continue
            reason = "it is encrypted" if info.flag_bits & 1 else _refusal(info.filename)
            if reason:
                yield Member(info.filename, None, None, reason)
                continue
            with archive.open(info) as member:
                yield Member(info.filename, _counted(member, budget), None)


def _tar(stream: BinaryIO, path: str, budget: _Budget) -> Iterator[Member]:
    with _reading(path), tarfile.open(fileobj=_plain(stream, path, budget), mode="r|") as archive:
        for info in archive:
            if not info.isfile() or not budget.is_wanted(info.name):
                continue
            reason = _refusal(info.name)
            member = None if reason else archive.extractfile(info)
            if member is None:
                yield Member(info.name, None, None, reason)
            else:
                at = int(info.mtime * 1_000_000_000)
                yield Member(info.name, cast(BinaryIO, member), at)


def _plain(stream: BinaryIO, path: str, budget: _Budget) -> BinaryIO:
    """Return a tar's bytes without their compression; that is where a bomb is counted."""
    name = path.lower()
    if name.endswith((".gz", ".tgz")):
        return _counted(gzip.GzipFile(fileobj=stream), budget)
    if name.endswith((".bz2", ".tbz2")):
        return _counted(bz2.BZ2File(stream), budget)
    if name.endswith((".xz", ".txz")):
        return _counted(lzma.LZMAFile(stream), budget)
    return stream


def _counted(stream: _Readable, budget: _Budget) -> BinaryIO:
    return cast(BinaryIO, _Counted(stream, budget))


def _refusal(name: str) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in (parts.parts or ("",))[0]:
        return "its name points outside of the archive"
    return ""


@contextmanager
def _reading(path: str) -> Generator[None]:
    try:
        yield
    except BROKEN as error:
        raise ReportError(f"the archive cannot be read: {error}", path=path) from error
    except OSError as error:
        raise ReportError(f"the archive cannot be read: {error}", path=path) from error
