"""JUnit XML reports from files, folders, globs and archives.

    pull   files that are new by stat -> the artifact store, and one raw row a report
    plan   reports of one build together, large builds cut where they share no suite
    parse  reports -> tests, results, failures, and the builds that they stand for

What stands in the context of a raw row: `build`, `commit`, `branch`, `environment`, `zone`;
`run_at` (start for cases without a time), `written_at`; `started`, `ended`, `failed` of the whole
build as known then; `is_own` unless another source has the build; `suites`; `after`, earlier
reports of the build that may hold the same tests; or only `reason`, why there is no report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel, ConfigDict

from golive_core.artifacts import ArtifactStore
from golive_core.errors import SourceError
from golive_core.window import Window
from ingest.files import USUAL_PLACES, Found, Search, is_archive
from ingest.intake import Intake
from ingest.known import Known
from ingest.parse.junit_unit import UnitReader, build_rows
from ingest.runs import Given, Placed, Runs, suite_names
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Stream, Unit
from ingest.units import Piece, packed, pieces
from ingest.zone import ZoneName

BATCH_FILES = 1_000
BATCH_BYTES = 512 << 20
"""Files whose reports are committed to raw together."""


class JunitOptions(BaseModel):
    """Options of `[source.<name>]` with type junit."""

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = USUAL_PLACES
    build: str = ""
    pipeline: str = ""
    commit: str = ""
    branch: str = ""
    environment: str = ""
    timezone: ZoneName = "UTC"


class JunitSource:
    """Reads the reports of one instance; files below `context.home/junit/<instance>` are its."""

    type: ClassVar[str] = "junit"
    title: ClassVar[str] = "JUnit XML test reports"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "reports",
            "One test report: a file, or a member of an archive.",
            (
                "core.pipelines", "core.builds", "core.tests", "core.test_results",
                "core.failures",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("read access to the files",)
    example: ClassVar[str] = """\
[source.shop-reports]
type = "junit"
project = "shop"
paths = ["**/TEST-*.xml", "ci-archive/*.zip"]
# build = "ci:shop#123"      # attach to this build instead of one told from place and time
# commit = "4f2a..."         # what was tested, and branch = "main", environment = "linux"
# timezone = "Europe/Berlin" # of times without one; UTC unless said
"""
    Options: ClassVar[type[BaseModel]] = JunitOptions

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance = instance
        self.options = JunitOptions.model_validate(dict(instance.options))
        self._store = ArtifactStore(context.home)
        self._folder = context.home / "junit" / instance.name
        self._base = context.base
        self._search = Search(context.base, self.options.paths)
        self._intake = Intake(self._store, context.base, self.options.timezone)

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by stat alone whether a file is new or changed."""
        known = Known.load(self._folder, cursor)
        return any(not self._is_known(known, one) for one in self._search.files())

    def pull(
        self,
        stream: str,
        *,
        cursor: Cursor | None,
        window: Window | None,
    ) -> Iterator[Pulled]:
        """Yield reports that are new or changed since `cursor`, or written within `window`.

        Raises SourceError at the end if a file that was named without a wildcard is not there.
        """
        known = Known.load(self._folder, None if window else cursor)
        found = self._search.files()
        fresh = [one for one in found if self._is_due(known, one, window)]
        runs = Runs(self.instance.name, self._given(), known)
        runs.done |= known.payloads.keys() if cursor and not window else set[str]()
        for batch in _batches(fresh):
            yield self._pulled(batch, runs, cursor if window else None)
        if self._search.missing:
            raise SourceError(
                f"no such file: {', '.join(self._search.missing)}", where=self.instance.name,
                hint="Mend `paths` in golive.toml; they are taken from its folder",
            )  # fmt: skip

    def plan(self, payloads: pl.DataFrame) -> Iterator[Unit]:
        """Yield units of about equal size; what may hold attempts of one test stays together."""
        rows = payloads.with_row_index("row").sort("sequence", "uri")
        notes: list[dict[str, Any]] = [json.loads(text) for text in rows["context"]]
        last = {note["build"]: note for note in notes if note.get("is_own")}
        todo = [
            Piece([row], size or 0, note.get("build", ""), set(suite_names(note.get("suites"))))
            for row, size, note in zip(rows["row"], rows["size_bytes"], notes, strict=True)
        ]
        for unit in packed(pieces(todo)):
            own = [last.pop(build) for build in unit.builds if build in last]
            yield Unit("reports", payloads[unit.rows], {"builds": own})

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the rows of the unit's reports, then builds and what was rejected."""
        reader = UnitReader(self._store, self.instance.project_id)
        yield from reader.read(unit.payloads.iter_rows(named=True))
        builds = [note for note in unit.notes["builds"] if note["build"] in reader.accepted]
        yield Parsed(build_rows(builds, self.instance.project_id), reader.rejects)

    def check(self) -> Iterator[Finding]:
        """Yield how many files the patterns find, and what cannot be read."""
        found = self._search.files()
        state = "ok" if found else "warning"
        hint = "" if found else "Run the tests first, or mend `paths` in golive.toml"
        yield Finding("report files", state, f"{len(found)} found", hint)
        for path in self._search.missing:
            yield Finding("report files", "failed", f"no such file: {path}", "Mend `paths`")
        for path, reason in self._search.trouble.items():
            yield Finding("report files", "warning", f"{path}: {reason}", "Grant read access")

    def _given(self) -> Given:
        said = self.options
        return Given(said.build, said.pipeline, said.commit, said.branch, said.environment)

    def _is_known(self, known: Known, one: Found) -> bool:
        return known.is_same(self._intake.name(one.path), one.size, one.mtime_ns)

    def _is_due(self, known: Known, one: Found, window: Window | None) -> bool:
        if window:
            start, end = window.start.timestamp() * 1e9, window.end.timestamp() * 1e9
            return start <= one.mtime_ns < end
        return not self._is_known(known, one)

    def _pulled(self, batch: Sequence[Found], runs: Runs, cursor: Cursor | None) -> Pulled:
        taken = [one for group in self._intake.take_all(batch) for one in group]
        placed = runs.place(taken)
        rows = [self._payload(one, runs) for one in placed]
        frame = pl.DataFrame(rows, schema=PAYLOAD, orient="row")
        return Pulled(frame, cursor or runs.known.cursor(), requests=len(batch))

    def _payload(self, placed: Placed, runs: Runs) -> tuple[object, ...]:
        taken, entry = placed.taken, placed.entry
        note = {"reason": taken.reason} if taken.reason else self._note(placed, runs)
        kind = "application/octet-stream" if is_archive(taken.path) else "application/xml"
        return (
            entry.payload_id, taken.path, kind, taken.body_bytes,
            json.dumps(note, separators=(",", ":")), taken.artifact or None,
        )  # fmt: skip

    def _note(self, placed: Placed, runs: Runs) -> dict[str, object]:
        """Return the context of a report; see the head of this module."""
        entry, said = placed.entry, self.options
        started, ended, failed = runs.summary(entry.build_id)
        note: dict[str, object] = {
            "build": entry.build_id, "is_own": entry.build_id.startswith(f"{self.instance.name}:"),
            "run_at": entry.started_at, "written_at": placed.taken.written_at,
            "started": started, "ended": ended, "failed": failed, "suites": entry.suites,
            "commit": said.commit or None, "branch": said.branch or None,
            "environment": said.environment, "zone": said.timezone,
        }  # fmt: skip
        if placed.after:
            note["after"] = placed.after
        return note


PAYLOAD = {
    "payload_id": pl.String, "uri": pl.String, "media_type": pl.String, "size_bytes": pl.Int64,
    "context": pl.String, "artifact": pl.String,
}  # fmt: skip


def _batches(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield the files in pieces of BATCH_FILES and about BATCH_BYTES; files may be large."""
    left = iter(files)
    while batch := list(islice(left, 1)):
        size = batch[0].size
        while size < BATCH_BYTES and len(batch) < BATCH_FILES and (one := next(left, None)):
            batch.append(one)
            size += one.size
        yield batch
