"""A served Bitbucket, and sources that read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import bitbucket_server
from loopback import serving

from ingest.source import Context, Instance
from ingest.sources.bitbucket import Bitbucket


@pytest.fixture
def server() -> Iterator[bitbucket_server.Bitbucket]:
    with serving(bitbucket_server.Bitbucket()) as served:
        yield served


@pytest.fixture
def source(server: bitbucket_server.Bitbucket, home: Path) -> Callable[..., Bitbucket]:
    """Return a function that makes a source of the server with further options."""

    def make(**options: object) -> Bitbucket:
        given = {"url": server.url, "repositories": [bitbucket_server.REPOSITORY], **options}
        return Bitbucket(Instance("bb", "bitbucket", "shop", given), Context(home, home.parent))

    return make
