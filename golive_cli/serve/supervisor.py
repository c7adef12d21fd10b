"""Keeps processes alive and ends them all: each in a group of its own, its output in a log file.

A child that dies is started again, later and later; one that dies RESTARTS times within a minute
ends the whole with a ServiceError that names its log. `guard.py` sees to it that nothing is left
behind even where this process is killed. What the processes are is in `services.py`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from golive_cli.serve import guard, ready
from golive_cli.serve.services import Service
from golive_core.errors import ServiceError

GRACE_S = 7.0
"""Time to end politely; the whole has 10 seconds."""
RESTARTS = 4
WITHIN_S = 60.0
PR_SET_PDEATHSIG = 1
TAIL = 15


class Supervisor:
    """The children of one `golive up`; `logs` is the folder of their output."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs, self._environment = logs, dict(environment)
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._deaths: dict[str, list[float]] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._guard: asyncio.subprocess.Process | None = None
        self._ending = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises the ServiceError of the first service that could not be kept alive."""

    async def open(self) -> None:
        """Start the guard; to be called first."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._guard = await asyncio.create_subprocess_exec(
            sys.executable, "-I", guard.__file__, stdin=asyncio.subprocess.PIPE, process_group=0
        )

    async def start(self, service: Service) -> None:
        """Start a service and keep it alive from now on."""
        self._log(service.name).unlink(missing_ok=True)
        child = await self._spawn(service)
        task = asyncio.create_task(self._keep(service, child))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def run(self, service: Service) -> asyncio.subprocess.Process:
        """Start a process that ends by itself; its stdout is a pipe for the caller."""
        self._log(service.name).unlink(missing_ok=True)
        return await self._spawn(service, stdout=asyncio.subprocess.PIPE)

    async def is_ready(self, service: Service, timeout_s: float) -> None:
        """Wait until the service answers; raises ServiceError if it does not in time."""
        until = time.monotonic() + timeout_s
        while service.url and not await ready.answers(service.url):
            if time.monotonic() > until:
                raise self.error(service, f"did not answer within {timeout_s:.0f} s")
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End every child: SIGTERM to its group, SIGKILL to what is left after GRACE_S seconds."""
        self._ending = True
        for task in self._watching:
            task.cancel()
        children = [*self._children.values()]
        for child in children:
            _signal(child, signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        while any(map(_is_alive, children)) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        for child in children:
            _signal(child, signal.SIGKILL)
            await child.wait()
        await self._close_guard()

    def error(self, service: Service, what: str) -> ServiceError:
        """Return the error of a service: what happened, the last lines of its log, where it is."""
        log = self._log(service.name)
        tail = _tail(log)
        said = f": {tail[-1].strip()}" if tail else ""
        return ServiceError(f"{what}{said}", where=service.name, hint=f"Its log is {log}")

    def log_of(self, service: Service) -> Path:
        """Return the log file of a service."""
        return self._log(service.name)

    async def _keep(self, service: Service, child: asyncio.subprocess.Process) -> None:
        try:
            while True:
                code = await child.wait()
                self._tell_guard("-", child.pid)
                wait_s = self._backoff(service, code)
                with self._log(service.name).open("a") as log:
                    log.write(f"-- ended with {code}, started again in {wait_s:.0f} s\n")
                await asyncio.sleep(wait_s)
                child = await self._spawn(service)
        except ServiceError as error:
            if not self.failed.done():
                self.failed.set_exception(error)

    def _backoff(self, service: Service, code: int) -> float:
        """Return how long to wait before the next start; raises ServiceError after too many."""
        now = time.monotonic()
        deaths = [at for at in self._deaths.get(service.name, []) if at > now - WITHIN_S]
        self._deaths[service.name] = [*deaths, now]
        if len(deaths) >= RESTARTS:
            raise self.error(service, f"died {len(deaths) + 1} times, last with exit code {code}")
        return float(2 ** len(deaths))

    async def _spawn(
        self, service: Service, stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        with self._log(service.name).open("ab") as log:
            child = await self._exec(service, log, stdout)
        self._children[service.name] = child
        self._tell_guard("+", child.pid)
        return child

    async def _exec(
        self, service: Service, log: IO[bytes], stdout: int | None
    ) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *service.command,
                stdin=asyncio.subprocess.DEVNULL, stdout=stdout or log, stderr=log,
                cwd=service.folder, env={**self._environment, **service.environment},
                process_group=0, preexec_fn=lambda: _prepare(service.niceness),
            )  # fmt: skip
        except OSError as error:
            raise ServiceError(
                f"cannot be started: {error.strerror}", where=service.name
            ) from error

    def _tell_guard(self, sign: str, pid: int) -> None:
        if self._guard and self._guard.stdin:
            self._guard.stdin.write(f"{sign}{pid}\n".encode())

    async def _close_guard(self) -> None:
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            await self._guard.wait()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _prepare(niceness: int) -> None:
    """Set up a child between fork and exec: signals as a fresh process has them.

    A parent started from a shell's background ignores SIGINT, and so would its children: Dagster's
    code server could not be ended politely then.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if niceness:
        os.nice(niceness)
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _load_libc() -> ctypes.CDLL | None:
    """Return the C library where it has prctl: on Linux."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "prctl") else None


_libc = _load_libc()
"""Loaded before any fork: loading takes locks that a child must not wait for."""


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _is_alive(child: asyncio.subprocess.Process) -> bool:
    return guard.is_alive(child.pid)


def _tail(log: Path) -> list[str]:
    with suppress(OSError):
        return [line for line in log.read_text(errors="replace").splitlines() if line.strip()][
            -TAIL:
        ]
    return []
