"""A cluster on the loopback and the source that reads it into a lake."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from kube_server import Kube
from loopback import serving

from assets.load import IngestResult, ingest
from golive_core.http import Retry
from golive_core.lake import Lake
from ingest.source import Context, Instance
from ingest.sources.kubernetes import KubernetesSource


@dataclass
class Cluster:
    world: Kube
    lake: Lake
    home: Path

    def source(self, **options: object) -> KubernetesSource:
        said = {} if "kubeconfig" in options else {"url": self.world.url}
        instance = Instance("k8s", "kubernetes", "shop", {**said, **options})
        return KubernetesSource(instance, Context(self.home, self.home.parent))

    def ingest(self, **options: object) -> IngestResult:
        source = self.source(**options)
        return ingest(self.lake, source, source.instance, processes=1)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.lake.query(sql).rows()


@pytest.fixture
def cluster(lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    quick = Retry(attempts=2, first_s=0.01, chance=lambda: 0.0)
    monkeypatch.setattr(KubernetesSource, "retry", quick)
    with serving(Kube()) as world:
        yield Cluster(world, lake, home)
