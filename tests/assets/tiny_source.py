"""A source of JSON files, for tests: each file is one payload that holds rows by core table.

Words in a file make trouble: `broken` cannot be parsed, `bug` makes the parser fail, `deadly`
kills the process that parses it, `unreachable` stops the pull, `throttled` pauses the source.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from golive_core.errors import SourceDataError, SourceThrottledError, SourceUnreachableError
from golive_core.http.limits import Limits
from golive_core.window import Window
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Reject, Stream, Unit

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TinyOptions(BaseModel):
    folder: str
    files_a_unit: int = 1


class Tiny:
    """Reads the files of one folder, oldest name first; the cursor is the last name."""

    type = "tiny"
    title = "Tiny"
    streams = (
        Stream("files", "one JSON file", ("core.builds", "core.tests", "core.test_results")),
        Stream("notes", "nothing yet", ("core.commits",)),
    )
    scopes = ()
    example = '[source.tiny]\ntype = "tiny"\nproject = "shop"\nfolder = "files"'
    Options = TinyOptions

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance = instance
        self.options = TinyOptions(**instance.options)
        self.folder = context.base / self.options.folder
        self.home = context.home

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        return bool(self._files(stream, (cursor or {}).get("name", "")))

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        for path in self._files(stream, (cursor or {}).get("name", "")):
            body = path.read_bytes()
            if body == b"unreachable":
                raise SourceUnreachableError("no answer", where=self.instance.name, hint="Wait")
            if body == b"throttled":
                Limits(self.instance.name, self.home).pause(900, "HTTP 429")
                raise SourceThrottledError("asked to come back", where=self.instance.name)
            payload = {
                "payload_id": hashlib.sha256(body).hexdigest(), "uri": path.name,
                "media_type": "application/json", "size_bytes": len(body), "context": "{}",
                "body": body,
            }  # fmt: skip
            yield Pulled(pl.DataFrame([payload]), {"name": path.name}, requests=1)

    def _files(self, stream: str, after: str) -> list[Path]:
        found = sorted(self.folder.glob("*.json")) if stream == "files" else []
        return [path for path in found if path.name > after]

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        for part in payloads.iter_slices(self.options.files_a_unit):
            yield Unit("files", part)

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        for body, uri in zip(unit.payloads["body"], unit.payloads["uri"], strict=True):
            yield _parse(body, uri)

    def check(self) -> Iterator[Finding]:
        yield Finding("folder", "ok", str(self.folder))


def _parse(body: bytes, uri: str) -> Parsed:
    if body == b"broken":
        return Parsed({}, [Reject(uri, "not JSON", line=1, content="broken")])
    if body == b"damaged":
        raise SourceDataError("a damaged file", where=uri)
    if body == b"bug":
        raise KeyError("no such thing")
    if body == b"deadly":
        os._exit(9)
    tables: dict[str, list[dict[str, Any]]] = json.loads(body)
    return Parsed({name: frame_of(rows) for name, rows in tables.items()})


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return a frame in which the words `*_at` and `day` have become times and days."""
    frame = pl.DataFrame(rows)
    times = [name for name in frame.columns if name.endswith("_at")]
    return frame.with_columns(
        pl.col(times).str.to_datetime(time_unit="us", time_zone="UTC"),
        *([pl.col("day").str.to_date()] if "day" in frame.columns else []),
    )


def build(number: int, *, pipeline: str = "ci", status: str = "passed", **more: object) -> dict:
    """Return a row of core.builds: one an hour from AT."""
    at = AT + timedelta(hours=number)
    return {
        "build_id": f"{pipeline}#{number}", "pipeline_id": pipeline, "project_id": "shop",
        "source": "tiny", "day": str(at.date()), "number": number, "attempt": 1,
        "commit_sha": f"{number:040x}", "branch": "main", "status": status,
        "queued_at": at.isoformat(), "started_at": at.isoformat(), "duration_s": 60.0,
        "queue_s": 1.0, **more,
    }  # fmt: skip


def result(number: int, test: int, *, status: str = "passed", **more: object) -> dict:
    """Return a row of core.test_results of the build `number`."""
    at = AT + timedelta(hours=number, seconds=test)
    return {
        "project_id": "shop", "build_id": f"ci#{number}", "test_id": test, "attempt": 1,
        "day": str(at.date()), "status": status, "duration_s": 0.5, "started_at": at.isoformat(),
        "commit_sha": f"{number:040x}", "branch": "main", "environment": "", **more,
    }  # fmt: skip


def case(number: int, test: int) -> dict:
    """Return a row of core.tests as the report of build `number` knows it."""
    at = (AT + timedelta(hours=number)).isoformat()
    return {
        "test_id": test, "project_id": "shop", "suite": "unit", "class_name": "Cart",
        "name": f"test_{test}", "first_seen_at": at, "last_seen_at": at,
    }  # fmt: skip


def write(folder: Path, name: str, number: int, *, tests: int = 3, **more: object) -> Path:
    """Write a file with one build and its test results; `more` goes to the build."""
    tables = {
        "core.builds": [build(number, **more)],
        "core.tests": [case(number, test) for test in range(tests)],
        "core.test_results": [result(number, test) for test in range(tests)],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(tables))
    return path
