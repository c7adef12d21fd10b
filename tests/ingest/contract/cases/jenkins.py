"""Jenkins, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "jenkins"))

from contract_case import Case, Changed
from jenkins_server import Jenkins as Server
from jenkins_server import agent, build, item, pipeline_build

from ingest.sources.jenkins import Jenkins

LOG = b"one\nboom\n"


@dataclass
class World(Server):
    """Three jobs: many builds, failures with logs, stages."""

    gone: set[str] = field(default_factory=set)

    def fill(self) -> None:
        self.job("shop/build", *(build(n) for n in range(1, 2501)))
        failing = self.job("shop/test", *(build(n, "FAILURE") for n in range(1, 4)))
        failing.logs = dict.fromkeys(range(1, 4), LOG)
        staged = self.job("shop/ship", *(pipeline_build(n) for n in range(1, 4)), build(4, None))
        for number in range(1, 4):
            stage = {"name": "ship", "status": "SUCCESS", "durationMillis": 5}
            staged.stages[number] = {"id": str(number), "stages": [stage]}
        staged.find(3)["artifacts"] = [{"relativePath": "dist/shop.zip"}]
        self.agents = [agent("Built-In Node"), agent("linux-1", 1), agent("linux-2", 0, "disk")]
        self.waiting = [item(1, "shop/build"), item(2, "shop/test")]

    def expected(self) -> dict[str, int]:
        return {
            "core.pipelines": 3, "core.builds": 2507, "core.stages": 3, "core.log_lines": 6,
            "core.artifacts": 1, "core.runners": 3, "core.queue_items": 2,
        }  # fmt: skip

    def change(self) -> Changed:
        self.jobs["shop/ship"].finish(4)
        return Changed("core.builds", "build_id = 'it:shop/ship#4'", "status", "passed")

    def delete(self) -> Changed:
        del self.jobs["shop/test"]
        return Changed("core.pipelines", "pipeline_id = 'it:shop/test'", "is_deleted", True)


def page(world: World, count: int) -> dict[str, int]:
    world.job("shop/build", *(build(n) for n in range(1, count + 1)))
    return {"core.pipelines": 1, "core.builds": count}


CASE = Case(
    source=Jenkins,
    world=World,
    main="api/json",
    options=lambda url: {"url": url},
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=1000,
)
