"""A Jenkins on the loopback, for tests and the benchmark: answers in Jenkins' shapes, with faults.

The shapes are those of recorded answers (DevLake's fixtures, the plugins' own documentation). It
knows folders, multibranch projects, `tree` with ranges, stages, test reports, progressive logs,
crumbs and tokens. Faults are planned per path: `jenkins.fault("job/a/api", "reset", times=2)`.

Alone it serves one job and prints its address: `python jenkins_server.py --builds 10000`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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
class Fault:
    """What goes wrong `times` times for requests whose path and query contain `where`."""

    where: str
    kind: str
    times: int = 1
    seconds: float = 1.0


@dataclass
class Jenkins:
    """The state that is served; `seen` are the requests (path with query, decoded)."""

    jobs: dict[str, Job] = field(default_factory=dict)
    multibranch: set[str] = field(default_factory=set)
    latency_s: float = 0.0
    token: str | None = None
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    clock_s: float = 0.0
    zips: bool = True
    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)

    def job(self, name: str, *builds: dict[str, Any]) -> Job:
        job = self.jobs.setdefault(name, Job())
        job.add(*builds)
        return job

    def fault(self, where: str, kind: str, times: int = 1, seconds: float = 1.0) -> None:
        self.faults.append(Fault(where, kind, times, seconds))

    def asked(self, part: str) -> list[str]:
        return [path for path in self.seen if part in path]

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

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers."""
        if path == "crumbIssuer/api/json":
            return ok({"crumb": "c1", "crumbRequestField": "Jenkins-Crumb"})
        if path == "me/api/json":
            return ok({"id": "bot"}) if self.token else (403, b"anonymous", {})
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

    def of_job(
        self, job: Job, rest: str, query: dict[str, str], tree: str
    ) -> tuple[int, bytes, dict[str, str]]:
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

    def of_build(
        self, job: Job, found: dict[str, Any], what: str, query: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
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

    # ------------------------------------------------------------ wire

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self.reply(head.decode(), writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def reply(self, head: str, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection goes on."""
        target = head.split(" ", 2)[1]
        split = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        shown = (
            unquote(split.path).lstrip("/") + "?" + "&".join(f"{k}={v}" for k, v in query.items())
        )
        self.seen.append(shown)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        fault = self.next_fault(shown)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        status, body, headers = self.checked(head, split.path.lstrip("/"), query)
        if fault and fault.kind.isdigit():
            status, body = int(fault.kind), b"trouble"
            headers = {"Retry-After": str(int(fault.seconds))} if status == 429 else {}
        if fault and fault.kind == "login":
            status, body = 200, b"<!DOCTYPE html><html><title>Sign in [Jenkins]</title></html>"
            headers = {"Content-Type": "text/html;charset=utf-8"}
        if fault and fault.kind == "reset":
            writer.transport.abort()
            return False
        if fault and fault.kind == "half":
            body = body[: len(body) // 2]
        wire = self.wire(head, status, body, headers)
        if fault and fault.kind == "cut":
            writer.write(wire[: len(wire) - 5])
            await writer.drain()
            return False
        writer.write(wire)
        await writer.drain()
        return True

    def next_fault(self, shown: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.where in shown:
                fault.times -= 1
                return fault
        return None

    def checked(
        self, head: str, path: str, query: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        given = re.search(r"(?im)^authorization: basic (\S+)", head)
        secret = base64.b64decode(given.group(1)).decode().partition(":")[2] if given else None
        if self.token and secret != self.token:
            return (401 if given else 403), b"wrong token", {"Content-Type": "text/plain"}
        return self.answer(path, query)

    def wire(self, head: str, status: int, body: bytes, headers: dict[str, str]) -> bytes:
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "X-Jenkins": "2.479.1",
        } | headers
        if self.zips and "gzip" in head and len(body) > 1000:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        headers |= {
            "Content-Length": str(len(body)),
            "Date": formatdate(time.time() + self.clock_s, usegmt=True),
        }
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


def ok(value: object) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(value).encode(), {}


def missing() -> tuple[int, bytes, dict[str, str]]:
    return 404, b"<html>Not found", {"Content-Type": "text/html"}


@contextmanager
def serving(jenkins: Jenkins) -> Iterator[Jenkins]:
    """Serve `jenkins` from a thread at `jenkins.url`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(jenkins.serve, "127.0.0.1", 0), loop
    ).result()
    jenkins.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield jenkins
    finally:

        async def stop() -> None:
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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
