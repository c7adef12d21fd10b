"""A real PostgreSQL of the system's packages, on a socket of its own, with a database a test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

PLACES = "/usr/lib/postgresql"
QUICK = ("fsync=off", "full_page_writes=off", "max_wal_size=256MB")
_numbers = count()


def programs() -> Path:
    """Return the folder of initdb and postgres; the test is skipped where there is none."""
    found = sorted(Path(PLACES).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        message = "PostgreSQL is missing: apt-get install postgresql"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return (found[-1] if found else Path(str(on_path))).parent


def _nobody() -> dict[str, int]:
    """Return whom a server runs as: it refuses to be root."""
    if os.getuid() != 0:
        return {}
    names = {one.pw_name: one for one in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid}


class Server:
    """A server that runs; `restart` stops it at once and starts it again."""

    def __init__(self, folder: Path, settings: tuple[str, ...]) -> None:
        self.folder, self._as, self._bin = folder, _nobody(), programs()
        self._settings = settings
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "golive", "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._as)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start it and wait until it answers."""
        said = [word for one in self._settings for word in ("-c", one)]
        command = [
            str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder),
            "-c", "listen_addresses=", *said,
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, **self._as
            )  # type: ignore[call-overload]
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    pytest.fail((self.folder / "log").read_text()[-2000:])
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it at once, with whoever is connected."""
        self._process.send_signal(2)  # SIGINT: fast shutdown
        self._process.wait(60)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://golive@/{database}?host={self.folder}"

    def made(self) -> str:
        """Make an empty database and return its address."""
        name = f"golive{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f"create database {name}".encode())
        return self.url(name)


@contextmanager
def running(*settings: str) -> Iterator[Server]:
    """Run a server until the end of the block."""
    programs()
    folder = Path(tempfile.mkdtemp(prefix="golive-pg-"))
    server = None
    try:
        server = Server(folder, settings)
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
