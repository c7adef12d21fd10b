"""An instance of the logs source over a folder of its own, and the rows that it gave so far."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from golive_core import schema
from golive_core.window import Window
from ingest.source import Context, Instance, Reject
from ingest.sources.logs import LogsSource

WRITTEN = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


@dataclass
class Reader:
    """What the source gave, as the lake would hold it: a known key stays as it is."""

    folder: Path
    source: LogsSource
    cursor: dict[str, Any] | None = None
    pulled: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rows: dict[tuple[object, ...], dict[str, Any]] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes, *, at: float = WRITTEN) -> Path:
        """Append to a file; `at` is when."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.utime(path, (at, at))
        return path

    def pull(self, *, window: Window | None = None, forget: bool = False) -> list[dict[str, Any]]:
        """Pull and parse; return the rows that were new, in their order."""
        new: list[dict[str, Any]] = []
        cursor = None if forget else self.cursor
        for batch in self.source.pull("lines", cursor=cursor, window=window):
            if window is None:
                self.cursor = json.loads(json.dumps(batch.cursor))
            self.pulled += batch.payloads["body"].to_list()
            raw = schema.conform(schema.raw_table("logs"), batch.payloads)
            for unit in self.source.plan(raw):
                for parsed in self.source.parse(unit):
                    self.rejects += parsed.rejects
                    new += self.keep(parsed.tables.get("core.log_lines", pl.DataFrame()))
        return new

    def keep(self, frame: pl.DataFrame) -> list[dict[str, Any]]:
        new: list[dict[str, Any]] = []
        for row in frame.iter_rows(named=True):
            key = tuple(row[name] for name in schema.LOG_LINES.key)
            if key not in self.rows:
                self.rows[key] = row
                new.append(row)
        return new

    def has_news(self) -> bool:
        return self.source.has_news("lines", self.cursor)


@pytest.fixture
def reader(tmp_path: Path, home: Path) -> Callable[..., Reader]:
    """Return an instance over `paths` below an empty folder."""
    folder = tmp_path / "var"
    folder.mkdir()

    def make(*paths: str, **options: object) -> Reader:
        given = {"paths": paths or ("*.log*",), **options}
        instance = Instance("files", "logs", "shop", given)
        return Reader(folder, LogsSource(instance, Context(home, folder)))

    return make


def messages(rows: list[dict[str, Any]]) -> list[str]:
    return [row["message"] for row in rows]
