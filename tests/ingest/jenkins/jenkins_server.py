"""A Jenkins on the loopback, for tests and the benchmark: answers in Jenkins' shapes, with faults.

The shapes are those of recorded answers (DevLake's fixtures, the plugins' own documentation). It
knows folders, multibranch projects, `tree` with ranges, stages, test reports, progressive logs,
crumbs and tokens. The wire and its faults are those of `tests/ingest/loopback.py`.

Alone it serves one job and prints its address: `python jenkins_server.py --builds 10000`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok, serving

__all__ = [
    "TESTS",
    "Jenkins",
    "Job",
    "agent",
    "build",
    "item",
    "one_job",
    "pipeline_build",
    "serving",
]

T0 = 1_760_000_000_000
"""Start of build 1 of every job, ms; one build a minute from there."""
RANGE = re.compile(r"allBuilds\[.*\]\{(\d+),(\d+)\}$", re.DOTALL)
PIPELINE = "org.jenkinsci.plugins.workflow.job.WorkflowRun"
FREESTYLE = "hudson.model.FreeStyleBuild"
SHA = "0f886c74949c3ee7e489188911c7dc0c1d547418"


def build(number: int, result: str | None = "SUCCESS", **more: object) -> dict[str, Any]:
    """Return a freestyle build as the JSON API tells it; `actions` are added to the usual ones."""
    actions = [
        {
            "_class": "hudson.model.CauseAction",
            "causes": [
                {
                    "_class": "hudson.model.Cause$UserIdCause", "userId": "ann", "userName": "Ann",
                    "shortDescription": "Started by user Ann",
                }
            ],
        },
        {},
        {
            "_class": "hudson.plugins.git.util.BuildData",
            "lastBuiltRevision": {
                "SHA1": f"{number:040x}", "branch": [{"name": "refs/remotes/origin/main"}],
            },
            "remoteUrls": ["https://git.example.org/shop.git"],
        },
        {"_class": "org.jenkinsci.plugins.displayurlapi.actions.RunDisplayAction"},
    ]  # fmt: skip
    return {
        "_class": FREESTYLE,
        "actions": [*more.pop("actions", []), *actions],
        "building": result is None,
        "duration": 0 if result is None else 60_000,
        "number": number,
        "result": result,
        "timestamp": T0 + number * 60_000,
        "url": f"https://ci.example.org/job/x/{number}/",
        "builtOn": "agent-1",
        **more,
    }


def pipeline_build(number: int, result: str | None = "SUCCESS", **more: object) -> dict[str, Any]:
    """Return a build of a pipeline."""
    return build(number, result, _class=PIPELINE, **more)


def agent(name: str, runs: int = 0, offline: str | None = None) -> dict[str, Any]:
    """Return an agent with two executors of which `runs` run a build."""
    executors = [{"currentExecutable": {"number": 7} if n < runs else None} for n in range(2)]
    return {
        "_class": "hudson.slaves.SlaveComputer", "assignedLabels": [{"name": "linux"},
        {"name": name}], "displayName": name, "executors": executors, "numExecutors": 2,
        "offline": offline is not None, "offlineCauseReason": offline or "",
        "oneOffExecutors": [], "temporarilyOffline": False,
    }  # fmt: skip


def item(number: int, job: str, why: str = "Waiting for next available executor") -> dict[str, Any]:
    """Return an item of the queue."""
    path = "/".join(f"job/{quote(part)}" for part in job.split("/"))
    return {
        "_class": "hudson.model.Queue$BuildableItem", "id": number, "blocked": False,
        "stuck": False, "why": why, "inQueueSince": T0 + number * 1000,
        "task": {"_class": FREESTYLE, "name": "x", "url": f"https://ci.example.org/{path}/"},
    }  # fmt: skip


TESTS = {
    "_class": "hudson.tasks.junit.TestResultAction", "failCount": 1, "skipCount": 1,
    "totalCount": 4, "urlName": "testReport",
}  # fmt: skip


@dataclass
class Job:
    """One job: builds newest first, and what hangs on them by number."""

    builds: list[dict[str, Any]] = field(default_factory=list)
    stages: dict[int, dict[str, Any]] = field(default_factory=dict)
    tests: dict[int, dict[str, Any]] = field(default_factory=dict)
    logs: dict[int, bytes] = field(default_factory=dict)
    growing: set[int] = field(default_factory=set)

    def add(self, *builds: dict[str, Any]) -> None:
        for one in builds:
            self.builds.insert(0, one)

    def find(self, number: int) -> dict[str, Any] | None:
        return next((one for one in self.builds if one["number"] == number), None)

    def finish(self, number: int, result: str = "SUCCESS") -> None:
        self.find(number).update(building=False, result=result, duration=90_000)

    def delete(self, number: int) -> None:
        self.builds = [one for one in self.builds if one["number"] != number]


@dataclass
class Jenkins(Loopback):
    """The state that is served."""

    jobs: dict[str, Job] = field(default_factory=dict)
    multibranch: set[str] = field(default_factory=set)
    agents: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def job(self, name: str, *builds: dict[str, Any]) -> Job:
        job = self.jobs.setdefault(name, Job())
        job.add(*builds)
        return job

    # ------------------------------------------------------------ answers

    def tree(self, folder: str, depth: int) -> dict[str, Any]:
        """Return a folder with `depth` levels below it; the level after them by name alone."""
        prefix = f"{folder}/" if folder else ""
        names = dict.fromkeys(
            name.removeprefix(prefix).partition("/")[0]
            for name in self.jobs
            if name.startswith(prefix)
        )
        kind = "jenkins.branch.MultiBranchProject" if folder else "hudson.model.Hudson"
        if folder in self.multibranch:
            kind = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
        return {"_class": kind, "jobs": [self.node(prefix + name, depth) for name in names]}

    def node(self, name: str, depth: int) -> dict[str, Any]:
        own = {"_class": "x", "name": name.rpartition("/")[2]}
        if depth == 0:
            return own
        if name in self.jobs:
            return own | self.heads(self.jobs[name])
        return own | self.tree(name, depth - 1)

    def heads(self, job: Job) -> dict[str, Any]:
        done = [one for one in job.builds if not one["building"]]
        last, first = (job.builds[0], job.builds[-1]) if job.builds else (None, None)
        return {
            "lastBuild": last and {"number": last["number"], "timestamp": last["timestamp"]},
            "lastCompletedBuild": {"number": done[0]["number"]} if done else None,
            "firstBuild": first and {"number": first["number"]},
        }

    def headers(self) -> dict[str, str]:
        return super().headers() | {"X-Jenkins": "2.479.1"}

    def answer(self, asked: Asked) -> Reply:
        path, query = asked.raw_path, asked.query
        if path == "crumbIssuer/api/json":
            return ok({"crumb": "c1", "crumbRequestField": "Jenkins-Crumb"})
        if path == "me/api/json":
            return ok({"id": "bot"}) if self.token else (403, b"anonymous", {})
        if path in ("computer/api/json", "queue/api/json"):
            return ok({"computer": self.agents} if path[0] == "c" else {"items": self.waiting})
        parts = re.findall(r"job/([^/]+)", path)
        name = "/".join(unquote(part) for part in parts)
        rest = re.sub(r"^(job/[^/]+/?)*", "", path)
        tree = query.get("tree", "")
        if rest == "api/json" and name not in self.jobs:
            depth = tree.count("jobs[") - 1
            is_folder = not name or any(one.startswith(f"{name}/") for one in self.jobs)
            return ok(self.tree(name, depth)) if is_folder else missing()
        if name not in self.jobs:
            return missing()
        return self.of_job(self.jobs[name], rest, query, tree)

    def of_job(self, job: Job, rest: str, query: dict[str, str], tree: str) -> Reply:
        if rest == "api/json":
            first, end = map(int, RANGE.search(tree).groups())
            return ok({"_class": "x", "allBuilds": job.builds[first:end]})
        if rest == "wfapi/runs":
            newest = [job.stages[b["number"]] for b in job.builds[:11] if b["number"] in job.stages]
            return ok(newest) if job.stages else missing()
        number, _, what = rest.partition("/")
        found = job.find(int(number)) if number.isdigit() else None
        if not found:
            return missing()
        return self.of_build(job, found, what, query)

    def of_build(self, job: Job, found: dict[str, Any], what: str, query: dict[str, str]) -> Reply:
        number = found["number"]
        if what == "api/json":
            return ok(found)
        if what == "wfapi/describe" and number in job.stages:
            return ok(job.stages[number])
        if what == "testReport/api/json" and number in job.tests:
            return ok(job.tests[number])
        if what == "logText/progressiveText":
            text, start = job.logs.get(number, b""), int(query["start"])
            more = {"X-More-Data": "true"} if number in job.growing else {}
            kind = {"Content-Type": "text/plain;charset=utf-8", "X-Text-Size": str(len(text))}
            return 200, text[start:], kind | more
        return missing()


def one_job(builds: int) -> Jenkins:
    """Return a Jenkins with one freestyle job: a failure every 7 builds, some unstable."""
    results = ["SUCCESS"] * 5 + ["FAILURE", "UNSTABLE"]
    jenkins = Jenkins()
    jenkins.job("shop/build", *(build(n, results[n % 7]) for n in range(1, builds + 1)))
    return jenkins


async def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--builds", type=int, default=10_000)
    options.add_argument("--latency", type=float, default=0.02)
    given = options.parse_args()
    jenkins = one_job(given.builds)
    jenkins.latency_s, jenkins.zips = given.latency, False
    server = await asyncio.start_server(jenkins.serve, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
