"""A unit of reports of any format to rows of core tables, in bounded batches.

Attempts of a test that several reports of a build tell of are numbered across them, in the order
of the payloads. A report is taken whole or not at all: a large one is read once to see whether it
can be, and then again piece by piece.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import polars as pl

from golive_core.artifacts import ArtifactStore
from golive_core.errors import LakeError, ReportError, SourceDataError
from ingest.parse import test_steps
from ingest.parse.junit import Report
from ingest.parse.junit_unit import CASES, CONTENT_BYTES, Note, report_of
from ingest.parse.report_formats import HEAD_BYTES, Format, Start, find, formats
from ingest.parse.report_rows import Body, Case, FileCoverage, Finding, Inner, Row, TestLines
from ingest.parse.report_tables import Place, case_columns, finding_rows, measure_rows
from ingest.parse.safe_xml import BrokenXmlError, Mend
from ingest.parse.test_lines import coverage_rows
from ingest.parse.tests import frames, highest
from ingest.source import Parsed, Reject

LARGE_BYTES = 8 << 20
"""From here on a report is checked first and then read in pieces: some 60,000 cases."""


def read_all(parser: Format, body: Body, *, size: int) -> Iterator[Row]:
    """Yield what a report of `size` bytes says, mending what may be mended.

    Raises ReportError before anything was yielded: a large report is read twice for that.
    """
    tried, first = {body.mend}, None
    while True:
        try:
            whole = _rows(parser.parse(body), keep=size < LARGE_BYTES)
        except BrokenXmlError as error:
            first = first or error
            if error.mend in tried or error.mend is Mend.NOTHING:
                raise first from None
            tried.add(error.mend)
            body = body.mended(error.mend)
        else:
            yield from whole if size < LARGE_BYTES else parser.parse(body)
            return


def _rows(rows: Iterator[Row], *, keep: bool) -> list[Row]:
    return [row for row in rows if keep]


@dataclass(slots=True)
class ReportReader:
    """Reads the payloads of one unit. `rejects` and the builds `accepted` are filled on the way."""

    store: ArtifactStore
    instance: str
    project_id: str
    source: str
    rejects: list[Reject] = field(default_factory=list[Reject])
    accepted: set[str] = field(default_factory=set[str])
    _cases: list[tuple[Report, Case]] = field(default_factory=list[tuple[Report, Case]])
    _inner: list[tuple[int, Inner]] = field(default_factory=list[tuple[int, Inner]])
    """What belongs to cases that wait, with their number among them."""
    _seen: pl.DataFrame | None = None
    _counted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def read(self, payloads: Iterable[Mapping[str, Any]]) -> Iterator[Parsed]:
        """Yield the rows of the payloads (columns of the raw table) in order."""
        for payload in payloads:
            note: Note = json.loads(payload["context"])
            try:
                yield from self._payload(payload, note)
            except ReportError as error:
                self.rejects.append(self._reject(payload, error))
        yield self._flush()

    def _payload(self, payload: Mapping[str, Any], note: Note) -> Iterator[Parsed]:
        if "reason" in note:
            raise ReportError(note["reason"], path=payload["uri"], line=note.get("line"))
        if note["kind"] == "artifact":
            return
        parser = formats().get(note["format"])
        if parser is None:
            raise ReportError(f"there is no format {note['format']!r}", path=payload["uri"])
        report = report_of(payload["uri"], payload["payload_id"], note)
        body = Body(partial(self._open, payload["artifact"], payload["uri"]), report)
        rows = read_all(parser, body, size=payload["size_bytes"])
        if not parser.is_run:
            yield self._code(rows, report)
            return
        for sha in note.get("after", ()):
            self._count(note, sha)
        yield from self._add(rows, report)
        self.accepted.add(note["build"])
        self._counted.add((note["build"], payload["artifact"]))

    def _code(self, rows: Iterator[Row], report: Report) -> Parsed:
        """Return the rows of measures and findings."""
        place = Place(self.instance, self.project_id, self.source, report)
        said = list(rows)
        measured = [row for row in said if isinstance(row, FileCoverage)]
        run = [row for row in said if isinstance(row, TestLines)]
        found = [row for row in said if isinstance(row, Finding)]
        tables: dict[str, pl.DataFrame] = {}
        try:
            if measured:
                tables["core.code_measures"] = measure_rows(measured, place)
            if run:
                tables["core.test_coverage"] = coverage_rows(run, place)
            if found:
                tables["core.code_findings"] = finding_rows(found, place)
        except SourceDataError as error:
            raise ReportError(error.what, path=report.path) from error
        return Parsed(tables)

    def _add(self, rows: Iterator[Row], report: Report) -> Iterator[Parsed]:
        for row in rows:
            if isinstance(row, Case):
                if len(self._cases) >= CASES:
                    yield self._flush()
                self._cases.append((report, row))
            elif isinstance(row, Inner):
                self._inner.append((len(self._cases) - 1, row))

    def _open(self, sha: str, path: str) -> BinaryIO:
        try:
            return self.store.open(sha)
        except LakeError as error:
            raise ReportError(error.what, path=path, hint=error.hint) from error

    def _reject(self, payload: Mapping[str, Any], error: ReportError) -> Reject:
        content = b""
        if payload["artifact"]:
            try:
                with self.store.open(payload["artifact"]) as body:
                    content = body.read(CONTENT_BYTES)
            except (LakeError, OSError):
                content = b""
        words = content.decode("utf-8", "replace").replace("\x00", "\ufffd")
        return Reject(payload["uri"], error.what, error.line, words)

    def _flush(self) -> Parsed:
        """Return the rows of the cases that wait."""
        if not self._cases:
            return Parsed({})
        cases, self._cases = self._cases, []
        inner, self._inner = self._inner, []
        tables = frames(case_columns(cases), self.project_id, seen=self._seen)
        results = tables["core.test_results"]
        self._remember(results)
        return Parsed({**tables, **test_steps.frames(results, inner)})

    def _remember(self, results: pl.DataFrame) -> None:
        self._seen = highest(results, self._seen)

    def _count(self, note: Note, sha: str) -> None:
        """Count the attempts that a report of an earlier pull told of."""
        if (note["build"], sha) in self._counted:
            return
        self._counted.add((note["build"], sha))
        report = report_of(sha, sha, note)
        body = Body(partial(self._open, sha, sha), report)
        try:
            with body.open() as stream:
                name = find(Start(stream.read(HEAD_BYTES)))
            rows = read_all(formats()[name], body, size=LARGE_BYTES) if name else iter(())
            cases = [(report, row) for row in rows if isinstance(row, Case)]
        except ReportError:
            return
        if cases:
            counted = frames(case_columns(cases), self.project_id, seen=self._seen)
            self._remember(counted["core.test_results"])
