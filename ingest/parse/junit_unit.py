"""A unit of reports to rows of core tables, in bounded batches.

Reports of one build stand together in a unit, in the order in which they were pulled, so that
attempts of a test that several reports tell of are numbered across them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

import polars as pl

from golive_core.artifacts import ArtifactStore
from golive_core.errors import LakeError, ReportError
from ingest.parse.junit import LARGE_BYTES, Cases, Report, read_report
from ingest.parse.junit_rows import columns
from ingest.parse.tests import frames, highest, merged_tests
from ingest.source import Parsed, Reject

CASES = 40_000
"""Cases from which they become rows, in the middle of a report if need be."""
TESTS = 200_000
"""Rows of core.tests that are held back, since most come again and again."""
CONTENT_BYTES = 4096

Note = Mapping[str, Any]
"""The context that the pull gave a payload; see `ingest/file_source.py`."""


@dataclass(slots=True)
class UnitReader:
    """Reads the payloads of one unit; `parsed()` afterwards yields what is left."""

    store: ArtifactStore
    project_id: str
    rejects: list[Reject] = field(default_factory=list[Reject])
    accepted: set[str] = field(default_factory=set[str])
    _cases: Cases = field(default_factory=Cases)
    _build: str = ""
    _seen: pl.DataFrame | None = None
    _counted: set[str] = field(default_factory=set[str])
    _tests: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])

    def read(self, payloads: Iterable[Mapping[str, Any]]) -> Iterator[Parsed]:
        """Yield the rows of the payloads (columns of the raw table) in order."""
        for payload in payloads:
            note: Note = json.loads(payload["context"])
            if "reason" in note:
                self.rejects.append(Reject(payload["uri"], note["reason"]))
                continue
            if note["build"] != self._build and len(self._cases) >= CASES // 2:
                yield self._take(len(self._cases))
            self._begin(note)
            try:
                yield from self._report(payload, note)
            except ReportError as error:
                self.rejects.append(self._reject(payload, error))
        yield self._take(len(self._cases))
        yield self._held()

    def _begin(self, note: Note) -> None:
        if note["build"] != self._build:
            self._build, self._seen = note["build"], None
            self._counted.clear()
        for sha in note.get("after", ()):
            if sha not in self._counted:
                self._count(note, sha)

    def _report(self, payload: Mapping[str, Any], note: Note) -> Iterator[Parsed]:
        report = report_of(payload["uri"], payload["payload_id"], note)
        is_large = payload["size_bytes"] >= LARGE_BYTES
        opened = partial(self._open, payload["artifact"], payload["uri"], is_large=is_large)
        for _ in read_report(opened, report, self._cases, size=payload["size_bytes"]):
            if len(self._cases) > CASES:
                parsed = self._take(len(self._cases) - 1)
                self._remember(parsed.tables["core.test_results"])
                yield parsed
        self.accepted.add(note["build"])
        self._counted.add(payload["artifact"])

    def _open(self, sha: str, path: str, *, is_large: bool) -> BinaryIO:
        try:
            return self.store.open(sha) if is_large else io.BytesIO(self.store.get(sha))
        except LakeError as error:
            raise ReportError(error.what, path=path, hint=error.hint) from error

    def _reject(self, payload: Mapping[str, Any], error: ReportError) -> Reject:
        try:
            with self.store.open(payload["artifact"]) as body:
                content = body.read(CONTENT_BYTES).decode("utf-8", "replace")
        except (LakeError, OSError):
            content = ""
        return Reject(payload["uri"], error.what, error.line, content.replace("\x00", "\ufffd"))

    def _take(self, count: int) -> Parsed:
        """Return the rows of the first `count` cases."""
        if not count:
            return Parsed({})
        tables = self._tables(self._cases.cut(count))
        self._tests.append(tables.pop("core.tests"))
        if sum(frame.height for frame in self._tests) > TESTS:
            tables |= self._held().tables
        return Parsed(tables)

    def _held(self) -> Parsed:
        """Return the tests held back, each once."""
        if not self._tests:
            return Parsed({})
        frames, self._tests = self._tests, []
        return Parsed({"core.tests": merged_tests(frames)})

    def _tables(self, cases: Cases) -> dict[str, pl.DataFrame]:
        rows = columns(cases)
        return frames({one.name: one for one in rows}, self.project_id, seen=self._seen)

    def _remember(self, results: pl.DataFrame) -> None:
        """Let the attempts of this build among the rows count for what comes of it later."""
        here = results.filter(pl.col("build_id") == self._build)
        self._seen = highest(here, self._seen)

    def _count(self, note: Note, sha: str) -> None:
        """Count the attempts that a report of an earlier pull told of."""
        self._counted.add(sha)
        report = report_of(sha, sha, note)
        cases = Cases()
        try:
            opened = partial(self._open, sha, sha, is_large=True)
            for _ in read_report(opened, report, cases, size=0):
                pass
        except ReportError:
            return
        if len(cases):
            self._remember(self._tables(cases)["core.test_results"])


def report_of(path: str, payload_id: str, note: Note) -> Report:
    """Return what the parser is to know of a payload."""
    return Report(
        path, payload_id, note["build"],
        run_at=note["run_at"], newest_at=note["written_at"],
        commit_sha=note.get("commit"), branch=note.get("branch"),
        environment=note.get("environment") or "", zone=note.get("zone", "UTC"),
    )  # fmt: skip


def build_rows(
    notes: Iterable[Note], project_id: str, source: str = "junit"
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """Return rows of core.builds and core.pipelines for builds that reports stand for."""
    builds = [{**_build_row(note, project_id), "source": source} for note in notes]
    if not builds:
        return {}
    frame = pl.DataFrame(builds, infer_schema_length=None).with_columns(
        pl.col("queued_at", "started_at", "finished_at").cast(pl.Datetime("us", "UTC"))
    )
    pipelines = frame.select(
        "pipeline_id", "project_id", "source",
        pl.col("pipeline_id").str.split_exact(":", 1).struct[1].alias("name"),
        pl.lit(value=False).alias("is_deleted"),
    ).unique("pipeline_id", maintain_order=True)  # fmt: skip
    return {"core.builds": frame, "core.pipelines": pipelines}


def _build_row(note: Note, project_id: str) -> dict[str, Any]:
    build, started, ended = note["build"], note["started"], note["ended"]
    pipeline, _, rest = build.rpartition("#")
    number, _, attempt = rest.partition("@")
    start = datetime.fromtimestamp(started / 1_000_000, UTC)
    return {
        "build_id": build, "pipeline_id": pipeline, "project_id": project_id, "day": start.date(),
        "number": int(number) if number.isdecimal() else started // 1_000_000,
        "attempt": int(attempt) if attempt.isdecimal() else 1,
        "commit_sha": note.get("commit"), "branch": note.get("branch"), "trigger": "other",
        "status": "failed" if note["failed"] else "passed",
        "is_unstable": False, "queued_at": started, "started_at": started, "finished_at": ended,
        "duration_s": max(0, ended - started) / 1_000_000, "queue_s": None, "is_simulated": False,
    }  # fmt: skip
