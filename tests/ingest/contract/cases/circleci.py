"""CircleCI, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "circleci"))

from circleci_server import SIZE, SLUG, artifact, case_of, job, pipeline, workflow
from circleci_server import Circleci as Server
from contract_case import Case, Changed

from ingest.sources.circleci import Circleci

COUNT = 45


@dataclass
class World(Server):
    """Pipelines are the long list; one was run again, one failed, one has no workflow."""

    is_changed: bool = False

    def fill(self) -> None:
        for number in range(1, COUNT + 1):
            self.run(number)
        self.workflows["p7"] = [
            workflow(7, "failed"), workflow(7, key="w7b", after=5),
        ]  # fmt: skip
        self.jobs["w7"] = [job(71, "build", begun=7), job(72, status="failed", begun=7.1)]
        self.jobs["w7b"] = [job(71, "build", begun=7), job(73, begun=12)]
        self.tests = {"72": [case_of("pays", "failure")], "73": [case_of("pays")]}
        self.jobs["w8"].append(job(81, "deploy-eu", begun=8.3))
        self.run(9, "failed")
        self.tests["100"] = [case_of(f"case {n}") for n in range(SIZE + 3)]
        self.artifacts["100"] = [artifact(f"out/{n}.txt") for n in range(2)]
        self.pipelines[11] = pipeline(11, "errored")
        self.workflows["p11"] = []

    def expected(self) -> dict[str, int]:
        more = int(self.is_changed)
        return {
            "core.pipelines": 2, "core.builds": COUNT + 1 + more,
            "core.stages": COUNT + 4 + more - 1, "core.deployments": 1,
            "core.tests": SIZE + 4, "core.test_results": SIZE + 5, "core.failures": 1,
            "core.artifacts": 2,
        }  # fmt: skip

    def change(self) -> Changed:
        """Begin another pipeline: what is seen of one that goes on is in the source's own tests."""
        self.run(COUNT + 1, "canceled")
        self.is_changed = True
        where = f"build_id = 'it:{SLUG}/build-test#{COUNT + 1}'"
        return Changed("core.builds", where, "status", "cancelled")

    def delete(self) -> None:
        """Take nothing away: CircleCI does not."""


def page(world: World, count: int) -> dict[str, int]:
    for number in range(1, count + 1):
        world.run(number)
    return {"core.pipelines": 1, "core.builds": count, "core.stages": count}


CASE = Case(
    source=Circleci,
    world=World,
    main="shop/pipeline?",
    options=lambda url: {"url": url, "projects": [SLUG]},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=1,
)
