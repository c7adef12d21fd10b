"""Makes what tests of GitHub share importable, and a world with a reader."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from github_reader import Reader
from github_server import Github as World
from loopback import serving

from golive_core.http import Retry
from ingest.sources.github import Github


@pytest.fixture(autouse=True)
def homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the homes of the sources be below a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Return an empty GitHub on the loopback, asked with little patience."""
    quick = Retry(first_s=0.01, attempts=2, total_s=2, chance=lambda: 0.0)
    monkeypatch.setattr(Github, "retry", quick)
    with serving(World()) as server:
        yield server


@pytest.fixture
def hub(world: World) -> Reader:
    """Return a reader of the world."""
    return Reader(world)
