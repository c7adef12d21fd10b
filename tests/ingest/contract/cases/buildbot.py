"""Buildbot, in the shapes that a real one answered: builders, builds, steps, logs, workers, queue.

What the filters mean, and which there are, is as the real server in `tests/ingest/buildbot` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.buildbot import PAGE, Buildbot

T0 = 1_760_000_000
NEWEST = 20
"""Of so many builds the first read asks for the steps."""
LOG = "hpython -m pytest\noone\neValueError: boom\nhprogram finished with exit code 1\n"
Json = dict[str, Any]


@dataclass
class World(Loopback):
    """Builders with ended builds, a running one, a failure with its log; a worker and a queue."""

    builders: list[Json] = field(default_factory=list)
    builds: list[Json] = field(default_factory=list)
    workers: list[Json] = field(default_factory=list)
    waiting: list[Json] = field(default_factory=list)
    filled: int = 0

    def fill(self) -> None:
        self.builder("shop-test")
        self.builder("shop-ship")
        for _ in range(2 * PAGE + 20):
            self.build(1, 0)
        self.build(2, 2)
        self.build(2, None)
        self.filled = len(self.builds) - NEWEST
        on = [{"masterid": 1, "builderid": 1}]
        self.workers = [
            worker(1, "one", connected_to=[{"masterid": 1}], configured_on=on),
            worker(2, "two", paused=True, pause_reason="disk", configured_on=on),
        ]
        self.waiting = [request(90_000, 2, claimed=False), request(90_001, 1, claimed=False)]

    def builder(self, name: str) -> None:
        number = len(self.builders) + 1
        self.builders.append({"builderid": number, "name": name, "masterids": [1], "tags": []})

    def build(self, builder: int, results: int | None) -> Json:
        number = len(self.builds) + 1
        name = self.builders[builder - 1]["name"]
        one = {
            "buildid": number, "number": number, "builderid": builder, "buildrequestid": number,
            "workerid": 1, "masterid": 1, "started_at": T0 + 60 * number,
            "complete": results is not None, "results": results, "locks_duration_s": 0,
            "complete_at": None if results is None else T0 + 60 * number + 30,
            "state_string": "build successful",
            "properties": {
                "buildername": [name, "Builder"], "workername": ["one", "Worker"],
                "branch": ["main", "Build"], "revision": [f"{number:040x}", "Build"],
                "owners": [["ann"], "Build"], "scheduler": ["main", "Scheduler"],
            },
        }  # fmt: skip
        self.builds.append(one)
        return one

    def expected(self) -> dict[str, int]:
        read = [one for one in self.builds if one["complete"] and one["buildid"] > self.filled]
        return {
            "core.pipelines": 2, "core.builds": len(self.builds), "core.stages": 2 * len(read),
            "core.log_lines": 4 * sum(1 for one in read if one["results"]),
            "core.runners": 2, "core.queue_items": 2,
        }  # fmt: skip

    def change(self) -> Changed:
        running = self.builds[-1]
        running |= {"complete": True, "complete_at": T0 + 10**6, "results": 4, "number": 1022}
        return Changed("core.builds", "build_id = 'it:shop-ship#1022'", "status", "error")

    def delete(self) -> Changed:
        self.builders[0]["masterids"] = []
        return Changed("core.pipelines", "pipeline_id = 'it:shop-test'", "is_deleted", True)

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("api/v2/")
        first, _, rest = path.partition("/")
        if path == "config":
            return ok({"versions": [["Buildbot", "4.3.0"]], "user": {"anonymous": True}})
        lists = {
            "builders": self.builders, "builds": self.builds, "workers": self.workers,
            "buildrequests": self.requests(), "buildsets": self.sets(),
        }  # fmt: skip
        if path in lists:
            return ok({path: chosen(lists[path], asked.query), "meta": {}})
        if rest.endswith("/steps"):
            return self.steps(int(rest.split("/")[0]))
        if first == "steps" and rest.endswith("/logs"):
            log = {"logid": int(rest.split("/")[0]), "name": "stdio", "num_lines": 4, "type": "s"}
            return ok({"logs": [{**log, "slug": "stdio", "complete": True}], "meta": {}})
        if first == "logs":
            chunk = {"logid": 1, "firstline": int(asked.query["offset"]), "content": LOG}
            return ok({"logchunks": [chunk], "meta": {}})
        return missing()

    def requests(self) -> list[Json]:
        of_builds = [request(one["buildrequestid"], one["builderid"]) for one in self.builds]
        return [*of_builds, *self.waiting]

    def sets(self) -> list[Json]:
        stamp = {"codebase": "", "branch": "main", "repository": "", "revision": "a" * 40}
        return [
            {
                "bsid": one["buildsetid"], "sourcestamps": [stamp], "parent_buildid": None,
                "reason": "The SingleBranchScheduler scheduler named 'main' triggered this build",
            }
            for one in self.requests()
        ]  # fmt: skip

    def steps(self, build: int) -> Reply:
        found = self.builds[build - 1]
        return ok({
            "steps": [
                step(2 * build, 0, found, 0), step(2 * build + 1, 1, found, found["results"]),
            ],
            "meta": {},
        })  # fmt: skip


def step(key: int, number: int, build: Json, results: int) -> Json:
    return {
        "stepid": key, "number": number, "name": ("prepare", "test")[number],
        "buildid": build["buildid"], "started_at": build["started_at"], "results": results,
        "complete": True, "complete_at": build["complete_at"], "hidden": False, "urls": [],
    }  # fmt: skip


def request(key: int, builder: int, *, claimed: bool = True) -> Json:
    return {
        "buildrequestid": key, "buildsetid": key, "builderid": builder, "claimed": claimed,
        "complete": claimed, "submitted_at": T0 + 60 * key - 5, "priority": 0,
    }  # fmt: skip


def worker(key: int, name: str, **more: object) -> Json:
    return {
        "workerid": key, "name": name, "paused": False, "pause_reason": None, "graceful": False,
        "connected_to": [], "configured_on": [], "workerinfo": {"version": "4.3.0"}, **more,
    }  # fmt: skip


COMPARE = {"ge": int.__ge__, "le": int.__le__, "lt": int.__lt__}


def chosen(found: list[Json], query: dict[str, str]) -> list[Json]:
    """Return what the filters, the order and the page of a query leave."""
    for name, value in query.items():
        key, _, operator = name.partition("__")
        if name in ("complete", "claimed"):
            found = [one for one in found if one[name] == (value == "true")]
        elif operator:
            found = [one for one in found if COMPARE[operator](one[key] or 0, int(value))]
    order = query.get("order", "")
    if order:
        key = order.removeprefix("-")
        found = sorted(found, key=lambda one: one[key] or 0, reverse=order.startswith("-"))
    first = int(query.get("offset", 0))
    return found[first : first + int(query.get("limit", len(found)))]


def page(world: World, count: int) -> dict[str, int]:
    world.builder("shop-test")
    for _ in range(count):
        world.build(1, 0)
    return {"core.pipelines": 1, "core.builds": count, "core.stages": 2 * NEWEST}


CASE = Case(
    source=Buildbot,
    world=World,
    main="api/v2/builds?",
    options=lambda url: {"url": url, "newest": NEWEST},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=PAGE,
    second_run=3,
)
