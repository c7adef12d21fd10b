"""GitLab, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "gitlab"))

from contract_case import Case, Changed
from gitlab_server import (
    PROJECT,
    at,
    branch,
    case_of,
    commit,
    deployment,
    issue,
    job,
    member,
    merge_request,
    milestone,
    pipeline,
    reported,
)
from gitlab_server import Gitlab as Server

from ingest.sources.gitlab import Gitlab


@dataclass
class World(Server):
    """Something in every list; commits are the long one."""

    def fill(self) -> None:
        self.lists = {
            "branches": [branch("main", 205), *(branch(f"b{n}", n) for n in range(1, 5))],
            "commits": [commit(n) for n in range(1, 206)],
            "merge_requests": [merge_request(n) for n in range(1, 6)],
            "pipelines": [*(pipeline(n) for n in range(1, 4)), pipeline(4, "running")],
            "deployments": [deployment(1), deployment(2, "running")],
            "issues": [issue(n) for n in range(1, 7)],
            "milestones": [milestone(1), milestone(2)],
            "all": [member(n) for n in range(1, 4)],
        }
        self.commits_of = {n: [commit(n), commit(n + 1)] for n in range(1, 6)}
        retried = [job(1, "rspec", "failed"), job(2, "lint"), job(3, "rspec")]
        self.jobs = {500 + n: retried for n in range(1, 5)}
        report = reported(case_of("adds", "success"), case_of("pays", "failed"))
        self.reports = {501: report, 502: report}

    def expected(self) -> dict[str, int]:
        return {
            "core.repositories": 1, "core.branches": 5, "core.commits": 205,
            "core.change_requests": 5, "core.change_request_commits": 10, "core.pipelines": 1,
            "core.builds": 4, "core.stages": 12, "core.tests": 2, "core.test_results": 4,
            "core.failures": 1, "core.deployments": 2, "core.issues": 6, "core.sprints": 2,
            "core.sprint_issues": 3, "core.accounts": 3,
        }  # fmt: skip

    def change(self) -> Changed:
        self.lists["pipelines"][3] |= pipeline(4, "failed") | {"updated_at": at(1000)}
        return Changed("core.builds", f"build_id = 'it:{PROJECT}#4'", "status", "failed")

    def delete(self) -> Changed:
        self.lists["branches"].pop()
        return Changed("core.branches", "branch = 'b4'", "is_deleted", True)


def page(world: World, count: int) -> dict[str, int]:
    world.lists["commits"] = [commit(n) for n in range(1, count + 1)]
    return {"core.repositories": 1, "core.commits": count}


CASE = Case(
    source=Gitlab,
    world=World,
    main="repository/commits?",
    options=lambda url: {"url": url, "repositories": [PROJECT]},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    second_run=9,
)
