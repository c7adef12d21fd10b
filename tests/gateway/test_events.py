"""Live updates: what who listens is told, what who comes back has missed, and when it ends."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import polars as pl
import pytest

from golive_cli.serve.services import front
from golive_core import settings
from golive_core.lake import Lake
from golive_core.settings import Ports
from golive_core.tokens import Tokens
from golive_gateway.routes import events

Lines = Iterator[str]
Gateway = tuple[str, str]


@contextmanager
def listening(running: Gateway, last: str = "") -> Iterator[Lines]:
    address, token = running
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last} if last else {})
    with httpx.stream("GET", f"{address}/v1/events", headers=headers, timeout=30) as stream:
        assert stream.status_code == 200, stream.read()
        lines = stream.iter_lines()
        assert following(lines, "event") == "hello"
        following(lines, "data")
        yield lines


def following(lines: Lines, name: str) -> str:
    """Return the value of the next line of a name."""
    return next(line for line in lines if line.startswith(f"{name}:")).partition(": ")[2]


def change(home: Path, table: str = "core.accounts") -> None:
    """Change a table that no other test reads."""
    key = {"core.accounts": "account_id", "core.documents": "document_id"}[table]
    Lake(home / "lake").merge(table, pl.DataFrame({key: [str(time.time())]}))


def test_a_change_is_told_to_all_who_listen(running: Gateway, simulated: Path) -> None:
    with listening(running) as one, listening(running) as other:
        change(simulated)
        for lines in (one, other):
            assert following(lines, "event") == "change"
            version = Lake(simulated / "lake").version()
            told = {"version": version, "tables": ["core.accounts"]}
            assert json.loads(following(lines, "data")) == told


def test_who_comes_back_is_told_what_changed_meanwhile(running: Gateway, simulated: Path) -> None:
    last = str(Lake(simulated / "lake").version())
    with listening(running) as lines:
        change(simulated)
        following(lines, "data")
        change(simulated, "core.documents")
        following(lines, "data")
    with listening(running, last) as lines:
        assert json.loads(following(lines, "data")) == {
            "version": Lake(simulated / "lake").version(),
            "tables": ["core.accounts", "core.documents"],
        }
    with listening(running, "999999") as lines:  # of a lake that is no more
        assert "core.builds" in json.loads(following(lines, "data"))["tables"]


def test_it_ends_with_the_right_to_listen(
    running: Gateway, simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.1)
    token, text = Tokens(simulated).create("short", ["read"])
    with listening((running[0], text)) as lines:
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        Tokens(simulated).revoke(token.token_id)
        assert "event: change" not in [*lines]  # to its end


def test_there_is_room_for_so_many(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    address, token = running
    monkeypatch.setattr(events, "MOST", 1)
    with listening(running):
        refused = httpx.get(
            f"{address}/v1/events", headers={"authorization": f"Bearer {token}"}, timeout=10
        )
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")


def test_the_gateway_of_golive_up_ends_though_somebody_listens(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = Tokens(home).create("test", ["read"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    command = gateway_command(port)
    process = subprocess.Popen(command)
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(f"{address}/health/live", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        with listening((address, token)):
            process.terminate()
            process.wait(60)
    finally:
        process.kill()
        process.wait()


def gateway_command(port: int) -> tuple[str, ...]:
    found = front(settings.load(), Ports(gateway=port, dashboards=1, dagster=2))
    return next(one for one in found if one.name == "gateway").command
