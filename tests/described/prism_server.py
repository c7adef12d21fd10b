"""Prism: a server that answers by an OpenAPI description and refuses what it does not allow."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv" / "node" / "node_modules"
MEND = "install node and npm, then run deploy/node_packages.sh"
STARTS_S = 60.0


def node_package(path: str) -> Path:
    """Return a file of an npm package; without it the test is skipped, and fails in CI."""
    found = NODE / path
    if found.exists() and shutil.which("node"):
        return found
    message = f"{path} is missing: {MEND}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def prism(spec: dict[str, Any], folder: Path) -> Iterator[str]:
    """Serve the official examples of a description, and yield the address.

    A request that the description does not allow is answered by 422, or 404 for a path that it does
    not have.
    """
    program = node_package("@stoplight/prism-cli/dist/index.js")
    file = folder / "spec.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    port = free_port()
    command = ["node", str(program), "mock", str(file), "--errors", "--host", "127.0.0.1",
               "--port", str(port), "--multiprocess", "false"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something listens; fails with the log where the process ends or is too late."""
    until = time.monotonic() + STARTS_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"Prism does not listen: {log.read_text(errors='replace')[-2000:]}")
