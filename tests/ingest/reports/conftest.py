"""What the tests of the reports source share: bytes to rows, and an instance over a folder."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from file_loading import Loaded

from golive_core.settings import Instance
from ingest.parse.junit import Report
from ingest.parse.report_formats import HEAD_BYTES, Start, find, formats
from ingest.parse.report_rows import Body
from ingest.parse.report_unit import read_all
from ingest.source import Context
from ingest.sources.reports import ReportsSource

RUN_AT = 1_798_761_600_000_000  # 2027-01-01T00:00:00Z


@pytest.fixture(scope="session")
def read() -> Callable[..., tuple[str | None, list[Any]]]:
    """Return the format of a report and what it says; ReportError where it cannot be read."""

    def parse(body: bytes | str, name: str = "r", size: int = 0) -> tuple[str | None, list[Any]]:
        data = body.encode() if isinstance(body, str) else body
        found = find(Start(data[:HEAD_BYTES], name))
        if found is None:
            return None, []
        report = Report(name, "r", "b#1", run_at=RUN_AT, newest_at=RUN_AT)
        return found, list(
            read_all(formats()[found], Body(lambda: io.BytesIO(data), report), size=size)
        )

    return parse


@pytest.fixture
def load(home: Path, tmp_path: Path) -> Callable[..., Loaded]:
    """Return an instance named `quality` over `tmp_path`, by its options."""

    def make(*paths: str, **options: object) -> Loaded:
        given: dict[str, object] = {"paths": paths or (".",), **options}
        instance = Instance(name="quality", type="reports", project_id="shop", options=given)
        return Loaded(ReportsSource(instance, Context(home=home, base=tmp_path)))

    return make
