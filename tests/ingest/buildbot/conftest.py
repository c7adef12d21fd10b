"""A real Buildbot for the session, and a lake that reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from buildbot_master import PASSWORD, USER, Master, running

from golive_core.lake import Lake
from ingest.source import Context, Instance
from ingest.sources.buildbot import Buildbot


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """Return a running master."""
    with running(tmp_path_factory.mktemp("buildbot") / "master") as one:
        yield one


@pytest.fixture
def source(master: Master, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Buildbot]:
    """Return a maker of readers of it; options are those of golive.toml."""
    monkeypatch.setenv("BUILDBOT_PASSWORD", PASSWORD)

    def make(**options: object) -> Buildbot:
        given = {
            "url": master.url, "user": USER, "token": "env:BUILDBOT_PASSWORD",
            "reports": {"test": "junit.xml"}, **options,
        }  # fmt: skip
        return Buildbot(Instance("bb", "buildbot", "shop", given), Context(home, home.parent))

    return make


@pytest.fixture
def ask(lake: Lake) -> Callable[[str], list[tuple[object, ...]]]:
    """Return a function that asks the lake."""
    return lambda query: lake.query(query).rows()
