"""`golive up` as it unfolds: servers and first materialisation at once, then until Ctrl-C.

Dashboards and gateway start while the first run reads; Dagster starts when the run is through,
since its three processes would take the time that the first page needs.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from golive_cli.output import messages, say
from golive_cli.progress import Board, counted
from golive_cli.serve import services
from golive_cli.serve.ports import HOST
from golive_cli.serve.services import Service
from golive_cli.serve.supervisor import Supervisor
from golive_core.settings import Ports, Settings

READY_S = 120.0
FIRST_RUN = Service("first-run", "first run", services.python("golive_cli.serve.first_run"))
SHOWN = {"rows_new": "new rows", "rows_changed": "changed", "row_count": "rows", "rows": "rows"}
"""Counts of an asset that people are told, and how they are called."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What `golive up` serves, and what is done once all of it answers."""

    settings: Settings
    ports: Ports
    when_filled: Callable[[], None]
    """Called when the dashboards answer and the first run is through."""
    when_ready: Callable[[Supervisor], Awaitable[int | None]]
    """Called when everything answers; an exit code ends it all, None keeps it up."""

    def play(self) -> int:
        """Serve until Ctrl-C or SIGTERM; return the exit code. Nothing is left behind."""
        return asyncio.run(self._play())

    async def _play(self) -> int:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
        environment = services.environment(self.settings, self.ports)
        supervisor = Supervisor(self.settings.home / "logs", environment)
        work = asyncio.create_task(self._serve(supervisor))
        stop = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({work, stop, supervisor.failed}, return_when=asyncio.FIRST_COMPLETED)
            if supervisor.failed.done():
                supervisor.failed.result()
            return work.result() if work.done() else 0
        finally:
            await _cancel(work, stop)
            await self._end(supervisor)

    async def _end(self, supervisor: Supervisor) -> None:
        started = time.monotonic()
        await supervisor.close()
        say(f"Everything has ended ({time.monotonic() - started:.1f} s).")

    async def _serve(self, supervisor: Supervisor) -> int:
        front = services.front(self.settings, self.ports)
        await supervisor.open()
        for service in front:
            await supervisor.start(service)
        with Board() as board:
            success = await first_run(supervisor, board)
            back = services.back(self.settings, self.ports)
            for service in back:
                await supervisor.start(service)
            await wait(supervisor, front, board)
            self.when_filled()
            await wait(supervisor, back, board)
        if not success:
            say(f"The first run failed in part. Its log: {supervisor.log_of(FIRST_RUN)}")
        code = await self.when_ready(supervisor)
        while code is None:
            await asyncio.sleep(3600)
        return code or (0 if success else 1)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def wait(supervisor: Supervisor, some: list[Service], board: Board) -> None:
    """Wait until the services answer, each a line of the board."""
    for service in some:
        if service.url:
            board.update(service.title, "starting")
    for service in some:
        await supervisor.is_ready(service, READY_S)
        if service.url:
            board.end(service.title, f"port {service.url.split(':')[2].split('/')[0]}")


async def first_run(supervisor: Supervisor, board: Board) -> bool:
    """Show the first materialisation as it goes; tell whether all of it worked."""
    child = await supervisor.run(FIRST_RUN)
    last: dict[str, Any] = {}
    assert child.stdout  # noqa: S101 - asked for as a pipe
    async for line in child.stdout:
        last = json.loads(line)
        if "step" in last:
            _show(board, last)
    code = await child.wait()
    if "success" not in last:
        error = supervisor.error(FIRST_RUN, f"ended with exit code {code}")
        board.fail("first run", str(error))
    return bool(last.get("success"))


def _show(board: Board, line: dict[str, Any]) -> None:
    name, state = line["step"], line["state"]
    counts: dict[str, int] = line.get("counts", {})
    if state == "failed":
        board.fail(name, line["message"])
    elif state == "done":
        told = {key: value for key, value in counts.items() if is_told(key, counts)}
        board.end(name, counted({SHOWN.get(key, key): told[key] for key in told}) or "nothing new")
    elif state == "going":
        board.update(name, counted(counts))
    else:
        board.update(name)


def is_told(key: str, counts: dict[str, int]) -> bool:
    """Tell whether a count is for people; of an asset only the rows are."""
    return key in SHOWN or not SHOWN.keys() & counts.keys()


def link(ports: Ports) -> str:
    """Return a fresh sign-in link."""
    from golive_core import access

    return f"http://{HOST}:{ports.gateway}/sign-in?token={access.make_token('link')}"


def invite(ports: Ports, *, browser: bool) -> None:
    """Print the sign-in link, and open it where there is a screen."""
    address = link(ports)
    messages().print("\n[bold]GoLive is up.[/] Open this once, in your browser:\n")
    messages().print(f"  {address}\n", markup=False, soft_wrap=True, style="bold cyan")
    if browser and has_screen():
        import webbrowser

        webbrowser.open(address)


def has_screen() -> bool:
    """Tell whether a browser could show anything: a display, macOS or Windows."""
    import sys

    from golive_core.settings import variable

    is_desktop = sys.platform in ("darwin", "win32")
    return is_desktop or bool(variable("DISPLAY") or variable("WAYLAND_DISPLAY"))
