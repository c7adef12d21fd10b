"""Real servers once a session, and ingests of them into the test's own lake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from metric_servers import Stack, influx, stacked

from assets.load import IngestResult, ingest
from golive_core.lake import Lake
from golive_core.settings import Instance
from ingest import registry
from ingest.source import Context, Source


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return Prometheus, Alertmanager and what they scrape, running."""
    with stacked(tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@pytest.fixture(scope="session")
def influx_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an InfluxDB with an empty database `shop`."""
    with influx(tmp_path_factory.mktemp("influx")) as url:
        yield url


@pytest.fixture
def made(home: Path) -> Callable[..., Source]:
    """Return a function that builds a source of a type from its options."""

    def make(kind: str, **options: object) -> Source:
        return registry.build(Instance(kind, kind, "shop", options), Context(home, home.parent))

    return make


@pytest.fixture
def read(lake: Lake) -> Callable[[Source], IngestResult]:
    """Return a function that ingests a source."""

    def run(source: Source) -> IngestResult:
        return ingest(lake, source, source.instance, processes=1)

    return run
