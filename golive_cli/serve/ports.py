"""Ports of `golive up`: which ones, whether they are free, and who holds one that is not."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path

from golive_core.errors import ServiceError
from golive_core.settings import Ports, Settings

HOST = "127.0.0.1"
LISTENING = "0A"


def asked(settings: Settings) -> dict[str, int]:
    """Return the ports by service: gateway, dashboards, dagster."""
    return dataclasses.asdict(settings.ports)


def chosen(settings: Settings, given: dict[str, int | None]) -> Ports:
    """Return the ports of the settings with those of the command line over them."""
    wanted = {name: port for name, port in given.items() if port is not None}
    return dataclasses.replace(settings.ports, **wanted)


def require_free(ports: Ports) -> None:
    """Raise ServiceError naming a port that is taken, who has it and the way out."""
    for name, port in dataclasses.asdict(ports).items():
        if not is_free(port):
            raise ServiceError(
                f"port {port} is in use by {holder(port)}", where=name,
                hint=f"Choose another: golive up --port-{name} {_free_near(port)}, "
                f"or GOLIVE_PORT_{name.upper()}={_free_near(port)}",
            )  # fmt: skip


def is_free(port: int) -> bool:
    """Tell whether this machine would let us listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _free_near(port: int) -> int:
    return next((one for one in range(port + 1, port + 200) if is_free(one)), port + 1)


def holder(port: int) -> str:
    """Return the program that listens on the port and its pid, as far as we may see."""
    inodes = set(_listening(port))
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(_inode(link) in inodes for link in (folder / "fd").iterdir()):
                return f"{_program(folder)} (pid {folder.name})"
    return "another program"


def _listening(port: int) -> Iterator[str]:
    """Yield the socket inodes that listen on the port, from Linux's own table."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                cells = line.split()
                if cells[3] == LISTENING and int(cells[1].rpartition(":")[2], 16) == port:
                    yield cells[9]


def _inode(link: Path) -> str | None:
    with contextlib.suppress(OSError):
        target = str(link.readlink())
        if target.startswith("socket:["):
            return target[8:-1]
    return None


def _program(folder: Path) -> str:
    """Return the command of a process in short: its program and, for Python, what it runs."""
    words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    names = [Path(word).name for word in words[:3] if word and not word.startswith("-")]
    return " ".join(names[:2]) or (folder / "comm").read_text().strip()
