"""Cost exports in FOCUS format, the FinOps Open Cost and Usage Specification: CSV and Parquet.

    pull   files that are new by stat -> the artifact store; a raw row for each piece of a file
    parse  a piece -> rows of core.costs

A file that is exported again replaces its rows: those that are no longer in it are marked and cost
nothing. What stands in the context of a raw row: `kind` (csv, parquet, replaced, broken), `slot`,
the file's name for good; of a piece `start`, `size`, `row`, `line`; `before`, the artifact that the
file was earlier; or `reason`, why it cannot be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from golive_core.artifacts import ArtifactStore
from golive_core.errors import ReportError, SourceError
from golive_core.window import Window
from ingest.files import Found, Search, reason_of
from ingest.focus_files import SUFFIXES, Exports, Seen, remember, remembered
from ingest.focus_pieces import Bodies, Piece, Record, head_trouble
from ingest.parse import focus
from ingest.parse.focus import ROW, Place
from ingest.source import (
    Context,
    Cursor,
    Finding,
    Instance,
    Parsed,
    Pulled,
    Reject,
    Stream,
    Unit,
)

PAYLOAD = {
    "payload_id": pl.String, "uri": pl.String, "media_type": pl.String, "size_bytes": pl.Int64,
    "context": pl.String, "artifact": pl.String,
}  # fmt: skip
MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
Row = tuple[str, str, int, dict[str, Any], str | None]
"""Where it came from, media type, bytes, context and artifact of a raw row."""


class FocusOptions(BaseModel):
    """Options of `[source.<name>]` with type focus.

    With `runs` each export lies in a folder of its own beside earlier ones: the newest counts.
    """

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = Field(min_length=1)
    runs: bool = False


class FocusSource:
    """Reads the cost exports of one instance."""

    type: ClassVar[str] = "focus"
    title: ClassVar[str] = "Cost exports in FOCUS format"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("costs", "Charges of a CSV (.gz) or Parquet file.", ("core.costs",)),
    )
    scopes: ClassVar[tuple[str, ...]] = ("read access to the files",)
    example: ClassVar[str] = """\
[source.shop-costs]
type = "focus"
project = "shop"
paths = ["exports/focus/"]   # files, folders and globs: .csv, .csv.gz, .parquet
# runs = true                # each export is a folder beside earlier ones: the newest counts
"""
    Options: ClassVar[type[BaseModel]] = FocusOptions

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance, self._base = instance, context.base
        self.options = FocusOptions.model_validate(dict(instance.options))
        self._bodies = Bodies(ArtifactStore(context.home))
        self._notes = context.home / self.type / f"{instance.name}.json"

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by stat alone whether a file is new or changed."""
        exports = self._exports(cursor)
        present = exports.present()
        is_due = any(not exports.is_known(slot, one) for slot, one in present.items())
        return is_due or bool(exports.superseded(present))

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield files that are new or changed since `cursor`, or written within `window`.

        Raises SourceError at the end for files that are not there or cannot be read.
        """
        exports = self._exports(cursor or remembered(self._notes))
        present = exports.present()
        trouble = dict.fromkeys(exports.search.missing, "no such file") | exports.search.trouble
        for slot in exports.superseded(present):
            before = exports.seen.pop(slot)
            gone = [(before.path, MEDIA["csv"], 0, _replaced(slot, before), None)]
            yield self._pulled(gone if before.sha else [], exports.cursor)
        for slot, found in present.items():
            if not self._is_due(exports, slot, found, cursor, window):
                continue
            taken = self._take(exports, slot, found, is_again=cursor is None or bool(window))
            try:
                yield self._pulled(taken, exports.cursor)
            except OSError as error:
                trouble[exports.name(found)] = reason_of(error)
            remember(self._notes, exports.cursor())
        self._complain(trouble)

    def _is_due(
        self, exports: Exports, slot: str, found: Found, cursor: Cursor | None,
        window: Window | None,
    ) -> bool:  # fmt: skip
        if window:
            start, end = window.start.timestamp() * 1e9, window.end.timestamp() * 1e9
            return start <= found.mtime_ns < end
        return cursor is None or not exports.is_known(slot, found)

    def plan(self, payloads: pl.DataFrame) -> Iterator[Unit]:
        """Yield a unit for each piece: it is of bounded size."""
        for one in payloads.iter_slices(1):
            yield Unit("costs", one)

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the charges of the pieces; records that are wrong are rejected by line."""
        for row in unit.payloads.iter_rows(named=True):
            yield self._parsed(row["uri"], row["artifact"], json.loads(row["context"]))

    def check(self) -> Iterator[Finding]:
        """Yield how many exports the paths find, and what is none or cannot be read."""
        exports = self._exports(None)
        present = exports.present()
        hint = "" if present else "Mend `paths`, or let the provider export FOCUS there"
        state = "ok" if present else "warning"
        yield Finding("cost exports", state, f"{len(present)} found", hint)
        for path in exports.search.missing:
            yield Finding("cost exports", "failed", f"no such file: {path}", "Mend `paths`")
        for path, reason in exports.search.trouble.items():
            yield Finding("cost exports", "warning", f"{path}: {reason}", "Grant read access")
        for found in present.values():
            if why := head_trouble(found.path):
                yield Finding("cost exports", "warning", f"{exports.name(found)}: {why}",
                              "Let `paths` name FOCUS exports only")  # fmt: skip

    def _take(self, exports: Exports, slot: str, found: Found, *, is_again: bool) -> Iterator[Row]:
        """Store a file and yield a raw row for each of its pieces, and one for what it replaces."""
        uri, before = exports.name(found), exports.seen.get(slot) or Seen("", 0, 0)
        sha, form = "", ""
        try:
            sha, form, _ = self._bodies.take(found.path)
            pieces = self._bodies.pieces(sha, form, uri)
        except ReportError as error:
            exports.seen[slot] = _seen(exports, found, before.sha, before.form)
            note = {"kind": "broken", "reason": error.what, "line": error.line}
            yield uri, MEDIA.get(form, ""), found.size, {**note, "slot": slot}, sha or None
            return
        exports.seen[slot] = _seen(exports, found, sha, form)
        if sha == before.sha and not is_again:
            return
        for one in pieces:
            note = {"kind": form, "slot": slot, **asdict(one)}
            yield uri, MEDIA[form], one.size if form == "csv" else 0, note, sha
        if before.sha not in ("", sha):
            yield uri, MEDIA[form], 0, {**_replaced(slot, before), "form": form}, sha

    def _pulled(self, rows: Iterable[Row], cursor: Callable[[], Cursor]) -> Pulled:
        """Return the rows and where the pull stands once they are all made."""
        cells = [
            (_digest(note, artifact), uri, media, size, json.dumps(note), artifact)
            for uri, media, size, note, artifact in rows
        ]
        return Pulled(pl.DataFrame(cells, schema=PAYLOAD, orient="row"), cursor(), requests=1)

    def _parsed(self, uri: str, artifact: str, note: dict[str, Any]) -> Parsed:
        place = Place(self.instance.name, self.instance.project_id, note["slot"])
        if note["kind"] == "broken":
            return Parsed({}, [Reject(uri, note["reason"], note["line"])])
        if note["kind"] == "replaced":
            gone = self._bodies.months(note["before"], note["before_form"], uri)
            if artifact:
                now = self._bodies.months(artifact, note["form"], uri)
                gone = gone.join(now, on=["month", "row"], how="anti")
            return Parsed({"core.costs": focus.removed(gone, place)})
        piece = Piece(note["start"], note["size"], note["row"], note["line"])
        frame, rejects, records = self._bodies.frame(artifact, note["kind"], piece, uri)
        good, bad = focus.cost_rows(frame, place, piece.row)
        lines = records() if bad.height else list[Record]()
        numbers: list[int] = bad[ROW].to_list()
        for reason, number in zip(bad["reason"].to_list(), numbers, strict=True):
            line, text = lines[number]
            rejects.append(Reject(uri, reason, line, text))
        return Parsed({"core.costs": good}, rejects)

    def _exports(self, cursor: Mapping[str, Any] | None) -> Exports:
        search = Search(self._base, self.options.paths, SUFFIXES)
        return Exports.of(self._base, search, runs=self.options.runs, cursor=cursor)

    def _complain(self, trouble: Mapping[str, str]) -> None:
        if trouble:
            raise SourceError(
                "; ".join(f"{path}: {reason}" for path, reason in trouble.items()),
                where=self.instance.name, hint="Mend `paths` in golive.toml, or grant read access",
            )  # fmt: skip


def _seen(exports: Exports, found: Found, sha: str, form: str) -> Seen:
    return Seen(exports.name(found), found.size, found.mtime_ns, sha, form)


def _replaced(slot: str, before: Seen) -> dict[str, Any]:
    return {"kind": "replaced", "slot": slot, "before": before.sha, "before_form": before.form}


def _digest(note: Mapping[str, Any], artifact: str | None) -> str:
    return hashlib.sha256(f"{artifact}\0{json.dumps(note)}".encode()).hexdigest()
