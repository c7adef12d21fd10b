"""What files of logs hold that was not read yet: appended lines, whatever rotates the files.

A file is known by its name and its first bytes. One that no longer begins as it did was rotated or
truncated: its old content is looked for among the new files and beside it (`app.log.1`,
`app.log-20261124.gz`), and what had not been read of it is read there, whether or not it was
compressed meanwhile. What the bytes mean is the business of `ingest/parse/logs.py`.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from ingest.files import Found, Search, reason_of

CHUNK_BYTES = 4 << 20
"""Bytes that are parsed together, and the longest line that is read whole."""
KEPT_BYTES = 64 << 10
"""Of a longer line the beginning."""
HEAD_BYTES = 1024
"""First bytes by which a file is known again."""
SETTLED_S = 5.0
"""A last line without an end is taken once nobody has written for so long."""
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""A file that is no better the next time; other trouble may pass."""
BROKEN = (*DAMAGED, OSError)
ROTATED = re.compile(
    r"(?:\.\d{1,4}|[.-](?:\d{8}|\d{4}-\d\d-\d\d)(?:[-_T.]?\d{2,6})?)?(?:\.(?:gz|zst|bz2))?$"
)
"""What rotation puts behind the name of a log."""
CONTINUES = (b" ", b"\t", b"}", b"Caused by", b"Traceback", b"at ", b"...")
"""How lines begin that belong to the one before."""
TEXT = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\n\r\x1b\f\b"})
ODD_SHARE = 0.1
"""Of the first bytes that are not of TEXT; a file with more of them holds no text."""
LOOK_BACK = 500
"""Lines of a trace that are kept together where a file is cut."""
PACKED = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2"}


@dataclass(slots=True)
class Seen:
    """How far a file was read: `offset` in its unpacked bytes, `head` of its first `head_bytes`."""

    size: int = -1
    mtime_ns: int = 0
    offset: int = 0
    head: str = ""
    head_bytes: int = 0
    is_in_long_line: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one file; `line` is the number of the first, `log` the name before rotation.

    `start` is where the bytes stand in the unpacked file, `written_at` its time (s since 1970).
    """

    name: str
    log: str
    start: int
    line: int
    body: bytes
    written_at: float


@dataclass(slots=True)
class Tail:
    """The files of a search and how far each was read; `cursor` stores it."""

    base: Path
    search: Search
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    lines: dict[str, int] = field(default_factory=dict[str, int])
    trouble: dict[str, str] = field(default_factory=dict[str, str])
    _former: dict[str, Seen] = field(default_factory=dict[str, Seen])

    @classmethod
    def of(cls, base: Path, search: Search, cursor: Mapping[str, Any] | None) -> Tail:
        """Return the state that a cursor stores."""
        stored = cursor or {}
        seen = {name: Seen(**cells) for name, cells in stored.get("files", {}).items()}
        return cls(base, search, seen, dict(stored.get("lines", {})))

    def cursor(self) -> dict[str, Any]:
        """Return the state as JSON; what was lost and not found yet is kept until the end."""
        files = {name: asdict(one) for name, one in {**self._former, **self.seen}.items()}
        return {"files": files, "lines": dict(self.lines)}

    def has_news(self) -> bool:
        """Tell by stat alone whether there is something to read."""
        return any(self._is_due(one) for one in self.search.files())

    def chunks(self, *, since_ns: int = 0) -> Iterator[Chunk]:
        """Yield what was not read, of files written since `since_ns`, the oldest file first.

        What could not be read is in `trouble` afterwards.
        """
        found = self.search.files()
        due = [one for one in found if self._is_due(one) and one.mtime_ns >= since_ns]
        self._former = self._lost(found, due)
        beside = self._beside(found)
        for one in sorted((*due, *beside), key=lambda one: (self._log(one), one.mtime_ns)):
            try:
                yield from self._read(one)
            except DAMAGED as error:
                self.trouble[self._name(one)] = str(error)
                self._note(one)
            except OSError as error:
                self.trouble[self._name(one)] = reason_of(error)
        self._former.clear()
        for one in beside:
            self.seen.pop(self._name(one), None)

    def _name(self, found: Found) -> str:
        return str(found.path).removeprefix(f"{self.base}/")

    def _log(self, found: Found) -> str:
        return ROTATED.sub("", self._name(found), count=1)

    def _is_due(self, found: Found) -> bool:
        seen = self.seen.get(self._name(found))
        if seen is None or (seen.size, seen.mtime_ns) != (found.size, found.mtime_ns):
            return True
        return seen.rest and _is_settled(found)

    def _lost(self, found: list[Found], due: list[Found]) -> dict[str, Seen]:
        """Forget and return files that are gone or begin otherwise than they did."""
        here = {self._name(one) for one in found}
        gone = [name for name in self.seen if name not in here]
        changed = [self._name(one) for one in due if not self._is_same(one)]
        return {name: self.seen.pop(name) for name in (*gone, *changed) if name in self.seen}

    def _is_same(self, found: Found) -> bool:
        """Tell whether a file is the one that was seen; one that cannot be read now may be."""
        seen = self.seen.get(self._name(found))
        try:
            return seen is not None and begins(found.path, seen)
        except BROKEN:
            return seen is not None

    def _beside(self, found: Iterable[Found]) -> list[Found]:
        """Return files beside the lost ones that go on from their names."""
        here = {one.path for one in found}
        paths = {path for name in self._former for path in _rotated(self.base / name)} - here
        files: list[Found] = []
        for path in sorted(paths):
            with suppress(*BROKEN):
                stat = path.stat()
                if any(begins(path, seen) for seen in self._former.values()):
                    files.append(Found(path, stat.st_size, stat.st_mtime_ns, is_named=False))
        return files

    def _read(self, found: Found) -> Iterator[Chunk]:
        name, log = self._name(found), self._log(found)
        if name not in self.seen:
            same = (key for key, seen in self._former.items() if begins(found.path, seen))
            former = next(same, None)
            self.seen[name] = self._former.pop(former) if former is not None else Seen()
        seen = self.seen[name]
        is_text = seen.offset > 0 or not is_binary(found.path)
        self._note(found)
        if not is_text:
            return
        with opened(found.path) as stream:
            for start, body in _pieces(stream, seen, is_whole=_is_whole(found)):
                line = self.lines.get(log, 0) + 1
                self.lines[log] = line + body.count(b"\n") - body.endswith(b"\n")
                yield Chunk(name, log, start, line, body, found.mtime_ns / 1e9)

    def _note(self, found: Found) -> None:
        """Note that a file was read as it is now."""
        seen = self.seen[self._name(found)]
        seen.size, seen.mtime_ns = found.size, found.mtime_ns


def _is_settled(found: Found) -> bool:
    return time.time() - found.mtime_ns / 1e9 > SETTLED_S


def _is_whole(found: Found) -> bool:
    """Tell whether a last line without an end is a line."""
    return _is_settled(found) or packing(found.path) != ""


def _rotated(path: Path) -> list[Path]:
    """Return the files beside `path` whose names say that they were it."""
    with suppress(OSError):
        rests = {one: one.name.removeprefix(path.name) for one in path.parent.iterdir()}
        return [one for one, rest in rests.items()
                if rest != one.name and ROTATED.fullmatch(rest) and one.is_file()]  # fmt: skip
    return []


def begins(path: Path, seen: Seen) -> bool:
    """Tell whether a file has the first bytes of another, and all that was read of that.

    Raises what is in BROKEN.
    """
    if packing(path) == "" and path.stat().st_size < seen.offset:
        return False
    with opened(path) as stream:
        head = stream.read(seen.head_bytes)
    return 0 < seen.head_bytes == len(head) and _digest(head) == seen.head


def packing(path: Path) -> str:
    """Return how a file is packed by its first bytes: gz, zst, bz2, or empty."""
    with path.open("rb") as file:
        start = file.read(4)
    return next((kind for magic, kind in PACKED.items() if start.startswith(magic)), "")


def is_binary(path: Path) -> bool:
    """Tell whether a file holds no text (or text of two bytes a letter); raises OSError."""
    with opened(path) as stream:
        head = stream.read(HEAD_BYTES)
    return len(head.translate(None, TEXT)) > ODD_SHARE * len(head)


def opened(path: Path) -> BinaryIO:
    """Open a file, unpacking as it is read; raises OSError."""
    kind = packing(path)
    if kind == "gz":
        return cast(BinaryIO, gzip.open(path))
    if kind == "bz2":
        return cast(BinaryIO, bz2.open(path))
    if kind == "zst":
        import pyarrow as pa  # its import costs more than most pulls

        return cast(BinaryIO, pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))
    return path.open("rb")


def _digest(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:16]


def _pieces(stream: BinaryIO, seen: Seen, *, is_whole: bool) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines behind `seen.offset` with where they begin, moving `seen` along."""
    buffer, is_end = _start(stream, seen), False
    while not is_end:
        buffer += _filled(stream, CHUNK_BYTES - len(buffer))
        is_end = len(buffer) < CHUNK_BYTES
        if seen.is_in_long_line:
            buffer = _behind_line(buffer, seen)
        cut = _cut(buffer, is_end=is_end, is_whole=is_whole)
        start, piece, buffer = seen.offset, buffer[:cut], buffer[cut:]
        seen.offset += cut
        if cut == CHUNK_BYTES and b"\n" not in piece:
            seen.is_in_long_line, piece = True, piece[:KEPT_BYTES]
        if piece:
            yield start, piece
    seen.rest = bool(buffer)


def _start(stream: BinaryIO, seen: Seen) -> bytes:
    """Note the head, go to `seen.offset` and return what was read behind it already."""
    head = _filled(stream, HEAD_BYTES)
    if len(head) > seen.head_bytes:
        seen.head, seen.head_bytes = _digest(head), len(head)
    at = len(head)
    while at < seen.offset and (block := stream.read(min(CHUNK_BYTES, seen.offset - at))):
        at += len(block)
    return head[seen.offset :]


def _behind_line(buffer: bytes, seen: Seen) -> bytes:
    """Drop the rest of a long line, of which the beginning was taken."""
    end = buffer.find(b"\n") + 1
    seen.is_in_long_line = end == 0
    seen.offset += end or len(buffer)
    return buffer[end:] if end else b""


def _cut(buffer: bytes, *, is_end: bool, is_whole: bool) -> int:
    """Return how much of the buffer is whole lines: at its end all, else up to a last entry."""
    if is_end and is_whole:
        return len(buffer)
    last = buffer.rfind(b"\n") + 1
    if is_end:
        return last
    at = last
    for _ in range(LOOK_BACK):
        at = buffer.rfind(b"\n", 0, max(0, at - 1)) + 1
        if at and not buffer.startswith(CONTINUES, at):
            return at
    return last or len(buffer)


def _filled(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, fewer only where the stream ends."""
    blocks: list[bytes] = []
    while size > 0 and (block := stream.read(size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)
