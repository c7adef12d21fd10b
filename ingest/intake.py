"""Report files into the artifact store, with what their first look tells; safe in threads.

Finding files is `ingest/files.py`, which build a report belongs to is `ingest/runs.py`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from golive_core.artifacts import ArtifactStore
from golive_core.errors import ReportError
from ingest.archives import Member, Wanted, members, unpacked
from ingest.files import Found, is_archive, is_report, reason_of
from ingest.parse.junit_head import Head, read_head, root_of

WHOLE_BYTES = 32 << 20
"""Larger reports are streamed, and only their start is looked at."""
HEAD_BYTES = 4 << 20
TRIES = 3
THREADS = 4
OURS = frozenset({"testsuite", "testsuites", "html", "HTML"})
"""Roots that are taken: of reports, and of pages that stand where a report should be."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A report in the store; or `reason` why there is none; or neither, for other XML.

    `path` is the file or `archive!member`, `size` and `mtime_ns` are the file's, `written_at` is
    when the report was written (µs since 1970).
    """

    path: str
    size: int
    mtime_ns: int
    written_at: int
    artifact: str = ""
    body_bytes: int = 0
    head: Head = field(default_factory=lambda: Head(None))
    reason: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes files in; `base` shortens their names, `zone` is that of times without one.

    `wanted` tells by their names which members of an archive may be reports.
    """

    store: ArtifactStore
    base: Path
    zone: str
    wanted: Wanted = is_report

    def take_all(self, files: Iterable[Found]) -> Iterator[list[Taken]]:
        """Yield what each file gave, in order; nothing for one that changes while it is read."""
        with ThreadPoolExecutor(THREADS) as threads:
            yield from threads.map(self.take, files)

    def name(self, path: Path) -> str:
        """Return the path relative to the base where it is below it."""
        name, start = str(path), f"{self.base}/"
        return name[len(start) :] if name.startswith(start) else name

    def take(self, found: Found) -> list[Taken]:
        """Return the reports of a file: one, or those of an archive and the archive itself."""
        for _ in range(TRIES):
            try:
                taken = list(self._archive(found) if is_archive(found.path.name)
                             else self._file(found))  # fmt: skip
                stat = found.path.stat()
            except OSError as error:
                return [self._none(found, f"it cannot be read: {reason_of(error)}")]
            now = Found(found.path, stat.st_size, stat.st_mtime_ns, found.is_named)
            if now == found:
                return taken
            found = now
        return []

    def _none(self, found: Found, reason: str, member: str = "") -> Taken:
        name = self.name(found.path)
        path = f"{name}!{member}" if member else name
        written = found.mtime_ns // 1000
        return Taken(path, found.size, found.mtime_ns, written, reason=reason,
                     archive=name if member else "")  # fmt: skip

    def _file(self, found: Found) -> Iterator[Taken]:
        nothing = self._none(found, "")
        with found.path.open("rb") as file:
            try:
                zipped = found.path.name.lower().endswith(".gz")
                stream = unpacked(file, path=nothing.path, size=found.size) if zipped else file
                yield self._report(nothing, cast(BinaryIO, stream), is_named=found.is_named)
            except ReportError as error:
                yield self._none(found, error.what)

    def _archive(self, found: Found) -> Iterator[Taken]:
        whole = self._none(found, "")
        with found.path.open("rb") as file:
            try:
                for member in members(file, path=whole.path, size=found.size, wanted=self.wanted):
                    yield self._member(found, member)
            except ReportError as error:
                yield self._none(found, error.what)
            else:
                yield whole

    def _member(self, found: Found, member: Member) -> Taken:
        nothing = self._none(found, member.reason, member.name)
        if member.stream is None:
            return nothing
        written = member.mtime_ns // 1000 if member.mtime_ns else nothing.written_at
        place = Taken(nothing.path, found.size, found.mtime_ns, written, archive=nothing.archive)
        stream = member.stream
        if member.name.lower().endswith(".gz"):
            stream = unpacked(stream, path=nothing.path, size=found.size)
        try:
            return self._report(place, stream, is_named=False)
        except ReportError as error:
            if "bomb" in error.what:
                raise
            return self._none(found, error.what, member.name)

    def _report(self, place: Taken, stream: BinaryIO, *, is_named: bool) -> Taken:
        """Store a report and look at it; other XML that a glob happened to match is left."""
        start = _read(stream, WHOLE_BYTES)
        root = root_of(start)
        if root is not None and root not in OURS and not is_named:
            return place
        if len(start) < WHOLE_BYTES:
            sha, size, failed = self.store.put_bytes(start), len(start), None
        else:
            rest = _Rest(start, stream)
            sha, size = self.store.put_stream(cast(BinaryIO, rest))
            failed = rest.has_failed
        head = read_head(
            start if failed is None else start[:HEAD_BYTES],
            zone=self.zone, newest_at=place.written_at,
        )  # fmt: skip
        if failed is not None:
            head = Head(head.root, head.started_at, head.ended_at, head.duration_s, failed, None)
        return Taken(place.path, place.size, place.mtime_ns, place.written_at, sha, size, head,
                     archive=place.archive)  # fmt: skip


def _read(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, fewer only where the stream ends."""
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(min(size, 1 << 20))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _Rest:
    """A stream whose start was read already; notes whether anything failed."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self.has_failed = False
        self._start, self._stream, self._tail = io.BytesIO(start), stream, b""

    def read(self, size: int = -1) -> bytes:
        chunk = self._start.read(size) or self._stream.read(size)
        whole = self._tail + chunk
        self.has_failed = self.has_failed or b"<failure" in whole or b"<error" in whole
        self._tail = whole[-16:]
        return chunk


def payload_id(taken: Taken, *words: str) -> str:
    """Return the id of a payload: the SHA-256 of its body, mixed with words that set it apart."""
    if taken.artifact and not any(words):
        return taken.artifact
    own = (taken.artifact,) if taken.artifact else (taken.path, taken.reason, str(taken.mtime_ns))
    return hashlib.sha256("\n".join((*own, *words)).encode("utf-8", "surrogateescape")).hexdigest()
