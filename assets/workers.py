"""Parser processes: units in, outcomes out in the order of the units, memory bounded.

What a unit means is in `assets/parsing.py`. The parent parses too, and workers are started only
once there is work worth their start (about half a second of CPU each).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from traceback import format_exception
from types import TracebackType
from typing import Self, cast

from assets import parsing
from assets.child import Child, Connection
from assets.parsing import Outcome
from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from ingest.source import Context, Instance, Source, Unit

WORTH_BYTES = 8_000_000
"""Payload bytes in the plan from which workers are started at once."""
WORTH_SECONDS = 0.3
"""Seconds of parsing in the parent after which workers are started if units are left."""
AHEAD = 4
"""Units per process that may be under way or wait for an earlier one."""
LIVES = 2
"""Processes that may die of a unit before it is rejected."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to parse units of one instance (picklable)."""

    lake: Lake
    source: type[Source]
    instance: Instance
    context: Context


class Parsers:
    """A context manager that parses units, alone or with `processes - 1` helpers."""

    def __init__(self, lake: Lake, source: Source, job: Job | None, instance: Instance, *,
                 processes: int = 1) -> None:  # fmt: skip
        self._lake, self._source, self._instance = lake, source, instance
        self._job = job
        self._wanted = processes - 1 if job else 0
        self._helpers: list[_Helper] = []
        self._tasks: SimpleQueue[tuple[int, Unit] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, Outcome | Exception]] = SimpleQueue()

    def __enter__(self) -> Self:
        """Start nothing: that is decided when units come."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """End every helper at once; what they were at is parsed again by the next run."""
        for helper in self._helpers:
            helper.end()
        for _ in self._helpers:
            self._tasks.put(None)
        for helper in self._helpers:
            helper.join()

    def run(self, units: Iterable[Unit], *, size_bytes: int = 0) -> Iterator[Outcome]:
        """Yield the outcome of every unit, in order; `size_bytes` is what all of them weigh.

        At most AHEAD units a process are held. Raises what parsing raised, of the first unit.
        """
        if size_bytes >= WORTH_BYTES:
            self._start_helpers()
        source, finished = enumerate(units), dict[int, Outcome | Exception]()
        started, sent, wanted, exhausted = time.monotonic(), 0, 0, False
        while not exhausted or wanted < sent:
            while not exhausted and sent - wanted < AHEAD * (1 + len(self._helpers)):
                task = next(source, None)
                exhausted = task is None
                if task is not None:
                    self._tasks.put(task)
                    sent += 1
            self._work_or_wait(finished, wait=wanted < sent and wanted not in finished)
            while wanted in finished:
                yield _value(finished.pop(wanted))
                wanted += 1
            if not exhausted and time.monotonic() - started > WORTH_SECONDS:
                self._start_helpers()

    def _work_or_wait(self, finished: dict[int, Outcome | Exception], *, wait: bool) -> None:
        """Collect what helpers finished; else parse a unit here; else wait for a helper."""
        while True:
            try:
                index, result = self._done.get_nowait()
            except Empty:
                break
            finished[index] = result
            wait = False
        if not wait:
            return
        try:
            task = self._tasks.get_nowait()
        except Empty:
            index, result = self._done.get()
            finished[index] = result
            return
        if task is not None:
            finished[task[0]] = parsing.process(self._lake, self._source, self._instance, task[1])

    def _start_helpers(self) -> None:
        while self._job and len(self._helpers) < self._wanted:
            self._helpers.append(_Helper(self._job, self._tasks, self._done))


def _value(result: Outcome | Exception) -> Outcome:
    if isinstance(result, Exception):
        raise result
    return result


class _Helper:
    """One worker process and the thread that feeds it."""

    def __init__(
        self,
        job: Job,
        tasks: SimpleQueue[tuple[int, Unit] | None],
        done: SimpleQueue[tuple[int, Outcome | Exception]],
    ) -> None:
        self._job, self._tasks, self._done = job, tasks, done
        self._ending = False
        self._child: Child | None = None
        self._thread = Thread(target=self._feed, name=f"parser {job.instance.name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Kill the process; its unit is not finished."""
        self._ending = True
        if self._child:
            self._child.kill()

    def join(self) -> None:
        """Wait for the thread and reap the process."""
        self._thread.join()
        self._reap()

    def _feed(self) -> None:
        """Start the process, then hand it units: no unit waits for a process that is starting."""
        problem: Exception | None = None
        try:
            self._start()
        except Exception as error:  # noqa: BLE001 - told in place of the first unit's outcome
            problem = error
        while (task := self._tasks.get()) is not None and not self._ending:
            index, unit = task
            try:
                result = problem or self._parse(unit)
            except Exception as error:  # noqa: BLE001 - every way to fail crosses to the parent
                result = error
            self._done.put((index, result))

    def _parse(self, unit: Unit) -> Outcome | Exception:
        code = 0
        for _ in range(LIVES):
            child = self._child or self._start()
            try:
                child.pipe.send(unit)
                return cast("Outcome | Exception", child.pipe.recv())
            except (EOFError, OSError):
                code = self._reap()
                if self._ending:
                    break
        reason = f"the parser process died {LIVES} times (exit {code}), perhaps out of memory"
        return parsing.reject_unit(self._job.instance, unit, reason)

    def _start(self) -> Child:
        self._child = child = Child("assets.workers:serve")
        if self._ending:
            child.kill()
        try:
            child.pipe.send(self._job)
            problem = child.pipe.recv()
        except (EOFError, OSError) as error:
            raise GoLiveError(
                "a parser process did not start", where=self._job.instance.name
            ) from error
        if isinstance(problem, Exception):
            raise problem
        return child

    def _reap(self) -> int:
        child, self._child = self._child, None
        return child.end() if child else 0


def serve(pipe: Connection) -> None:
    """Parse units from a socket until it ends: the life of a worker process."""
    try:
        job = cast("Job", pipe.recv())
        try:
            source = job.source(job.instance, job.context)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            return pipe.send(_portable(job, error))
        pipe.send(None)
        while True:
            pipe.send(_answer(job, source, cast("Unit", pipe.recv())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pipe.close()  # the parent is gone or done


def _answer(job: Job, source: Source, unit: Unit) -> Outcome | Exception:
    try:
        return parsing.process(job.lake, source, job.instance, unit)
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return _portable(job, error)


def _portable(job: Job, error: Exception) -> GoLiveError:
    """Return the error in a form that crosses to the parent: not all can be pickled."""
    if isinstance(error, GoLiveError):
        return error
    text = "".join(format_exception(error))
    return GoLiveError(f"a parser process failed: {error!r}\n{text}", where=job.instance.name)
