"""Runs one command with a time limit and leaves nothing of it behind.

A command gets a session of its own, so that its children can be ended with it. Those that leave
the session are found by a mark in their environment, where the system shows it (Linux).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from golive_core.errors import UsageError
from golive_core.settings import variable

MARK = "GOLIVE_RUN_MARK"
GRACE_S = 2.0
POLL_S = 0.02
ORPHAN_S = 0.5


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its code (negative: a signal), or None if it was ended by us."""

    code: int | None
    seconds: float


def run(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str],
    mark: str, timeout_s: float | None, stop: Event,
) -> Ended:  # fmt: skip
    """Run the command in `folder`, its output going to `log`, until it ends, `timeout_s`, `stop`.

    Raises UsageError if it cannot be started.
    """
    begun = time.monotonic()
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - the command that the person named
                list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=folder, env={**environment, MARK: mark}, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        raise UsageError(
            f"the command cannot be started ({error.strerror})", where=command[0],
            hint="It runs in the checked out commit; name a program of the PATH or of that commit",
        ) from error  # fmt: skip
    try:
        code = _waited(process, begun, timeout_s, stop)
    finally:
        end(process)
        end_marked(mark)
    return Ended(code, time.monotonic() - begun)


def _waited(
    process: subprocess.Popen[bytes], begun: float, timeout_s: float | None, stop: Event
) -> int | None:
    while (code := process.poll()) is None:
        is_late = timeout_s is not None and time.monotonic() - begun > timeout_s
        if is_late or stop.wait(POLL_S):
            return None
    return code


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its session: politely, then after GRACE_S seconds for certain."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def marked(mark: str) -> Iterator[int]:
    """Yield the ids of our processes that carry the mark, where the system shows it (Linux)."""
    wanted = f"{MARK}={mark}".encode()
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in place.read_bytes().split(b"\0"):
                yield int(place.parent.name)


def end_marked(mark: str) -> None:
    """Kill every process of ours that carries the mark, also one that left its session."""
    for process in marked(mark):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)


def end_with_parent() -> None:
    """End this process and all with its mark as soon as who started it is gone, killed or not."""
    parent, mark = os.getppid(), variable(MARK)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_S)
        end_marked(mark)
        os._exit(1)

    Thread(target=watch, name="orphan-watch", daemon=True).start()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
