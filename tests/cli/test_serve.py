"""Processes that are kept alive, told apart and ended; ports; one `golive up` a home."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from golive_cli.serve import ports, ready
from golive_cli.serve.running import AlreadyRunningError, only_one, running
from golive_cli.serve.services import LONGEST_SOCKET, Service, back, environment
from golive_cli.serve.supervisor import Supervisor
from golive_core.errors import ServiceError
from golive_core.settings import Ports, Settings

pytestmark = pytest.mark.slow

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"hello")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201); self.send_header("X-A", "b"); self.end_headers()
        self.wfile.write(body + self.headers.get("Cookie", "").encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", flush=True); time.sleep(600)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def python(name: str, code: str, *args: str, url: str = "") -> Service:
    return Service(name, name, (sys.executable, "-c", code, *args), url=url)


def server(port: int) -> Service:
    return python("server", SERVER, str(port), url=f"http://127.0.0.1:{port}/")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def test_a_service_becomes_ready_and_is_ended(logs: Path) -> None:
    async def play() -> tuple[int, float]:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        service = server(free_port())
        await supervisor.start(service)
        await supervisor.is_ready(service, 20)
        (pid,) = [child.pid for child in supervisor._children.values()]
        started = time.monotonic()
        await supervisor.close()
        return pid, time.monotonic() - started

    pid, took_s = asyncio.run(play())
    assert not psutil.pid_exists(pid)
    assert took_s < 5


def test_what_does_not_end_politely_is_killed_with_its_children(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golive_cli.serve.supervisor.GRACE_S", 1.0)

    async def play() -> list[psutil.Process]:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        service = python("stubborn", STUBBORN)
        await supervisor.start(service)
        while "up" not in supervisor.log_of(service).read_text():
            await asyncio.sleep(0.05)
        (pid,) = [child.pid for child in supervisor._children.values()]
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        await supervisor.close()
        return family

    family = asyncio.run(play())
    assert len(family) == 2
    assert [one for one in family if is_running(one)] == []


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_service_that_dies_is_started_again(logs: Path) -> None:
    async def play() -> None:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        service = server(free_port())
        await supervisor.start(service)
        await supervisor.is_ready(service, 20)
        (child,) = supervisor._children.values()
        child.kill()
        await child.wait()
        await asyncio.sleep(0.2)
        await supervisor.is_ready(service, 20)
        assert "started again" in supervisor.log_of(service).read_text()
        await supervisor.close()

    asyncio.run(play())


def test_one_that_dies_again_and_again_is_an_error_that_names_its_log(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golive_cli.serve.supervisor.RESTARTS", 1)

    async def play() -> None:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        await supervisor.start(python("broken", "raise SystemExit('no such table')"))
        try:
            await asyncio.wait_for(supervisor.failed, 20)
        finally:
            await supervisor.close()

    with pytest.raises(ServiceError, match=r"broken: died 2 times.*no such table.*broken\.log"):
        asyncio.run(play())


def test_one_that_never_answers_is_an_error_that_names_its_log(logs: Path) -> None:
    async def play() -> None:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        url = f"http://127.0.0.1:{free_port()}/"
        service = python("silent", "import time; time.sleep(60)", url=url)
        await supervisor.start(service)
        try:
            await supervisor.is_ready(service, 0.5)
        finally:
            await supervisor.close()

    with pytest.raises(ServiceError, match=r"silent: did not answer.*silent\.log"):
        asyncio.run(play())


def test_a_program_that_is_not_there_is_an_error(logs: Path) -> None:
    async def play() -> None:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        try:
            await supervisor.start(Service("none", "none", ("/no/such/program",)))
        finally:
            await supervisor.close()

    with pytest.raises(ServiceError, match="none: cannot be started"):
        asyncio.run(play())


PARENT = """
import asyncio, os, sys
from pathlib import Path
from golive_cli.serve.services import Service
from golive_cli.serve.supervisor import Supervisor
async def play():
    supervisor = Supervisor(Path(sys.argv[1]), os.environ)
    await supervisor.open()
    for name in ("one", "two"):
        await supervisor.start(Service(name, name, (sys.executable, "-c", sys.argv[2])))
    await asyncio.sleep(600)
asyncio.run(play())
"""


def test_a_parent_that_is_killed_leaves_nothing_behind(logs: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(logs), STUBBORN])
    until = time.monotonic() + 30
    while time.monotonic() < until and len(told(logs)) < 2:
        time.sleep(0.1)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) == 5  # the guard, two services, and a child of each
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [one for one in alive if is_running(one)] == []


def told(logs: Path) -> list[Path]:
    return [path for path in logs.glob("*.log") if "up" in path.read_text()]


def test_children_can_be_interrupted_even_if_the_parent_ignores_it(logs: Path) -> None:
    async def play() -> int:
        supervisor = Supervisor(logs, os.environ)
        await supervisor.open()
        child = await supervisor.run(python("child", "import time; print(1); time.sleep(600)"))
        assert child.stdout
        child.send_signal(signal.SIGINT)
        code = await child.wait()
        await supervisor.close()
        return code

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert asyncio.run(play()) in (1, 130, -signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------- asking


@pytest.fixture
def address() -> Iterator[str]:
    port = free_port()
    child = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    until = time.monotonic() + 20
    while not asyncio.run(ready.answers(url)) and time.monotonic() < until:
        time.sleep(0.05)
    yield url
    child.kill()
    child.wait()


def test_a_server_is_asked_by_get_and_post(address: str) -> None:
    assert asyncio.run(ready.get(address)).body == b"hello"
    posted = asyncio.run(ready.get(address, document={"a": 1}, cookie="c=d"))
    assert (posted.status, posted.header("x-a"), posted.body) == (201, "b", b'{"a": 1}c=d')


def test_nobody_there_is_an_empty_answer() -> None:
    answer = asyncio.run(ready.get(f"http://127.0.0.1:{free_port()}/"))
    assert (answer.status, answer.body, answer.header("x")) == (0, b"", "")


# ---------------------------------------------------------------- ports and homes


def test_a_port_in_use_is_named_with_its_program_and_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError) as caught:
            ports.require_free(Ports(gateway=port, dashboards=free_port(), dagster=free_port()))
    message = str(caught.value)
    assert f"port {port} is in use" in message
    assert f"(pid {os.getpid()})" in message
    assert "--port-gateway" in message
    assert f"GOLIVE_PORT_GATEWAY={port + 1}" in message


def test_ports_of_the_command_line_win(tmp_path: Path) -> None:
    found = Settings(tmp_path, tmp_path / ".golive")
    given = {"gateway": None, "dashboards": 9001, "dagster": None}
    assert ports.chosen(found, given) == Ports(8000, 9001, 3000)


def test_a_home_is_served_once(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with only_one(tmp_path, os.getpid(), Ports()):
        found = running(tmp_path)
        assert found
        assert (found.pid, found.ports["dagster"]) == (os.getpid(), 3000)
        with (
            pytest.raises(AlreadyRunningError, match=f"pid {os.getpid()}"),
            only_one(tmp_path, 1, Ports()),
        ):
            pass
    assert running(tmp_path) is None


def test_a_lock_of_a_dead_process_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "up.lock").touch()
    (tmp_path / "up.json").write_text('{"pid": 1, "ports": {}}')
    assert running(tmp_path) is None
    with only_one(tmp_path, os.getpid(), Ports()):
        assert running(tmp_path)


def test_the_code_servers_socket_is_short_even_where_the_home_is_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    back(Settings(deep, deep), Ports())
    workspace = (deep / "dagster" / "workspace.yaml").read_text()
    (path,) = [line.split(": ")[1] for line in workspace.splitlines() if "socket:" in line]
    assert len(path) <= LONGEST_SOCKET


def test_children_know_home_and_ports_and_send_no_telemetry(tmp_path: Path) -> None:
    found = environment(Settings(tmp_path, tmp_path / ".golive"), Ports(dagster=3333))
    assert found["GOLIVE_HOME"] == str(tmp_path / ".golive")
    assert found["DAGSTER_HOME"] == str(tmp_path / ".golive" / "dagster")
    assert (found["GOLIVE_PORT_DAGSTER"], found["GOLIVE_SIGN_IN"]) == ("3333", "1")
    assert found["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"
