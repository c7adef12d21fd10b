"""The front door with a real nginx before a real gateway, real dashboards and a real Dagster.

Nobody without a session gets anything of what stands behind: no page, no websocket, no GraphQL.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from golive_cli.serve import services
from golive_core import access, settings
from golive_core.settings import Ports

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "golive.test"
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Door:
    """A running front door: where it is, and what a request has to say to come in."""

    port: int
    home: Path
    folder: Path

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        url = f"https://127.0.0.1:{self.port}{path}"
        headers = {"host": f"{DOMAIN}:{self.port}", **more.pop("headers", {})}
        with httpx.Client(verify=context, trust_env=False) as client:
            return client.request(
                method, url, headers=headers, extensions={"sni_hostname": DOMAIN}, timeout=30,
                **more,
            )  # fmt: skip

    def upgrade(self, path: str, **headers: str) -> str:
        """Ask for a websocket; return the status line and the headers of the answer."""
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {
            "Host": f"{DOMAIN}:{self.port}", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
            "Origin": f"https://{DOMAIN}:{self.port}", **headers,
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=DOMAIN) as secure,
        ):
            secure.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            return secure.recv(4096).decode(errors="replace")

    def token(self, purpose: access.Purpose) -> str:
        """Return a token of the home that is served: tests run without its variables."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GOLIVE_HOME", str(self.home))
            return access.make_token(purpose)

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{access.COOKIE}={self.token('session')}"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        message = "nginx is missing: apt-get install nginx-light"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    folder = tmp_path_factory.mktemp("door")
    folder.chmod(0o755)
    home, port = folder / ".golive", free_port()
    (folder / "golive.toml").write_text(
        f'[gateway]\nurl = "https://{DOMAIN}:{port}"\nrequests = "100000/minute"\n'
        'refusals = "100000/minute"\nsign_ins = "1000/minute"\n'
    )
    known = settings.load(folder)
    ports = Ports(free_port(), free_port(), free_port())
    running: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLIVE_HOME", str(home))
        patch.setenv("GOLIVE_BASE", str(folder))
        environment = {
            **services.environment(settings.load(folder), ports), "GOLIVE_HOME": str(home),
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        try:
            running.extend(
                start(one.command, environment, folder, one.folder)
                for one in services.front(known, ports)
            )
            running.append(start((sys.executable, "-c", DAGSTER, str(ports.dagster)), environment,
                                 folder, None))  # fmt: skip
            certificate(folder)
            configure(folder, port, ports)
            command = (str(nginx), "-c", str(folder / "run" / "nginx.conf"), "-g", "daemon off;")
            running.append(start(command, environment, folder, None))
            for waited in (ports.gateway, ports.dashboards, ports.dagster, port):
                listening(waited, folder)
            yield Door(port, home, folder)
        finally:
            for process in reversed(running):
                process.terminate()
            for process in running:
                process.wait(20)


# Dagster's own webserver over an empty repository: the real pages and the real GraphQL.
DAGSTER = """
import sys
from pathlib import Path
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_webserver.cli import main
import dagster
home = Path(__import__("os").environ["DAGSTER_HOME"]); home.mkdir(parents=True, exist_ok=True)
(home / "empty.py").write_text("import dagster\\ndefs = dagster.Definitions()\\n")
sys.argv = ["dagster-webserver", "--host", "127.0.0.1", "--port", sys.argv[1], "--path-prefix",
            "/dagster", "--python-file", str(home / "empty.py")]
main()
"""


def start(command, environment, folder: Path, where: Path | None) -> subprocess.Popen[bytes]:
    path = folder / f"{Path(command[0]).name}-{abs(hash(command)) % 9999}.log"
    with path.open("wb") as log:
        return subprocess.Popen(
            command, env=environment, cwd=where or folder, stdout=log, stderr=log
        )


def certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
         "-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}"],
        check=True, capture_output=True,
    )  # fmt: skip


def configure(folder: Path, port: int, ports: Ports) -> None:
    made = subprocess.run(
        [str(ROOT / "deploy" / "nginx" / "make.sh"), DOMAIN, str(folder / "cert.pem"),
         str(folder / "key.pem"), str(folder / "run")],
        env={
            "PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}",
            "LISTEN_HTTP": f"127.0.0.1:{free_port()}", "GOLIVE_PORT_GATEWAY": str(ports.gateway),
            "GOLIVE_PORT_DASHBOARDS": str(ports.dashboards),
            "GOLIVE_PORT_DAGSTER": str(ports.dagster),
        },
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "nginx -t" in made.stdout


def listening(port: int, folder: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    logs = "\n".join(f"{one.name}: {one.read_text()[-2000:]}" for one in folder.glob("*.log"))
    pytest.fail(f"nothing listens on {port}\n{logs}")


BEHIND = (
    "/", "/builds", "/_stcore/health", "/_stcore/host-config", "/static/js/index.js", "/media/x",
    "/dagster", "/dagster/", "/dagster/server_info", "/dagster/graphql", "/dagster/logs/x",
    "/dagster/graphql?query={version}", "//", "/%2e%2e/builds", "/dagster/../builds",
)  # fmt: skip


@pytest.mark.parametrize("path", BEHIND)
def test_nobody_gets_past_without_a_session(door: Door, path: str) -> None:
    answer = door.ask("GET", path)
    assert answer.status_code in (303, 400, 401), answer.text[:200]
    assert "streamlit" not in answer.text.lower()
    if answer.status_code == 303:
        assert "/sign-in?to=" in answer.headers["location"]


@pytest.mark.parametrize("cookie", ["", "x", "session.9999999999.a.b", "link.9999999999.a.b"])
def test_a_session_that_is_none_opens_nothing(door: Door, cookie: str) -> None:
    headers = {"cookie": f"{access.COOKIE}={cookie}"}
    assert door.ask("GET", "/", headers=headers).status_code == 303
    assert door.ask("POST", "/dagster/graphql", headers=headers, json={}).status_code == 401


@pytest.mark.parametrize(
    "header", ["X-GoLive-User", "X-GoLive-Role", "X-Forwarded-User", "Remote-User", "Forwarded"]
)
def test_saying_who_one_is_opens_nothing(door: Door, header: str) -> None:
    answer = door.ask("GET", "/", headers={header: "admin", "X-Original-URI": "/sign-in"})
    assert answer.status_code == 303


@pytest.mark.parametrize("path", ["/_stcore/stream", "/dagster/graphql"])
def test_no_websocket_opens_without_a_session(door: Door, path: str) -> None:
    assert " 401 " in door.upgrade(path).splitlines()[0]
    forged = door.upgrade(path, **{"X-GoLive-User": "admin", "Cookie": f"{access.COOKIE}=x"})
    assert " 401 " in forged.splitlines()[0]


def test_a_session_sees_dashboards_and_dagster(door: Door) -> None:
    page = door.ask("GET", "/", headers=door.cookie)
    assert page.status_code == 200
    assert "<!doctype html>" in page.text.lower()
    assert page.headers["strict-transport-security"].startswith("max-age=")
    told = door.ask("GET", "/dagster/server_info", headers=door.cookie)
    assert told.json()["dagster_version"]
    asked = door.ask("POST", "/dagster/graphql", headers=door.cookie, json={"query": "{ version }"})
    assert asked.json()["data"]["version"]


def test_a_session_opens_the_websockets(door: Door) -> None:
    assert " 101 " in door.upgrade("/_stcore/stream", Cookie=door.cookie["cookie"])
    opened = door.upgrade(
        "/dagster/graphql", **{"Cookie": door.cookie["cookie"],
                               "Sec-WebSocket-Protocol": "graphql-ws"},
    )  # fmt: skip
    assert " 101 " in opened


def test_another_site_cannot_open_a_websocket_with_the_cookie(door: Door) -> None:
    answer = door.upgrade(
        "/_stcore/stream", Cookie=door.cookie["cookie"], Origin="https://evil.example"
    )
    assert " 101 " not in answer.splitlines()[0]


def test_the_link_signs_in_through_the_door(door: Door) -> None:
    answer = door.ask("GET", "/sign-in", params={"token": door.token("link")})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://{DOMAIN}:{door.port}/"
    cookie = answer.headers["set-cookie"].lower()
    assert "secure" in cookie
    assert "httponly" in cookie


def test_what_is_for_this_machine_alone_stays_inside(door: Door) -> None:
    for path in ("/metrics", "/health/ready", "/auth/dashboards", "/@auth/dashboards"):
        assert door.ask("GET", path, headers=door.cookie).status_code == 404, path
    assert door.ask("GET", "/health/live").json()["status"] == "ok"


def test_only_tls_1_3_is_spoken(door: Door) -> None:
    old = ssl.create_default_context(cafile=str(door.folder / "cert.pem"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain, server_hostname=DOMAIN)


def test_webhooks_and_uploads_reach_the_gateway(door: Door) -> None:
    assert door.ask("POST", "/webhooks/nobody", content=b"{}").status_code in (401, 404)
    assert door.ask("POST", "/v1/reports?project=x", content=b"x").status_code == 401


def test_guessing_sign_ins_is_slowed_down_at_the_door(door: Door) -> None:
    codes = {door.ask("GET", "/sign-in?token=guess").status_code for _ in range(40)}
    assert 429 in codes
