"""A served GitLab, and sources that read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gitlab_server
from loopback import serving

from ingest.source import Context, Instance
from ingest.sources.gitlab import Gitlab


@pytest.fixture
def server() -> Iterator[gitlab_server.Gitlab]:
    with serving(gitlab_server.Gitlab()) as served:
        yield served


@pytest.fixture
def source(server: gitlab_server.Gitlab, home: Path) -> Callable[..., Gitlab]:
    """Return a function that makes a source of the server with further options."""

    def make(**options: object) -> Gitlab:
        given = {"url": server.url, "repositories": [gitlab_server.PROJECT], **options}
        return Gitlab(Instance("gl", "gitlab", "shop", given), Context(home, home.parent))

    return make
