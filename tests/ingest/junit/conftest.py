"""What the tests of the junit source share: text to rows, and an instance over a folder."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from file_loading import Loaded

from golive_core.settings import Instance
from ingest.parse.junit import Cases, Report, read_report
from ingest.parse.junit_rows import columns
from ingest.parse.tests import frames
from ingest.source import Context
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


@pytest.fixture
def load(home: Path, tmp_path: Path) -> Callable[..., Loaded]:
    """Return an instance named `reports` over `tmp_path`, by its options."""

    def make(*paths: str, **options: str) -> Loaded:
        given: dict[str, object] = {"paths": paths or ("**/*.xml",), **options}
        instance = Instance(name="reports", type="junit", project_id="shop", options=given)
        return Loaded(JunitSource(instance, Context(home=home, base=tmp_path)))

    return make
