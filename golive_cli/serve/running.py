"""One `golive up` a home: the lock that says so, and where the one that runs can be reached."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from golive_core.errors import ServiceError
from golive_core.settings import Ports

LOCK, STATE = "up.lock", "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """The `golive up` of a home: its process and its ports."""

    pid: int
    ports: dict[str, int]


class AlreadyRunningError(ServiceError):
    """Another `golive up` serves this home; `running` tells where."""

    def __init__(self, running: Running) -> None:
        super().__init__(f"GoLive is up here already (pid {running.pid})")
        self.running = running


@contextmanager
def only_one(home: Path, pid: int, ports: Ports) -> Generator[None]:
    """Hold the home for this process; raises AlreadyRunningError if another one has it.

    The lock is the operating system's and goes with its process, however that ends.
    """
    with (home / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(_read(home)) from None
        (home / STATE).write_text(json.dumps(asdict(Running(pid, asdict(ports)))))
        try:
            yield
        finally:
            (home / STATE).unlink(missing_ok=True)


def running(home: Path) -> Running | None:
    """Return the `golive up` that serves the home, if there is one."""
    try:
        with (home / LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except BlockingIOError:
        return _read(home)
    return None


def _read(home: Path) -> Running:
    try:
        return Running(**json.loads((home / STATE).read_text()))
    except (OSError, ValueError, TypeError):
        return Running(0, {})  # it holds the lock and has not yet said where it listens
