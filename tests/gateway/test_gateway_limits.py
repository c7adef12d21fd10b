"""Limits of the gateway: by address and by token, in memory and in a real Redis."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from golive_gateway.app import create_app


def client(address: str = "198.51.100.7") -> TestClient:
    """Return a client of a gateway of its own that calls from an address."""
    return calling(create_app(), address)


def calling(app, address: str = "198.51.100.7") -> TestClient:
    return TestClient(
        app, base_url="http://127.0.0.1:8000", client=(address, 4711), follow_redirects=False
    )


@pytest.fixture
def few(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let an address ask five times a minute, and sign in twice."""
    monkeypatch.setenv("GOLIVE_GATEWAY_REQUESTS", "5/minute")
    monkeypatch.setenv("GOLIVE_GATEWAY_SIGN_INS", "2/minute")
    return home


def test_one_too_many_is_told_when_to_come_back(few: Path) -> None:
    caller = client()
    assert [caller.get("/").status_code for _ in range(5)] == [200] * 5
    answer = caller.get("/")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "come back" in answer.json()["detail"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_another_address_is_not_held_up(few: Path) -> None:
    app = create_app()
    first, second = calling(app), calling(app, "198.51.100.8")
    assert {first.get("/").status_code for _ in range(7)} == {200, 429}
    assert second.get("/").status_code == 200


def test_a_token_is_counted_wherever_it_is_used_from(few: Path) -> None:
    app = create_app()
    headers = {"authorization": "Bearer glv_one"}
    codes = [
        calling(app, f"198.51.100.{n}").get("/", headers=headers).status_code for n in range(7)
    ]
    assert codes == [200] * 5 + [429] * 2


def test_probes_are_never_limited(few: Path) -> None:
    caller = client()
    assert {caller.get("/health/live").status_code for _ in range(20)} == {200}


def test_guessing_is_slowed_down(few: Path) -> None:
    caller = client()
    codes = [caller.get("/sign-in", params={"token": "no"}).status_code for _ in range(4)]
    assert codes == [403, 403, 429, 429]


def test_who_was_refused_too_often_waits_for_everything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_GATEWAY_REFUSALS", "3/minute")
    app = create_app()
    caller = calling(app)
    assert [caller.get(f"/nothing{n}").status_code for n in range(4)] == [404, 404, 404, 429]
    assert caller.get("/").status_code == 429
    assert calling(app, "198.51.100.9").get("/").status_code == 200


def test_a_limit_that_is_none_is_the_usual_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_GATEWAY_REQUESTS", "many")
    assert client().get("/").status_code == 200


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Redis and let the gateway count in it."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is missing: apt-get install redis-server"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    monkeypatch.setenv("REDIS_ADDRESS", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setenv("GOLIVE_GATEWAY_STORE", "env:REDIS_ADDRESS")
    yield process
    process.kill()
    process.wait(10)


def test_two_gateways_share_their_counts_in_redis(
    few: Path, redis: subprocess.Popen[bytes]
) -> None:
    with client() as one, client() as other:
        codes = [caller.get("/").status_code for caller in (one, other) * 4]
    assert codes == [200] * 5 + [429] * 3


def test_without_its_redis_a_gateway_counts_by_itself(
    few: Path, redis: subprocess.Popen[bytes]
) -> None:
    with client() as caller:
        assert caller.get("/").status_code == 200
        redis.kill()
        redis.wait(10)
        codes = [caller.get("/").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
