"""A home with a simulated project, made once, and a gateway over it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
import uvicorn
from fastapi.testclient import TestClient

from assets import predictions, refresh
from golive_core import schema
from golive_core.lake import Lake
from golive_core.tokens import Tokens
from models import simulate

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the demo project, its marts and predictions: tests only read it."""
    home = tmp_path_factory.mktemp("simulated") / ".golive"
    lake = Lake(home / "lake")
    now = datetime.now(UTC)
    made = simulate.simulate(seed=5, builds=80, tests=120, days=20, end=now)
    is_late = pl.col("started_at") > now - timedelta(days=9)
    slower = pl.when(is_late).then(pl.col("duration_s") * 3).otherwise("duration_s")
    results = made.tables["core.test_results"]
    made.tables["core.test_results"] = results.with_columns(duration_s=slower)
    with lake.transaction("demo") as txn:
        for name, frame in made.tables.items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    predictions.score(lake)
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    return home


@pytest.fixture
def served(simulated: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """Return a function that gives a client of the simulated home, with a token that reads."""
    from golive_gateway.app import create_app

    monkeypatch.setenv("GOLIVE_HOME", str(simulated))
    monkeypatch.setenv("GOLIVE_GATEWAY_REQUESTS", "100000/minute")
    monkeypatch.setenv("GOLIVE_GATEWAY_REFUSALS", "100000/minute")
    monkeypatch.setenv("GOLIVE_GATEWAY_SIGN_INS", "100000/minute")

    def client(project: str = "", scopes: tuple[str, ...] = ("read",)) -> TestClient:
        _, text = Tokens(simulated).create("test", scopes, project=project)
        headers = {"authorization": f"Bearer {text}"}
        return TestClient(create_app(), base_url="http://127.0.0.1:8000", headers=headers)

    return client


@pytest.fixture
def running(served: Callable[..., TestClient], simulated: Path) -> Iterator[tuple[str, str]]:
    """Run a gateway on a real port; give its address and a token that reads."""
    from golive_gateway.app import create_app

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


@pytest.fixture
def chromium_page() -> Iterator[Page]:
    """Return a page of the system's Chromium; skipped where there is none, which fails in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "Chromium is missing: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened.new_page()
        opened.close()
