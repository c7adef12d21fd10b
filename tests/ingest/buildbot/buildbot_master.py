"""A real Buildbot master with a worker of its own, in a folder: started, driven over REST, ended.

Its own accounts guard the whole API: whoever is not signed in may read nothing. Builders: `pass`
leaves a JUnit report as a log, `fail` ends with a Python traceback, `slow` waits until it is let
go, `warn` has warnings, `push` is started by changes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

USER, PASSWORD = "bot", "right-token"
START_S = 60.0
CONFIG = '''
import sys
from buildbot.plugins import schedulers, steps, util, worker

JUNIT = """<testsuite name="shop" tests="2" failures="1">
<testcase classname="shop.cart" name="test_sum" time="0.5"/>
<testcase classname="shop.cart" name="test_tax" time="0.25"><failure message="1 != 2">boom</failure>
</testcase></testsuite>"""
REPORT = f"open('junit.xml', 'w').write({{JUNIT!r}}); print('ran 2 tests')"
TRACE = "print('one')\\ndef tax(): raise ValueError('no rate for XX')\\ntax()"
WAIT = """import os, time
print('waits', flush=True)
while not os.path.exists({go!r}): time.sleep(0.05)"""


def run(name, code, **more):
    return steps.ShellCommand(name=name, command=[sys.executable, "-c", code], **more)


def builder(name, *parts):
    return util.BuilderConfig(name=name, workernames=["local"], factory=util.BuildFactory(parts))


PARTS = {{
    "pass": [run("compile", "1"), run("test", REPORT, logfiles={{"junit.xml": "junit.xml"}})],
    "fail": [run("compile", "1"), run("test", TRACE, haltOnFailure=True), run("ship", "1")],
    "slow": [run("wait", WAIT)],
    "warn": [run("lint", "import sys; sys.exit(1)", warnOnFailure=True, flunkOnFailure=False)],
    "push": [run("compile", "print('ok')")],
}}
c = BuildmasterConfig = {{
    "workers": [worker.LocalWorker("local", max_builds=1)],
    "protocols": {{"pb": {{"port": "tcp:0:interface=127.0.0.1"}}}},
    "builders": [builder(name, *parts) for name, parts in PARTS.items()],
    "schedulers": [
        schedulers.ForceScheduler(name="force", builderNames=list(PARTS)),
        schedulers.SingleBranchScheduler(
            name="main", change_filter=util.ChangeFilter(branch="main"), builderNames=["push"]),
    ],
    "www": {{
        "port": "tcp:{port}:interface=127.0.0.1",
        "auth": util.UserPasswordAuth({{"{user}": "{password}"}}),
        "authz": util.Authz(
            allowRules=[util.AnyEndpointMatcher(role="people", defaultDeny=True)],
            roleMatchers=[util.RolesFromUsername(roles=["people"], usernames=["{user}"])]),
        "change_hook_dialects": {{"base": True}},
    }},
    "buildbotURL": "http://127.0.0.1:{port}/",
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
'''


@dataclass
class Master:
    """A running master; `client` is signed in."""

    url: str
    go: Path
    client: httpx.Client
    builders: dict[str, int] = field(default_factory=dict)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(f"api/v2/{path}")
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, method: str, **params: object) -> Any:
        body = {"jsonrpc": "2.0", "method": method, "id": 1, "params": params}
        answer = self.client.post(f"api/v2/{path}", json=body)
        answer.raise_for_status()
        return answer.json()["result"]

    def force(self, builder: str, **params: object) -> int:
        """Ask for a build and return the id of its request."""
        given = {"builderid": self.builders[builder], **params}
        _, requests = self.post("forceschedulers/force", "force", **given)
        return int(requests[str(self.builders[builder])])

    def build_of(self, request: int) -> dict[str, Any] | None:
        found = self.get(f"buildrequests/{request}/builds")["builds"]
        return found[0] if found else None

    def started(self, request: int) -> dict[str, Any]:
        return waited(lambda: self.build_of(request), f"request {request} begins")

    def ended(self, request: int) -> dict[str, Any]:
        def done() -> dict[str, Any] | None:
            found = self.build_of(request)
            return found if found and found["complete"] else None

        return waited(done, f"request {request} ends")

    def log(self, build: dict[str, Any], step: str) -> str:
        """Return what the master has of a step's output; workers send it every five seconds."""
        path = f"api/v2/builds/{build['buildid']}/steps/{step}/logs/stdio/raw_inline"
        return self.client.get(path).text

    def change(self, **given: str) -> None:
        """Tell of a change, as a hook of a repository does."""
        self.client.post("change_hook/base", data=given).raise_for_status()


def waited(look: Callable[[], Any], what: str, seconds: float = START_S) -> Any:
    """Return what `look` finds in the end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running(folder: Path) -> Iterator[Master]:
    """Make a master in `folder`, run it, and end it with all its processes."""
    port, go = free_port(), folder / "go"
    command = [str(Path(sys.executable).parent / "buildbot")]
    config = CONFIG.format(port=port, user=USER, password=PASSWORD, go=str(go))
    subprocess.run([*command, "create-master", "-q", str(folder)], check=True, timeout=START_S)
    (folder / "master.cfg").write_text(config)
    log = (folder / "out.log").open("wb")
    process = subprocess.Popen(
        [*command, "start", "--nodaemon", str(folder)], stdout=log, stderr=log,
        start_new_session=True, cwd=folder,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, headers={"Accept": "application/json"}) as client:
            waited(lambda: is_up(client, process, folder), "the master answers")
            client.get("auth/login", auth=(USER, PASSWORD))
            master = Master(url, go, client)
            master.builders = {
                one["name"]: one["builderid"] for one in master.get("builders")["builders"]
            }
            yield master
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def is_up(client: httpx.Client, process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError((folder / "out.log").read_text()[-3000:])
    try:
        return client.get("api/v2/").status_code == 403
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    with running(Path(sys.argv[1])) as here:
        sys.stdout.write(json.dumps({"url": here.url}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
