"""A served CircleCI, and sources that read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import circleci_server
from loopback import serving

from ingest.source import Context, Instance
from ingest.sources.circleci import Circleci


@pytest.fixture
def server() -> Iterator[circleci_server.Circleci]:
    with serving(circleci_server.Circleci()) as served:
        yield served


@pytest.fixture
def source(server: circleci_server.Circleci, home: Path) -> Callable[..., Circleci]:
    """Return a function that makes a source of the server with further options."""

    def make(**options: object) -> Circleci:
        given = {"url": server.url, "projects": [circleci_server.SLUG], **options}
        return Circleci(Instance("ci", "circleci", "shop", given), Context(home, home.parent))

    return make
