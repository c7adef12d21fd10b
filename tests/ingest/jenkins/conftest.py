"""A loopback Jenkins, and a maker of readers of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from jenkins_reader import Reader
from jenkins_server import Jenkins as Fake
from jenkins_server import serving

from golive_core.http import Retry
from ingest.source import Context, Instance
from ingest.sources.jenkins import Jenkins

QUICK = Retry(first_s=0.01, attempts=3, total_s=5, chance=lambda: 0.0)


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Return an empty Jenkins that listens on the loopback."""
    with serving(Fake()) as jenkins:
        yield jenkins


@pytest.fixture
def reader(fake: Fake, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reader]:
    """Return a maker of readers of the loopback Jenkins; options are those of golive.toml."""
    monkeypatch.setattr(Jenkins, "retry", QUICK)

    def make(**options: object) -> Reader:
        instance = Instance("ci", "jenkins", "shop", {"url": fake.url, **options})
        return Reader(Jenkins(instance, Context(home, home.parent)))

    return make
