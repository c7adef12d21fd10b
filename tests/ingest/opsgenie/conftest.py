"""A served Opsgenie, and sources that read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import opsgenie_server
from loopback import serving

from ingest.source import Context, Instance
from ingest.sources.opsgenie import Opsgenie


@pytest.fixture
def server() -> Iterator[opsgenie_server.Opsgenie]:
    with serving(opsgenie_server.Opsgenie()) as served:
        yield served


@pytest.fixture
def source(server: opsgenie_server.Opsgenie, home: Path) -> Callable[..., Opsgenie]:
    """Return a function that makes a source of the server with further options."""

    def make(**options: object) -> Opsgenie:
        given = {"url": server.url, **options}
        return Opsgenie(Instance("og", "opsgenie", "shop", given), Context(home, home.parent))

    return make
