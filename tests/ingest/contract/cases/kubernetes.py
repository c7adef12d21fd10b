"""Kubernetes, over the loopback server of its own tests. Its lists have no clock of their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "kubernetes"))

import kube_server as made
from contract_case import Case, Changed
from kube_server import crashing, running

from ingest.sources.kubernetes import KubernetesSource

SIZE = 10


@dataclass
class World(made.Kube):
    """Deployments are the long list; each has a replica set, some pods fail, an event each."""

    rollouts: int = 0
    alerts: int = 0

    def add(self, count: int) -> None:
        for number in range(count):
            self.deploy(f"app{number:03d}", f"registry/app:{number:07x}")
            self.rollouts += 1

    def fill(self) -> None:
        self.add(25)
        self.deploy("app000", "registry/app:1.1")
        self.rollouts += 1
        self.pod("web-1", running("web"))
        self.pod("cart-1", crashing("cart"))
        self.pod("pay-1", crashing("pay", reason="OOMKilled"))
        self.alerts = 2
        for number in range(12):
            self.event(f"e{number}", f"back-off {number}")

    def expected(self) -> dict[str, int]:
        found = {"core.deployments": self.rollouts, "core.alerts": self.alerts,
                 "core.log_lines": len(self.objects.get("events", {}))}  # fmt: skip
        return {name: count for name, count in found.items() if count}

    def change(self) -> Changed:
        self.later()
        self.deploy("app003", "registry/app:abcdef0")
        self.rollouts += 1
        where = "service = 'app003' and commit_sha = 'abcdef0'"
        return Changed("core.deployments", where, "status", "passed")

    def delete(self) -> Changed:
        del self.objects["pods"]["shop", "cart-1"]
        return Changed("core.alerts", "service = 'cart'", "status", "resolved")


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return world.expected()


CASE = Case(
    source=KubernetesSource,
    world=World,
    main="v1/deployments",
    options=lambda url: {"url": url, "page": SIZE},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=7,
)
