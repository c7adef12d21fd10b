"""GitHub, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "github"))

from contract_case import Case, Changed
from github_server import (
    REPORT,
    REPOSITORY,
    artifact,
    at,
    check_run,
    commit,
    deployed,
    deployment,
    issue,
    milestone,
    pull,
    release,
    run,
    sha,
    status,
    zipped,
)
from github_server import Github as Server

from ingest.sources.github import Github

COMMITS, RUNS, PULLS, CHECKED = 250, 12, 4, 5


@dataclass
class World(Server):
    """One repository with something in every list."""

    def fill(self) -> None:
        self.commits = [commit(n) for n in range(COMMITS, 0, -1)]
        self.heads = {f"b{n}": sha(n) for n in range(23)} | {"main": sha(COMMITS)}
        self.tags = {"v1": sha(1), "v2": sha(2)}
        self.pulls = {n: pull(n, is_open=n == 1) for n in range(1, PULLS + 1)}
        self.runs = {one["id"]: one for one in (run(n) for n in range(1, RUNS + 1))}
        self.runs[5007], self.earlier[5007, 1] = run(7, attempt=2), run(7, "failure")
        self.artifacts = {5007: [artifact(1, "test-results", at(9)), artifact(2, "app", at(108))]}
        self.zips_by_id = {1: zipped(cart=REPORT)}
        for n in range(COMMITS - CHECKED + 1, COMMITS + 1):
            self.check_runs[sha(n)] = [check_run(n, sha(n))]
        self.statuses[sha(COMMITS)] = [status("ci/jenkins", "success")]
        self.deployments = {
            600 + n: (deployment(n), [deployed(20 + n, "success", n + 2)]) for n in range(5)
        }
        self.milestones = [milestone(1), milestone(2)]
        self.issues = {n: issue(n, self.milestones[0]) for n in range(50, 60)}
        self.releases = [release(1), release(2)]
        self.members = ["mona", "hubot", "dependabot[bot]"]

    def expected(self) -> dict[str, int]:
        return {
            "core.repositories": 1, "core.branches": 24 + 2, "core.commits": COMMITS,
            "core.change_requests": PULLS, "core.change_request_commits": 2 * PULLS,
            "core.reviews": PULLS, "core.pipelines": 1, "core.builds": RUNS + 1,
            "core.stages": 3 * (RUNS + 1), "core.artifacts": 2, "core.log_lines": 2,
            "core.tests": 2, "core.test_results": 2, "core.failures": 1,
            "core.checks": CHECKED + 1, "core.deployments": 5, "core.issues": 10,
            "core.sprints": 2, "core.sprint_issues": 10, "core.releases": 2, "core.accounts": 3,
        }  # fmt: skip

    def change(self) -> Changed:
        self.pulls[3] |= {"title": "y", "updated_at": at(5000)}
        return Changed("core.change_requests", "number = 3", "title", "y")

    def delete(self) -> Changed:
        del self.heads["b11"]
        return Changed("core.branches", "branch = 'b11'", "is_deleted", True)


def page(world: World, count: int) -> dict[str, int]:
    world.commits = [commit(n) for n in range(count, 0, -1)]
    return {"core.commits": count, "core.repositories": 1, "core.accounts": 1}


CASE = Case(
    source=Github,
    world=World,
    main=f"repos/{REPOSITORY}/commits?",
    options=lambda url: {"url": url, "repositories": ["Acme/Shop"], "checks": CHECKED},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    second_run=15,
)
