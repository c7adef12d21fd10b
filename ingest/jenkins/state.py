"""Where the pull stands in every job: typed, and to and from the JSON of the cursor. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

Json = dict[str, Any]
Want = Literal["stages", "tests", "log"]
WANTS: tuple[Want, ...] = ("stages", "tests", "log")


@dataclass(slots=True)
class Walk:
    """An unfinished walk through the builds of a job, newest first.

    All builds with numbers from `low` up to `head` are stored, those above `floor` are wanted.
    `to` is how many places of the list were walked; `at` is the start of build `head`, in ms.
    `low` is 0 before the first page.
    """

    floor: int
    head: int = 0
    at: int = 0
    low: int = 0
    to: int = 0


@dataclass(slots=True)
class Owed:
    """What is still to be fetched of one build, and what the rows will need to know of it.

    `at` is the start (ms) and `day` the build's day. The log goes on at byte `log_start` with line
    `log_line`; `log_rest` is the beginning of a line whose end had not been written yet.
    """

    at: int
    day: str
    commit: str | None = None
    branch: str | None = None
    wants: list[Want] = field(default_factory=list[Want])
    tries: int = 0
    log_start: int = 0
    log_line: int = 1
    log_rest: str = ""


@dataclass(slots=True)
class JobState:
    """One job: all builds up to `last`, which started at `at` (ms), are stored.

    `running` holds the builds that had not ended, as last seen. `attempt` counts how often a job
    of this name was made anew.
    """

    last: int = 0
    at: int = 0
    attempt: int = 1
    running: dict[int, Json] = field(default_factory=dict[int, Json])
    walk: Walk | None = None
    owed: dict[int, Owed] = field(default_factory=dict[int, Owed])

    def begin_anew(self) -> None:
        """Forget the builds of a job that was deleted and made again under the same name."""
        self.last = self.at = 0
        self.walk = None
        self.running, self.owed = {}, {}
        self.attempt += 1

    def to_json(self) -> Json:
        """Return what differs from a job never asked; dictionary keys are text."""
        cells: Json = {"last": self.last, "at": self.at}
        if self.attempt > 1:
            cells["attempt"] = self.attempt
        if self.running:
            cells["running"] = {str(number): build for number, build in self.running.items()}
        if self.walk:
            cells["walk"] = _plain(self.walk, Walk(0))
        if self.owed:
            cells["owed"] = {str(n): _plain(one, Owed(0, "")) for n, one in self.owed.items()}
        return cells

    @classmethod
    def of_json(cls, cells: Mapping[str, Any]) -> JobState:
        """Return what `to_json` wrote."""
        walk = cells.get("walk")
        owed: Json = cells.get("owed", {})
        return cls(
            last=cells.get("last", 0),
            at=cells.get("at", 0),
            attempt=cells.get("attempt", 1),
            running={int(number): build for number, build in cells.get("running", {}).items()},
            walk=Walk(**cast("Any", {"floor": 0, **walk})) if walk else None,
            owed={
                int(n): Owed(**cast("Any", {"at": 0, "day": "", **one})) for n, one in owed.items()
            },
        )


@dataclass(slots=True)
class State:
    """Every job of an instance by full name; the names are those that core.pipelines has."""

    jobs: dict[str, JobState] = field(default_factory=dict[str, JobState])

    def of(self, job: str) -> JobState:
        """Return the state of a job, which begins empty."""
        return self.jobs.setdefault(job, JobState())

    def to_json(self) -> Json:
        """Return the cursor."""
        return {"jobs": {name: job.to_json() for name, job in self.jobs.items()}}

    @classmethod
    def of_json(cls, cursor: Mapping[str, Any] | None) -> State:
        """Return the state that a cursor holds; None is an instance never asked."""
        jobs: Json = (cursor or {}).get("jobs", {})
        return cls({name: JobState.of_json(cells) for name, cells in jobs.items()})


def _plain(one: Walk | Owed, default: Walk | Owed) -> Json:
    names = [cell.name for cell in fields(one)]
    return {
        name: value for name in names if (value := getattr(one, name)) != getattr(default, name)
    }
