"""A served PagerDuty, and sources that read it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import pagerduty_server
from loopback import serving

from ingest.source import Context, Instance
from ingest.sources.pagerduty import Pagerduty


@pytest.fixture
def server() -> Iterator[pagerduty_server.Pagerduty]:
    with serving(pagerduty_server.Pagerduty()) as served:
        yield served


@pytest.fixture
def source(server: pagerduty_server.Pagerduty, home: Path) -> Callable[..., Pagerduty]:
    """Return a function that makes a source of the server with further options."""

    def make(**options: object) -> Pagerduty:
        given = {"url": server.url, **options}
        return Pagerduty(Instance("pd", "pagerduty", "shop", given), Context(home, home.parent))

    return make
