"""A source of report files as the tests use it: pulled, parsed, and kept as the lake would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from golive_core import schema
from golive_core.window import Window
from ingest.file_source import FileSource
from ingest.source import Reject


@dataclass
class Loaded:
    """What the source gave so far, as the lake would hold it."""

    source: FileSource
    cursor: dict[str, Any] | None = None
    sequence: int = 0
    files: int = 0
    raw: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[tuple[object, ...], dict[str, Any]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def pull(
        self, *, keep_cursor: bool = True, window: Window | None = None, forget: bool = False
    ) -> int:
        """Pull and parse; facts are inserted, entities replaced; returns the new payloads."""
        new = 0
        cursor = None if forget else self.cursor
        for batch in self.source.pull("reports", cursor=cursor, window=window):
            self.sequence += 1
            self.files += batch.requests
            if keep_cursor:
                self.cursor = json.loads(json.dumps(batch.cursor))
            raw = batch.payloads.with_columns(sequence=pl.lit(self.sequence))
            new += sum(one not in self.raw for one in raw["payload_id"])
            self.raw.update(zip(raw["payload_id"], raw["uri"], strict=True))
            self.conform(schema.conform(schema.raw_table(self.source.type), raw))
        return new

    def conform(self, raw: pl.DataFrame) -> None:
        """Parse raw rows and store what comes."""
        for unit in self.source.plan(raw):
            for parsed in self.source.parse(unit):
                self.rejects += parsed.rejects
                for name, frame in parsed.tables.items():
                    self.store(schema.find(name), frame)

    def store(self, spec: schema.Table, frame: pl.DataFrame) -> None:
        """Keep rows by key as the lake would."""
        known = self.rows.setdefault(spec.name, {})
        for row in schema.conform(spec, frame).iter_rows(named=True):
            key = tuple(row[name] for name in spec.key)
            if not spec.is_fact or key not in known:
                known[key] = row

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a core table."""
        return list(self.rows.get(f"core.{table}", {}).values())

    def attempts(self, name: str) -> list[tuple[str, int, str]]:
        """Return build, attempt and status of every result of the test `name`."""
        ids = {row["test_id"] for row in self["tests"] if row["name"] == name}
        found = [row for row in self["test_results"] if row["test_id"] in ids]
        return sorted((row["build_id"], row["attempt"], row["status"]) for row in found)
