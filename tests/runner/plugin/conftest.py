"""Small real suites, run by pytest in processes of their own, and a gateway on a real port."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from assets import uploads
from assets.workspace import Workspace
from golive_core import settings
from golive_core.lake import Lake
from golive_core.settings import child_environment
from golive_core.tokens import Tokens
from golive_gateway.app import create_app
from golive_gateway.routes import webhooks


@dataclass
class Ran:
    """How a suite ended."""

    code: int
    out: str
    counts: dict[str, int]

    def line(self, start: str) -> str:
        return next(line for line in self.out.splitlines() if line.startswith(f"golive: {start}"))


@dataclass
class Suite:
    """A folder with tests; `beside` are the plugins that are loaded beside ours."""

    root: Path
    beside: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, **files: str) -> Suite:
        for name, text in files.items():
            (self.root / f"{name}.py").write_text(text)
        return self

    def command(self, *options: str, ours: bool = True) -> list[str]:
        load = ["golive", *self.beside] if ours else self.beside
        words = [word for one in load for word in ("-p", one)]
        if "asyncio" in self.beside:
            words += ["-o", "asyncio_default_fixture_loop_scope=function"]
        return [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider", *options]

    def start(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*options), cwd=self.root, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(
                **{
                    "GOLIVE_HOME": str(self.root / ".golive"),
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a tenth of the time
                    **self.environment, **environment,
                }
            ),
        )  # fmt: skip

    def run(self, *options: str, **environment: str) -> Ran:
        process = self.start(*options, **environment)
        out, _ = process.communicate(timeout=120)
        last = out.strip().splitlines()[-1] if out.strip() else ""
        counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
        return Ran(process.returncode, out, counts)

    def attempts(self) -> list[dict[str, Any]]:
        """Return what was recorded and not sent, of all runs."""
        lines = [
            json.loads(line)
            for path in sorted(self.root.glob(".golive/pytest/*/report-*.jsonl"))
            for line in path.read_text().splitlines()
        ]
        return [line["golive_attempt"] for line in lines if "golive_attempt" in line]

    def told(self) -> list[tuple[str, str]]:
        """Return name and status of what was recorded, in order."""
        return [(one["name"], one["status"]) for one in self.attempts()]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """An empty suite."""
    root = tmp_path / "suite"
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]\naddopts = -q\nfilterwarnings = error\n")
    return Suite(root)


@dataclass
class Gateway:
    """A gateway over a base folder with the project shop."""

    base: Path
    port: int
    token: str
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(create_app(), port=self.port, log_level="warning")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 30
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        if self.server and self.thread:
            self.server.should_exit = True
            self.thread.join(20)
        self.server = None

    def lake(self) -> Lake:
        """Take the uploads into the lake and return it."""
        workspace = Workspace.load(settings.load(self.base))
        list(uploads.take(workspace))
        return workspace.lake

    def results(self) -> list[tuple[str, int, str]]:
        """Return name, attempt and status of every attempt that arrived."""
        sql = """select name || coalesce('[' || parameters || ']', ''), attempt, status
        from core.test_results inner join core.tests using (test_id) order by 1, 2"""
        return self.lake().query(sql).rows()


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that is not started yet, with its address and a token for uploads."""
    base = tmp_path / "served"
    base.mkdir()
    (base / "golive.toml").write_text("[project.shop]\n")
    monkeypatch.setenv("GOLIVE_BASE", str(base))
    monkeypatch.setenv("GOLIVE_HOME", str(base / ".golive"))
    token = Tokens(base / ".golive").create("ci", ["reports:write"], project="shop")[1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Gateway(base, port, token)
    yield made
    made.stop()
    webhooks.writer(base / ".golive").close()
    webhooks.writer.cache_clear()
