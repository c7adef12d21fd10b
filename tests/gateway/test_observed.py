"""GoLive watches GoLive: health, metrics for a real Prometheus, and a request log that it reads."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from fastapi.testclient import TestClient

from assets.load import ingest
from assets.workspace import Workspace
from golive_core import settings
from golive_core.inbox import Delivery, Inbox
from golive_core.lake import Lake
from golive_gateway import request_log
from golive_gateway.app import create_app
from golive_gateway.request_log import FILE, Told

FLAKY = "select count(*) from marts.flaky_tests where verdict = 'flaky'"
Served = Callable[..., TestClient]


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


def test_a_source_that_failed_or_is_late_and_an_old_delivery_degrade_it(
    home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = "".join(
        f'[source.{name}]\ntype = "logs"\nproject = "p"\npaths = ["*.log"]\n'
        for name in ("ok", "bad", "late")
    )
    (home.parent / "golive.toml").write_text('[project.p]\nname = "P"\n' + sources)
    monkeypatch.setenv("GOLIVE_BASE", str(home.parent))
    now = datetime.now(UTC)
    lake.merge("ops.source_health", pl.DataFrame({
        "instance": ["ok", "bad", "late", "gone"], "status": ["ok", "failed", "ok", "failed"],
        "succeeded_at": [now, now, now - timedelta(days=2), now], "newest_at": [now] * 4,
    }))  # fmt: skip
    client = TestClient(create_app(), base_url="http://127.0.0.1:8000")
    told = client.get("/health/ready").json()
    assert (told["status"], told["checks"]["sources"]["status"]) == ("degraded", "degraded")
    assert told["checks"]["sources"]["failed"] == ["bad"]
    assert told["checks"]["sources"]["late"] == ["late"]
    assert told["checks"]["inbox"] == {"status": "healthy", "waiting": 0, "oldest_age_s": 0.0}
    Inbox(home).put([Delivery("ok", "1", "webhook", b"{}", received_at=time.time() - 900)])
    inbox = client.get("/health/ready").json()["checks"]["inbox"]
    assert (inbox["status"], inbox["waiting"]) == ("degraded", 1)
    assert inbox["oldest_age_s"] >= 900
    (home.parent / "golive.toml").write_text("[")
    told = client.get("/health/ready")
    assert (told.status_code, told.json()["checks"]["sources"]["status"]) == (200, "degraded")


def test_an_inbox_that_cannot_be_read_is_unhealthy_and_costs_no_other_metric(home: Path) -> None:
    (home / "inbox.db").mkdir(parents=True)
    client = TestClient(create_app(), base_url="http://127.0.0.1:8000", client=("127.0.0.1", 1))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert "inbox" in answer.json()["checks"]["inbox"]["error"]
    text = client.get("/metrics").text
    assert 'golive_readable{what="inbox"} 0.0' in text
    assert 'golive_readable{what="lake"} 1.0' in text
    assert "golive_build_info{version=" in text


def test_metrics_are_open_to_this_machine_and_to_tokens_elsewhere(
    served: Served, simulated: Path
) -> None:
    served()
    for address, code in (("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 401)):
        client = TestClient(create_app(), base_url="http://127.0.0.1:8000", client=(address, 1))
        assert client.get("/metrics").status_code == code
    assert served().get("/metrics").status_code == 200


def test_golive_reads_its_own_request_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/api.md configures: real lines of a gateway, over a rotation, each once."""
    told = (
        (Path(__file__).parents[2] / "docs" / "api.md")
        .read_text()
        .partition("    [project.golive]")[2]
    )
    config = textwrap.dedent("    [project.golive]" + told)
    (home.parent / "golive.toml").write_text(config)
    monkeypatch.chdir(home.parent)
    monkeypatch.setattr(request_log, "MOST_BYTES", 1500)
    known = Workspace.load(settings.load(home.parent))
    asked: list[str] = []
    for _ in range(4):
        app = create_app()
        client = TestClient(app, base_url="http://127.0.0.1:8000")
        asked += [client.get("/v1/builds").headers["x-request-id"] for _ in range(3)]
        writer = next(one for one in layers(app.middleware_stack) if isinstance(one, Told)).writer
        assert writer is not None
        writer.flush()
        ingest(known.lake, known.source("golive-gateway"), known.instances["golive-gateway"])
    assert len([*(home / "logs").iterdir()]) > 1  # it was rotated
    rows = known.lake.query(
        "select project_id, service, level, message, attributes from core.log_lines"
    ).to_dicts()
    assert sorted(json.loads(row["attributes"])["request_id"] for row in rows) == sorted(asked)
    assert {(row["project_id"], row["service"], row["level"]) for row in rows} == {
        ("golive", "gateway", "warning")
    }
    assert {row["message"] for row in rows} == {"GET /v1/builds 401"}


def layers(app: object) -> Iterator[object]:
    """Yield the middleware of an application, from outside in."""
    while app is not None:
        yield app
        app = getattr(app, "_app", None) or getattr(app, "app", None)


def test_a_real_prometheus_scrapes_it(
    running: tuple[str, str], tmp_path: Path, simulated: Path
) -> None:
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
        assert queried(port, 'golive_readable{what="lake"}')[0]["value"][1] == "1"
        flaky = queried(port, 'golive_tests{project="demo",verdict="flaky"}')[0]["value"][1]
        assert int(flaky) == Lake(simulated / "lake").query(FLAKY).item() > 0
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
