"""Reports of every format into the artifact store, told by their content; safe in threads.

What of it is common with JUnit XML is `ingest/intake.py`. Other files are kept as they are where
the settings name them, under the hash of their content.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from golive_core.errors import ReportError
from ingest.files import ARCHIVE_SUFFIXES, Found, is_archive
from ingest.intake import Intake, Taken
from ingest.parse.junit import Report
from ingest.parse.junit_head import Head
from ingest.parse.report_formats import HEAD_BYTES, Format, Start, find, formats
from ingest.parse.report_rows import Body, Case, Row
from ingest.parse.report_unit import read_all
from ingest.parse.safe_xml import BrokenXmlError

NAMES = (
    ".xml", ".trx", ".json", ".jsonl", ".ndjson", ".sarif", ".lcov", ".info", ".tap", ".log",
    ".txt", ".out", ".coverage",
)  # fmt: skip
REPORT_NAMES = (*NAMES, *(f"{name}.gz" for name in NAMES))
"""Ends of the names of files that may be reports."""
LOOKED_FOR = (*REPORT_NAMES, *ARCHIVE_SUFFIXES)
ARTIFACT = "artifact"


def is_named_like_a_report(name: str) -> bool:
    """Tell by its name whether a file may be a report."""
    return name.lower().endswith(REPORT_NAMES)


@dataclass(frozen=True, slots=True)
class ReportHead(Head):
    """What was told of a report: `root` is its kind. `format` is empty for an artifact."""

    format: str = ""


@dataclass(frozen=True, slots=True)
class ReportIntake(Intake):
    """Takes files in; `kept` are those that are kept as they are."""

    kept: set[Path] = field(default_factory=set[Path])

    def _file(self, found: Found) -> Iterator[Taken]:
        if found.path not in self.kept:
            yield from Intake._file(self, found)
            return
        with found.path.open("rb") as file:
            sha, size = self.store.put_stream(file)
        none = self._none(found, "")
        yield Taken(none.path, found.size, found.mtime_ns, none.written_at, sha, size,
                    ReportHead(ARTIFACT))  # fmt: skip

    def _archive(self, found: Found) -> Iterator[Taken]:
        take = self._file if found.path in self.kept else partial(Intake._archive, self)
        yield from take(found)

    def _report(self, place: Taken, stream: BinaryIO, *, is_named: bool) -> Taken:
        """Store what has a format; what has none is left, unless it was named."""
        peeked = _Peeked(stream)
        start = Start(peeked.start, place.path)
        name = find(start)
        if name is None and not is_named:
            return place
        if name is None and not peeked.start:
            return self._refused(place, start, "", 0)
        sha, size = self.store.put_stream(cast(BinaryIO, peeked))
        if name is None:
            return self._refused(place, start, sha, size)
        head = self._head(name, start, sha, size, place)
        return Taken(place.path, place.size, place.mtime_ns, place.written_at, sha, size, head,
                     archive=place.archive)  # fmt: skip

    def _refused(self, place: Taken, start: Start, sha: str, size: int) -> Taken:
        return Taken(place.path, place.size, place.mtime_ns, place.written_at, sha, size,
                     reason=start.said(), archive=place.archive)  # fmt: skip

    def _head(self, name: str, start: Start, sha: str, size: int, place: Taken) -> ReportHead:
        """Return what a report says of its run as a whole; nothing where it cannot be read."""
        parser = formats()[name]
        if not parser.is_run:
            return ReportHead(parser.kind, format=name)
        key = parser.key(start)
        report = Report(place.path, sha, "", place.written_at, place.written_at, zone=self.zone)
        told = _told(parser, Body(partial(self.store.open, sha), report), size)
        return told.head(name, parser, frozenset({key}) if key else None)


@dataclass(slots=True)
class _Told:
    """The first start and the last end of cases, and the tests whose last attempt failed."""

    started: int | None = None
    ended: int | None = None
    lasted_s: float = 0.0
    failing: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])

    def look(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if isinstance(row, Case):
                self._case(row)

    def _case(self, case: Case) -> None:
        test = (case.suite, case.class_name, case.name, case.environment)
        change = self.failing.add if case.status in ("failed", "error") else self.failing.discard
        change(test)
        duration = case.duration_s or 0.0
        self.lasted_s += duration
        if case.started_at is not None:
            end = case.started_at + int(duration * 1_000_000)
            self.started = min(self.started or case.started_at, case.started_at)
            self.ended = max(self.ended or end, end)

    def head(self, name: str, parser: Format, keys: frozenset[str] | None) -> ReportHead:
        lasted = 0.0 if self.started is not None else self.lasted_s
        return ReportHead(parser.kind, self.started, self.ended, lasted, bool(self.failing), keys,
                          format=name)  # fmt: skip


def _told(parser: Format, body: Body, size: int) -> _Told:
    """Read a report once; again only where something in it must be mended."""
    told = _Told()
    try:
        told.look(parser.parse(body))
    except BrokenXmlError:
        with suppress(ReportError):
            again = _Told()
            again.look(read_all(parser, body, size=size))
            return again
        return _Told()
    except ReportError:
        return _Told()
    return told


class _Peeked:
    """A stream whose start was looked at."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < HEAD_BYTES and (piece := stream.read(HEAD_BYTES)):
            pieces.append(piece)
        self.start = b"".join(pieces)
        self._left = self.start

    def read(self, size: int = -1) -> bytes:
        start, self._left = self._left, b""
        return start or self._stream.read(size)


def media_of(taken: Taken) -> str:
    """Return the media type: that of the format, else what the name says."""
    head = taken.head
    if isinstance(head, ReportHead) and head.format:
        return formats()[head.format].media
    named = None if is_archive(taken.path) else mimetypes.guess_type(taken.path)[0]
    return named or "application/octet-stream"
