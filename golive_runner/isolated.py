"""Runs documents in a process of their own, under limits, and leaves nothing of it behind.

A document whose process was ended (time, memory, a crash) becomes an attempt that says so; a new
process goes on with the next one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from golive_runner import process
from golive_runner.attempt import Attempt
from golive_runner.job import Job, attempt_of, events
from golive_runner.journeys.launch import with_ffmpeg
from golive_runner.scratch import scratch
from golive_runner.watch import Limits, Watch

TAIL_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a run: attempts in their order, and the documents that could not be run."""

    attempts: tuple[Attempt, ...]
    wrong: Mapping[str, str]


@dataclass
class _State:
    """What the process told so far."""

    on: Callable[[Attempt], None]
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    done: set[str] = field(default_factory=set[str])
    running: str = ""
    limit_s: float = 0.0
    began: float = 0.0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def take(self, event: Mapping[str, Any]) -> None:
        if "begin" in event:
            self.running, self.limit_s = event["begin"], event["limit_s"]
            self.began, self.at = time.monotonic(), datetime.now(UTC)
        elif "attempt" in event:
            self.add(attempt_of(event))
        elif "wrong" in event:
            self.wrong[event["wrong"]] = event["error"]
        elif "done" in event:
            self.done.add(event["done"])
            self.running = ""

    def add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.on(attempt)

    def late(self, grace_s: float) -> str:
        taken = time.monotonic() - self.began
        if self.running and taken > self.limit_s + grace_s:
            return f"it ran past its limit of {self.limit_s:g} s"
        return ""


def run(
    job: Job, *, limits: Limits | None = None, stop: Event | None = None,
    on: Callable[[Attempt], None] = lambda _: None,
) -> Finished:  # fmt: skip
    """Run a job; `on` hears of each attempt as it ends, `stop` ends the run.

    Raises UsageError if its process cannot be started.
    """
    state = _State(on)
    limits, stop = limits or Limits(), stop or Event()
    left: list[str] = list(job.files)
    while left and not stop.is_set():
        with scratch("golive-run-") as folder:
            _once(replace(job, files=tuple(left)), folder, state, limits, stop)
        if state.running:
            state.done.add(state.running)
        left = [file for file in job.files if file not in state.done]
    return Finished(tuple(state.attempts), state.wrong)


def _once(job: Job, folder: Path, state: _State, limits: Limits, stop: Event) -> None:
    """Run one process until it ends or is ended; what it was at is then told as ended."""
    state.running, mark = "", uuid4().hex
    job.write(folder / "job.json")
    told, log = _Tail(folder / "events.jsonl", state), folder / "output.log"
    breach = Event()

    def late() -> str:
        told.read()
        if stop.is_set():
            return "it was stopped"
        return state.late(limits.grace_s)

    # What browsers and traces write meanwhile goes with the folder, however the process ends.
    environment = {**with_ffmpeg(Path(job.home)), "TMPDIR": str(folder)}
    with Watch(mark, log, limits, breach, late) as watch:
        ended = process.run(
            [sys.executable, "-m", "golive_runner.worker", "job.json", "events.jsonl"],
            folder=folder, log=log, environment=environment, mark=mark,
            timeout_s=None, stop=breach,
        )  # fmt: skip
    told.read()
    if undone := [file for file in job.files if file not in state.done]:
        state.running = state.running or undone[0]
        why = watch.why or f"its process ended with {ended.code}"
        state.add(_ended(job, state, why, log))


class _Tail:
    """Reads what was added to the file of events."""

    def __init__(self, path: Path, state: _State) -> None:
        self._path, self._state, self._at = path, state, 0

    def read(self) -> None:
        for event in self._new():
            self._state.take(event)

    def _new(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open() as file:
            file.seek(self._at)
            lines = [line for line in iter(file.readline, "") if line.endswith("\n")]
            self._at += sum(len(line.encode()) for line in lines)
        yield from events(lines)


def _ended(job: Job, state: _State, why: str, log: Path) -> Attempt:
    """Return the attempt of the document that a process was at when it ended."""
    path = Path(state.running)
    root = Path(job.root)
    suite = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
    name, environment = _head(path, job.browser)
    seconds = time.monotonic() - state.began if state.began else 0.0
    at = state.at if state.began else datetime.now(UTC)
    tail = log.read_bytes()[-TAIL_CHARS:].decode("utf-8", "replace") if log.exists() else ""
    return Attempt(
        suite, name, "error", at, seconds, suite, environment, "Ended", f"the run was ended: {why}",
        tail,
    )  # fmt: skip


def _head(path: Path, browser: str) -> tuple[str, str]:
    """Return the title of a document and what its attempts run in, as its engine calls it."""
    from golive_core.errors import GoLiveError
    from golive_runner import rest
    from golive_runner.journeys import document
    from golive_runner.worker import ENGINES
    from golive_runner.yaml_file import YamlFile

    try:
        file = YamlFile.read(path)
        said = file.mapping()
        if "journey" in said:
            journey = document.parse(file)
            return journey.name, journey.environment(browser)
    except GoLiveError:
        return path.stem, browser
    title = next((str(said[word]) for word in ENGINES if word in said), path.stem)
    return title, rest.Options().environment
