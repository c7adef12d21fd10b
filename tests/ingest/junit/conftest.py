"""What the tests of the junit source share: text to rows, and an instance over a folder."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from golive_core import schema
from golive_core.settings import Instance
from golive_core.window import Window
from ingest.parse.junit import Cases, Report, read_report
from ingest.parse.junit_rows import columns
from ingest.parse.tests import frames
from ingest.source import Context, Reject
from ingest.sources.junit import JunitSource

RUN_AT = 1_714_557_600_000_000  # 2024-05-01T10:00:00Z


@pytest.fixture(scope="session")
def read() -> Callable[..., pl.DataFrame]:
    """Return the rows of one report as columns for `frames`, one an attempt."""

    def parse(body: bytes | str, *, large: bool = False, **known: str) -> pl.DataFrame:
        data = body.encode() if isinstance(body, str) else body
        report = Report("r.xml", "r", "b#1", run_at=RUN_AT, newest_at=RUN_AT, **known)
        cases = Cases()
        for _ in read_report(lambda: io.BytesIO(data), report, cases, size=1 << 40 if large else 0):
            pass
        return columns(cases)

    return parse


@pytest.fixture(scope="session")
def tables(read: Callable[..., pl.DataFrame]) -> Callable[..., dict[str, pl.DataFrame]]:
    """Return the core tables of one report."""

    def parse(body: bytes | str) -> dict[str, pl.DataFrame]:
        return frames({one.name: one for one in read(body)}, "shop")

    return parse


@dataclass
class Loaded:
    """What the source gave so far, as the lake would hold it."""

    source: JunitSource
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
            self.conform(schema.conform(schema.raw_table("junit"), raw))
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


@pytest.fixture
def load(home: Path, tmp_path: Path) -> Callable[..., Loaded]:
    """Return an instance named `reports` over `tmp_path`, by its options."""

    def make(*paths: str, **options: str) -> Loaded:
        given: dict[str, object] = {"paths": paths or ("**/*.xml",), **options}
        instance = Instance(name="reports", type="junit", project_id="shop", options=given)
        return Loaded(JunitSource(instance, Context(home=home, base=tmp_path)))

    return make
