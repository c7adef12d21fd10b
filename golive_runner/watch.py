"""What a run may use, and the watch that stops it where it uses more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from golive_runner.process import marked

LOOK_S = 0.5
KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory of all processes together and output in bytes; number of processes.

    Time belongs to each document (`limit_s`); `grace_s` is what it may take beyond that to end.
    """

    memory_bytes: int = 4 << 30
    processes: int = 200
    output_bytes: int = 64 << 20
    grace_s: float = 20.0


class Watch:
    """Looks at the processes with a mark until closed; sets `stop` and says `why` at a breach."""

    def __init__(
        self, mark: str, log: Path, limits: Limits, stop: Event, late: Callable[[], str]
    ) -> None:
        self.why = ""
        self._mark, self._log, self._limits = mark, log, limits
        self._stop, self._late = stop, late
        self._closed = Event()
        self._thread = Thread(target=self._look, name="runner-watch", daemon=True)

    def __enter__(self) -> Watch:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End looking."""
        self._closed.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._closed.wait(LOOK_S):
            self.why = self._late() or self._too_much()
            if self.why:
                self._stop.set()
                return

    def _too_much(self) -> str:
        limits = self._limits
        found = list(marked(self._mark))
        if len(found) > limits.processes:
            return f"it ran {len(found)} processes, {limits.processes} are allowed"
        used = sum(map(_memory, found))
        if used > limits.memory_bytes:
            return f"it took {used >> 20} MiB of memory, {limits.memory_bytes >> 20} are allowed"
        with suppress(OSError):
            if self._log.stat().st_size > limits.output_bytes:
                return f"it wrote more than {limits.output_bytes >> 20} MiB of output"
        return ""


def _memory(process: int) -> int:
    """Return the memory of a process in bytes; what it shares with others counts in part."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * KIB
    return 0
