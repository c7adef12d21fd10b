"""What sources of report files share: from paths to raw rows, and from raw rows to units.

    pull   files that are new by stat -> the artifact store, and one raw row a report
    plan   reports of one build together, large builds cut where they share no suite

What stands in the context of a raw row: `build`, `commit`, `branch`, `environment`, `zone`;
`run_at` (start for cases without a time), `written_at`; `started`, `ended`, `failed` of the whole
build as known then; `is_own` unless another source has the build; `suites`; `after`, earlier
reports of the build that may hold the same tests; or only `reason`, why there is no report. What
a report looks like and what becomes of it is the source's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, cast

import polars as pl
from pydantic import BaseModel, ConfigDict

from golive_core.artifacts import ArtifactStore
from golive_core.errors import SourceError
from golive_core.window import Window
from ingest.files import SUFFIXES, Found, Search, is_archive
from ingest.intake import Intake, Taken
from ingest.known import Known
from ingest.runs import Given, Placed, Runs, suite_names
from ingest.source import Context, Cursor, Finding, Instance, Pulled, Unit
from ingest.units import Piece, packed, pieces
from ingest.zone import ZoneName

BATCH_FILES = 1_000
BATCH_BYTES = 512 << 20
"""Files whose reports are committed to raw together."""


class FileOptions(BaseModel):
    """Options that every source of report files has."""

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = ()
    build: str = ""
    pipeline: str = ""
    commit: str = ""
    branch: str = ""
    environment: str = ""
    timezone: ZoneName = "UTC"


class FileSource:
    """Reads the reports of one instance; files below `context.home/<type>/<instance>` are its."""

    type: ClassVar[str]
    Options: ClassVar[type[BaseModel]] = FileOptions
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    """Ends of the names that are looked at in a folder."""
    order: ClassVar[tuple[str, ...]] = ("sequence", "uri")
    """In which attempts of one test happened, by columns of the raw rows and `run_at`."""

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance = instance
        chosen = cast("type[FileOptions]", self.Options)
        self.options = chosen.model_validate(dict(instance.options))
        self._store = ArtifactStore(context.home)
        self._folder = context.home / self.type / instance.name
        self._search = Search(context.base, self.options.paths, self.suffixes)
        self._intake = self.intake(self._store, context)

    def intake(self, store: ArtifactStore, context: Context) -> Intake:
        """Return what takes files in."""
        return Intake(store, context.base, self.options.timezone)

    def files(self) -> list[Found]:
        """Return what the patterns find now."""
        return self._search.files()

    def media(self, taken: Taken) -> str:
        """Return the media type of a report."""
        return "application/octet-stream" if is_archive(taken.path) else "application/xml"

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by stat alone whether a file is new or changed."""
        known = Known.load(self._folder, cursor)
        return any(not self._is_known(known, one) for one in self.files())

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
        found = self.files()
        fresh = [one for one in found if self._is_due(known, one, window)]
        runs = Runs(self.instance.name, self._given(), known)
        runs.done |= known.payloads.keys() if cursor and not window else set[str]()
        runs.gone |= self._gone(known, found)
        for batch in _batches(fresh):
            yield self._pulled(batch, runs, cursor if window else None)
        if self._search.missing:
            raise SourceError(
                f"no such file: {', '.join(self._search.missing)}", where=self.instance.name,
                hint="Mend `paths` in golive.toml; they are taken from its folder",
            )  # fmt: skip

    def plan(self, payloads: pl.DataFrame) -> Iterator[Unit]:
        """Yield units of about equal size; what may hold attempts of one test stays together."""
        told = pl.Series("note", [json.loads(text) for text in payloads["context"]], pl.Object)
        rows = payloads.with_columns(told, _run_at(told)).with_row_index("row").sort(self.order)
        notes: list[dict[str, Any]] = rows["note"].to_list()
        last = {note["build"]: note for note in notes if note.get("is_own")}
        todo = [
            Piece([row], size or 0, note.get("build") or uri, set(suite_names(note.get("suites"))))
            for row, size, uri, note in zip(
                rows["row"], rows["size_bytes"], rows["uri"], notes, strict=True
            )
        ]
        for unit in packed(pieces(todo)):
            own = [last.pop(build) for build in unit.builds if build in last]
            yield Unit("reports", payloads[unit.rows], {"builds": own})

    def check(self) -> Iterator[Finding]:
        """Yield how many files the patterns find, and what cannot be read."""
        found = self.files()
        state = "ok" if found else "warning"
        hint = "" if found else "Run the tests first, or mend `paths` in golive.toml"
        yield Finding("report files", state, f"{len(found)} found", hint)
        for path in self._search.missing:
            yield Finding("report files", "failed", f"no such file: {path}", "Mend `paths`")
        for path, reason in self._search.trouble.items():
            yield Finding("report files", "warning", f"{path}: {reason}", "Grant read access")

    def _gone(self, known: Known, found: Iterable[Found]) -> set[str]:
        """Return the payloads whose files are not among those that are found now."""
        here = {self._intake.name(one.path) for one in found}
        return {
            payload
            for payload, entry in known.payloads.items()
            if entry.path.partition("!")[0] not in here
        }

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
        note = {"reason": taken.reason} if taken.reason else self.note(placed, runs)
        return (
            entry.payload_id, taken.path, self.media(taken), taken.body_bytes,
            json.dumps(note, separators=(",", ":")), taken.artifact or None,
        )  # fmt: skip

    def note(self, placed: Placed, runs: Runs) -> dict[str, object]:
        """Return the context of a report; see the head of this module."""
        entry, said = placed.entry, self.options
        started, ended, failed = entry.started_at, entry.ended_at, entry.has_failed
        if entry.build_id:
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


def _run_at(notes: pl.Series) -> pl.Series:
    """Return when each report's run began, µs since 1970; 0 where there is no report."""
    return pl.Series("run_at", [note.get("run_at", 0) for note in notes], pl.Int64)
