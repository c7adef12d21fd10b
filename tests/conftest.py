"""What every test may ask for: a home, a lake, the shared data; and a guard on the network."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from golive_core import security
from golive_core.database.postgres import close
from golive_core.lake import Lake
from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("GOLIVE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("GOLIVE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine is an error, not a flaky test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if not (host.startswith("127.") or host in ("localhost", "::1")):
                raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Return a path below the shared folder; the test is skipped where it is missing."""

    def find(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            message = f"{relative} is missing: point GOLIVE_SHARED at the shared folder"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty .golive of this test's own, also for the processes that it starts."""
    return made_home(tmp_path, monkeypatch)


def made_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".golive"
    path.mkdir()
    monkeypatch.setenv("GOLIVE_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL; one for the process, in a hurry: its disk may forget."""
    with postgres.running(*postgres.QUICK) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def remembering(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home that remembers in files, and one that does in a PostgreSQL: what holds for both."""
    if request.param == "postgres":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("GOLIVE_DATABASE_URL", server.made())
    path = made_home(tmp_path, monkeypatch)
    yield path
    security.recorder(path).flush()
    close()


@pytest.fixture
def lake(home: Path) -> Lake:
    """The empty lake of `home`."""
    return Lake(home / "lake")
