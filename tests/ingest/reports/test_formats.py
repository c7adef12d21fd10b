"""A format is added by adding its file; every one that is there describes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.parse import reports
from ingest.parse.report_formats import Start, find, formats

ODD = """
from ingest.parse.report_formats import Format
from ingest.parse.report_rows import Case
FORMAT = Format("Odd", "run", "text/odd", lambda start: start.text.startswith("ODD"),
                lambda body: iter([Case("t", "passed")]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that counts as part of `ingest/parse/reports`."""
    monkeypatch.setattr(reports, "__path__", [*reports.__path__, str(tmp_path)])
    formats.cache_clear()
    yield tmp_path
    formats.cache_clear()


def test_a_format_is_added_by_adding_its_file(folder: Path) -> None:
    (folder / "zz_odd.py").write_text(ODD)
    assert find(Start(b"ODD things")) == "zz_odd"
    assert formats()["zz_odd"].is_run


def test_every_format_describes_itself() -> None:
    assert len(formats()) == 18
    for one in formats().values():
        assert one.title
        assert "/" in one.media
        assert one.is_run or one.kind in ("measures", "findings")


def test_no_two_formats_claim_one_file(shared: Callable[[str], Path]) -> None:
    """Told by content, the order in which formats are asked must not matter."""
    root = shared("fixtures")
    for path in [*root.glob("coverage/**/*.*"), *root.glob("sarif/**/*.sarif")]:
        start = Start(path.read_bytes()[: 64 << 10], path.name)
        assert sum(one.matches(start) for one in formats().values()) <= 1, path
