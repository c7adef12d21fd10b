"""Makes `tiny_source` importable by name, for the tests and for the worker processes they start."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_source import Tiny

from golive_core.lake import Lake
from ingest.source import Context, Instance


@pytest.fixture
def context(home: Path, tmp_path: Path) -> Context:
    return Context(home=home, base=tmp_path)


@pytest.fixture
def tiny(context: Context, tmp_path: Path) -> Callable[..., tuple[Tiny, Instance]]:
    """Return a maker of tiny sources, each with a folder of its own below tmp_path."""

    def make(name: str = "tiny", **options: object) -> tuple[Tiny, Instance]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        instance = Instance(name, "tiny", "shop", {"folder": str(folder), **options})
        return Tiny(instance, context), instance

    return make


@pytest.fixture
def rows(lake: Lake) -> Callable[[str], int]:
    """Return a counter of the rows of a table."""
    return lambda table: lake.query(f"select count(*) from {table}").item()
