"""What a step costs, measured in a process of its own: wall, CPU and peak memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds on the clock and of all cores for some rows; `memory_mb` of its whole process."""

    side: str
    name: str
    wall: float
    cpu: float
    rows: int = 0
    memory_mb: float = 0.0


class Meter:
    """Collects the figures of one process."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.figures: list[Figure] = []

    def once(self, name: str, work: Callable[[], Any], *, rows: int = 0) -> Any:  # noqa: ANN401 - of the work
        """Run the work, note what it costs, and return what it returns."""
        wall, cpu = time.perf_counter(), time.process_time()
        answer = work()
        taken = time.perf_counter() - wall, time.process_time() - cpu
        self.figures.append(Figure(self.side, name, *taken, rows))
        return answer

    def best(self, name: str, work: Callable[[], Any], *, rounds: int, rows: int = 0) -> Any:  # noqa: ANN401 - of the work
        """Run the work some times, note the cheapest run, and return the last answer."""
        answer = None
        first = len(self.figures)
        for _ in range(rounds):
            answer = self.once(name, work, rows=rows)
        self.figures[first:] = [min(self.figures[first:], key=lambda one: one.wall)]
        return answer


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    # Not ru_maxrss: a new process begins with that of its parent.
    words = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()
    return int(words[0]) / 1024


def apart(step: Callable[..., tuple[list[Figure], Any]], *given: Any) -> tuple[list[Figure], Any]:  # noqa: ANN401 - of the step
    """Run a step in a fresh process; return its figures with the peak of that process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        figures, answer, peak = pool.submit(_inside, step, given).result()
    return [replace(one, memory_mb=peak) for one in figures], answer


def _inside(step: Callable[..., Any], given: tuple[Any, ...]) -> tuple[list[Figure], Any, float]:
    figures, answer = step(*given)
    return figures, answer, peak_mb()


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
