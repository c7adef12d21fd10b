"""Real registries on the loopback: one that lets everybody in, one that wants a password."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from loopback import serving
from oci_registry import Listener, Pusher, registry


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """Return what hears the notifications of `open_registry`."""
    with serving(Listener()) as heard:
        yield heard


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[str]:
    """Return the url of a registry for everybody, in which things may be deleted."""
    with registry(tmp_path_factory.mktemp("open"), listener=listener.url) as url:
        yield url


@pytest.fixture(scope="session")
def closed_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the url of a registry that wants user and password."""
    with registry(tmp_path_factory.mktemp("closed"), is_closed=True) as url:
        yield url


@pytest.fixture
def pusher(open_registry: str, request: pytest.FixtureRequest) -> Pusher:
    """Return what pushes into a repository of this test's own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return Pusher(open_registry, f"shop/{name}")
