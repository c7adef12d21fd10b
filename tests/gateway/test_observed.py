"""GoLive watches GoLive: health, metrics for a real Prometheus, and a request log that it reads."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from golive_core.tokens import Tokens
from golive_gateway.app import create_app
from golive_gateway.request_log import FILE

Served = Callable[..., TestClient]


@pytest.fixture
def running(served: Served, simulated: Path) -> Iterator[tuple[str, str]]:
    """Run a gateway on a real port; give its address and a token that reads."""
    served()
    _, token = Tokens(simulated).create("test", ["read"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(), host="127.0.0.1", port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}", token
    server.should_exit = True
    thread.join(20)


def test_what_was_looked_at_is_told(served: Served) -> None:
    told = served().get("/health/ready").json()
    assert told["status"] == "healthy"
    assert set(told["checks"]) == {"lake", "inbox", "disk", "sources"}
    assert told["uptime_s"] >= 0
    assert told["version"]


def test_a_request_keeps_its_id_and_leaves_a_line_without_secrets(
    served: Served, simulated: Path
) -> None:
    with served() as client:
        given = client.get("/v1/projects", headers={"x-request-id": "abc-1"})
        assert given.headers["x-request-id"] == "abc-1"
        made = client.get("/v1/projects", headers={"x-request-id": "a b\t<script>"})
        assert len(made.headers["x-request-id"]) == 32
        client.get("/sign-in", params={"token": "very-secret-link"})
    path = simulated / FILE
    until = time.monotonic() + 20
    while "sign-in" not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < until
        time.sleep(0.05)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    line = next(one for one in lines if one["request_id"] == "abc-1")
    assert (line["route"], line["status"], line["caller"]) == ("/v1/projects", 200, "token test")
    assert "very-secret-link" not in path.read_text()


def test_golive_reads_its_own_request_log(served: Served, tmp_path: Path, simulated: Path) -> None:
    from assets.load import ingest
    from assets.workspace import Workspace
    from golive_core import settings

    line = {
        "time": "2026-05-04T10:00:00.123+00:00", "level": "warning", "service": "gateway",
        "message": "GET /v1/builds 429", "request_id": "r1", "status": 429,
    }  # fmt: skip
    (tmp_path / "gateway.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "golive.toml").write_text(
        '[project.golive]\nname = "GoLive watches GoLive"\n[source.own]\ntype = "logs"\n'
        f'paths = ["{tmp_path}/*.jsonl"]\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLIVE_HOME", str(tmp_path / ".golive"))
        work = Workspace.load(settings.load(tmp_path))
        ingest(work.lake, work.source("own"), work.instances["own"])
    row = work.lake.query('select service, level, message, "at" from core.log_lines').row(0)
    assert row[:3] == ("gateway", "warning", "GET /v1/builds 429")
    assert row[3].isoformat() == "2026-05-04T10:00:00.123000+00:00"


def test_a_real_prometheus_scrapes_it(running: tuple[str, str], tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        message = "prometheus is missing: apt-get install prometheus"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    address, token = running
    httpx.get(f"{address}/v1/projects", headers={"authorization": f"Bearer {token}"})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = address.removeprefix("http://")
    (tmp_path / "p.yml").write_text(
        "scrape_configs:\n- job_name: golive\n  scrape_interval: 1s\n  static_configs:\n"
        f"  - targets: ['{target}']\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={tmp_path}/p.yml", f"--storage.tsdb.path={tmp_path}/db",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        found = queried(port, 'golive_request_seconds_count{route="/v1/projects",status="200"}')
        assert float(found[0]["value"][1]) >= 1
        assert queried(port, 'golive_rows{table="core.builds"}')[0]["value"][1] == "80"
        assert queried(port, "golive_lake_readable")[0]["value"][1] == "1"
        assert queried(port, "process_resident_memory_bytes{job='golive'}")
    finally:
        process.terminate()
        process.wait(20)


def queried(port: int, query: str) -> list[dict]:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, timeout=5
            )
            if found := answer.json()["data"]["result"]:
                return found
        except (httpx.HTTPError, KeyError, ValueError):
            pass
        time.sleep(0.2)
    pytest.fail(f"{query} was never scraped")


def test_a_change_of_the_lake_is_told_to_who_listens(
    running: tuple[str, str], simulated: Path
) -> None:
    import polars as pl

    from golive_core.lake import Lake

    address, token = running
    headers = {"authorization": f"Bearer {token}"}
    with httpx.stream("GET", f"{address}/v1/events", headers=headers, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: hello"
        Lake(simulated / "lake").merge(
            "core.accounts", pl.DataFrame({"account_id": [str(time.time())], "name": ["Ada"]})
        )
        assert next(line for line in lines if line.startswith("event:")) == "event: change"
        data = json.loads(next(line for line in lines if line.startswith("data:"))[5:])
    assert data["tables"] == ["core.accounts"]
