"""Bitbucket Cloud, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bitbucket"))

import bitbucket_server as made
from bitbucket_server import REPOSITORY, branch, commit, deployment, issue, pipeline, pull_request
from contract_case import Case, Changed

from ingest.sources.bitbucket import Bitbucket


@dataclass
class World(made.Bitbucket):
    """Something in every list; commits are the long one."""

    def fill(self) -> None:
        self.lists = {
            "branches": [branch("main", 205), *(branch(f"b{n}", n) for n in range(1, 5))],
            "commits": [commit(n) for n in range(1, 206)],
            "pullrequests": [pull_request(1, "MERGED"), *(pull_request(n) for n in range(2, 6))],
            "pipelines": [*(pipeline(n) for n in range(1, 4)), pipeline(4, "RUNNING")],
            "deployments": [deployment(1), deployment(2)],
            "issues": [issue(1, "resolved"), *(issue(n) for n in range(2, 7))],
        }
        self.commits_of = {n: [commit(n), commit(n + 1)] for n in range(1, 6)}
        self.statuses = {n: [made.status(n)] for n in range(1, 4)}
        self.steps = {f"{{p{n}}}": [made.step(n), made.step(n, "FAILED")] for n in range(1, 5)}

    def expected(self) -> dict[str, int]:
        return {
            "core.repositories": 1, "core.branches": 5, "core.commits": 205,
            "core.change_requests": 5, "core.change_request_commits": 10, "core.reviews": 5,
            "core.checks": 3, "core.pipelines": 1, "core.builds": 4, "core.stages": 8,
            "core.deployments": 2, "core.issues": 6,
        }  # fmt: skip

    def change(self) -> Changed:
        self.lists["pipelines"][3] = pipeline(4, "FAILED") | {"completed_on": made.at(1000)}
        return Changed("core.builds", f"build_id = 'it:{REPOSITORY}#4'", "status", "failed")

    def delete(self) -> Changed:
        self.lists["branches"].pop()
        return Changed("core.branches", "branch = 'b4'", "is_deleted", True)


def page(world: World, count: int) -> dict[str, int]:
    world.lists["commits"] = [commit(n) for n in range(1, count + 1)]
    return {"core.repositories": 1, "core.commits": count}


CASE = Case(
    source=Bitbucket,
    world=World,
    main="backend/commits?",
    options=lambda url: {"url": url, "repositories": [REPOSITORY]},
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    second_run=9,
)
