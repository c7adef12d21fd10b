"""Two gateways with homes of their own, one PostgreSQL behind them and one nginx before them.

Events go on coming while both are restarted one after the other, and one is killed: none is lost,
doubled or even refused. Who signs in at one is signed in at the other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from golive_cli.serve import services
from golive_core import access, settings
from golive_core.accounts import Accounts
from golive_core.database.postgres import close
from golive_core.inbox import Inbox
from golive_core.settings import Ports
from golive_core.tokens import Tokens
from tests import postgres
from tests.gateway.test_front_door import certificate, free_port, listening, start

ROOT = Path(__file__).resolve().parents[2]
DOMAIN, SECRET, PASSWORD = "golive.test", "a-webhook-secret", "correct horse battery"
THREADS = 4
TOML = """
[project.shop]
[source.hub]
type = "github"
project = "shop"
repositories = ["team/shop"]
webhook_secret = "env:HUB_SECRET"
[gateway]
url = "https://{domain}:{port}"
refusals = "100000/minute"
sign_ins = "1000/minute"
[database]
url = "env:DATABASE_URL"
"""
pytestmark = pytest.mark.slow


@dataclass
class Side:
    """One gateway: its port, its home, and its process."""

    folder: Path
    home: Path
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        known = settings.parse(
            (self.folder / "golive.toml").read_bytes(), base=self.folder, home=self.home
        )
        ports = Ports(gateway=self.port)
        (gateway,) = [one for one in services.front(known, ports) if one.name == "gateway"]
        environment = {**services.environment(known, ports), **self.environment}
        self.process = start(gateway.command, environment, self.folder, None)
        listening(self.port, self.folder)

    def end(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(30)

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        headers = {"host": DOMAIN, **more.pop("headers", {})}  # type: ignore[dict-item]
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            return client.request(method, path, headers=headers, timeout=30, **more)  # type: ignore[arg-type]


@dataclass
class World:
    """All that runs."""

    folder: Path
    sides: list[Side]
    port: int


@pytest.fixture
def world(
    tmp_path: Path, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        message = "nginx is missing: apt-get install nginx-light"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    tmp_path.chmod(0o755)
    port, url = free_port(), postgres_server.made()
    (tmp_path / "golive.toml").write_text(TOML.format(domain=DOMAIN, port=port))
    own = {"DATABASE_URL": url, "HUB_SECRET": SECRET, "PYTHONPATH": str(ROOT)}
    for name, value in {**own, "GOLIVE_BASE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    sides = [Side(tmp_path, tmp_path / name, free_port(), own) for name in ("left", "right")]
    monkeypatch.setenv("GOLIVE_HOME", str(sides[0].home))
    certificate(tmp_path)
    subprocess.run(
        [str(ROOT / "deploy" / "nginx" / "make.sh"), DOMAIN, str(tmp_path / "cert.pem"),
         str(tmp_path / "key.pem"), str(tmp_path / "run")],
        env={"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}",
             "LISTEN_HTTP": f"127.0.0.1:{free_port()}",
             "GATEWAYS": " ".join(f"127.0.0.1:{one.port}" for one in sides)},
        check=True, capture_output=True,
    )  # fmt: skip
    command = (str(nginx), "-c", str(tmp_path / "run" / "nginx.conf"), "-g", "daemon off;")
    door = start(command, dict(os.environ), tmp_path, None)
    try:
        for one in sides:
            one.start()
        listening(port, tmp_path)
        yield World(tmp_path, sides, port)
    finally:
        door.terminate()
        for one in sides:
            one.end()
        door.wait(20)
        close()


@dataclass
class Sender:
    """Sends events through the door until it is told to stop; notes what became of each."""

    world: World
    name: str
    stop: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def run(self) -> None:
        body = json.dumps({"action": "completed", "padding": "x" * 1000}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        context = ssl.create_default_context(cafile=str(self.world.folder / "cert.pem"))
        with httpx.Client(verify=context, trust_env=False, timeout=30) as client:
            number = 0
            while not self.stop.is_set():
                number += 1
                event = f"{self.name}-{number}"
                answer = client.post(
                    f"https://127.0.0.1:{self.world.port}/webhooks/hub", content=body,
                    headers={"host": DOMAIN, "x-github-event": "ping", "x-github-delivery": event,
                             "x-hub-signature-256": signature},
                    extensions={"sni_hostname": DOMAIN},
                )  # fmt: skip
                if answer.status_code == 202:
                    self.acknowledged.append(event)
                else:
                    self.others.append(f"{event}: {answer.status_code} {answer.text[:200]}")
                time.sleep(0.005)


def test_restarting_one_after_the_other_loses_no_event(world: World) -> None:
    stop = threading.Event()
    senders = [Sender(world, str(number), stop) for number in range(THREADS)]
    threads = [threading.Thread(target=one.run) for one in senders]
    for thread in threads:
        thread.start()
    so_far: list[int] = []
    try:
        for side, how in (*((one, signal.SIGTERM) for one in world.sides),
                          (world.sides[0], signal.SIGKILL)):  # fmt: skip
            so_far.append(sum(len(one.acknowledged) for one in senders))
            side.end(how)
            side.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    acknowledged = [event for one in senders for event in one.acknowledged]
    assert [one for sender in senders for one in sender.others] == []
    assert so_far[0] < so_far[1] < so_far[2] < len(acknowledged), "it went on all the time"
    held = Counter(one.delivery_id for one in Inbox(world.sides[0].home).waiting(limit=10**6))
    assert held == Counter(acknowledged)
    assert Inbox(world.sides[0].home).where.startswith("postgresql://")
    assert not [path for one in world.sides for path in one.home.glob("*.db")]


def test_who_signs_in_at_one_is_signed_in_at_the_other(world: World) -> None:
    left, right = world.sides
    Accounts(left.home).add("ada", "developer", PASSWORD)
    form = {"name": "ada", "password": PASSWORD}
    answer = left.ask("POST", "/sign-in", data=form, headers={"origin": f"https://{DOMAIN}"})
    assert answer.status_code == 303
    cookies = dict(one.split(";")[0].split("=", 1) for one in answer.headers.get_list("set-cookie"))
    cookie = {"cookie": f"{access.COOKIE}={cookies[access.COOKIE]}"}
    assert right.ask("GET", "/v1/session", headers=cookie).json()["name"] == "ada"
    assert right.ask("GET", "/auth/dashboards", headers=cookie).status_code == 204
    assert left.ask("DELETE", "/v1/session", headers=cookie).status_code == 204
    until = time.monotonic() + 30
    while right.ask("GET", "/v1/session", headers=cookie).status_code != 401:
        assert time.monotonic() < until, "a sign-out at one has to reach the other"
        time.sleep(0.2)


def test_a_link_opens_once_and_a_token_is_known_at_both(world: World) -> None:
    left, right = world.sides
    link = access.make_token("link")
    assert right.ask("GET", "/sign-in", params={"token": link}).status_code == 303
    assert left.ask("GET", "/sign-in", params={"token": link}).status_code == 403
    _, token = Tokens(left.home).create("ci", ["read"])
    shown = {"authorization": f"Bearer {token}"}
    codes = {one.ask("GET", "/v1/projects", headers=shown).status_code for one in world.sides}
    assert codes == {200}


def test_guesses_at_both_are_counted_together(world: World) -> None:
    form, origin = {"name": "eve", "password": "wrong"}, {"origin": f"https://{DOMAIN}"}
    codes = [
        world.sides[number % 2].ask("POST", "/sign-in", data=form, headers=origin).status_code
        for number in range(6)
    ]
    assert codes == [401] * 5 + [429]
