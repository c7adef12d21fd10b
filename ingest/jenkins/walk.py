"""Builds of one job, newest first, in ranges of the list that Jenkins numbers from the newest.

The list moves while it is walked: a new build pushes every other one down, a deleted one pulls
those below it up. So ranges overlap by one build; where the overlap is missing, something was
pulled up, and the walk steps back until it meets a build that it knows. What is asked and what is
kept of an answer is decided here; asking is in `pull`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from golive_core.http import Request
from ingest.jenkins.state import JobState, Json, Walk
from ingest.parse.jenkins_builds import TREE, Place, is_open
from ingest.parse.jenkins_jobs import Job

PAGE = 1000
"""Builds a request."""
SPARE = 2
"""Builds asked for beyond the expected: some may have begun meanwhile."""
STEP_BACK = 50
"""Places that the walk steps back first where the overlap is missing; it doubles each time."""
NEAR = 20
"""A running build among this many newest is asked for together with the new ones."""
GONE = frozenset({404})


@dataclass(frozen=True, slots=True)
class Range:
    """Places of the list of builds, `first` to before `end`."""

    first: int
    end: int


@dataclass(slots=True)
class Errand:
    """What is to be done in one job in this pull.

    `since` (ms) ends a walk early if it is set. `singles` are running builds to ask for one by
    one, `near` those that the walk passes; `seen` are the builds that it met,
    `tried` those whose details were asked for.
    """

    job: Job
    state: JobState
    place: Place
    since: int = 0
    singles: list[int] = field(default_factory=list[int])
    near: list[int] = field(default_factory=list[int])
    seen: set[int] = field(default_factory=set[int])
    tried: set[int] = field(default_factory=set[int])
    is_over: bool = False

    def requests(self) -> Iterator[Request]:
        """Yield the requests that seem needed, but none of a walk that ended meanwhile."""
        for number in self.singles:
            yield self.single(number)
        for one in planned(self.job, self.state.walk):
            if self.is_over:
                return
            yield self.page(one)

    def page(self, one: Range) -> Request:
        """Return the request for a range of builds."""
        tree = f"allBuilds[{TREE}]{{{one.first},{one.end}}}"
        return Request(f"{self.job.path}/api/json", {"tree": tree}, accepts=GONE, tag=(self, one))

    def single(self, number: int) -> Request:
        """Return the request for one build."""
        path = f"{self.job.path}/{number}/api/json"
        return Request(path, {"tree": TREE}, accepts=GONE, tag=(self, number))

    def following(self) -> Range:
        """Return the range after what was walked."""
        first = max(0, self.walk.to - 1)
        wanted = (self.walk.low or self.job.last) - self.walk.floor + SPARE
        return Range(first, first + min(PAGE, max(SPARE, wanted)))

    @property
    def walk(self) -> Walk:
        """The walk under way; there is one unless the errand is over."""
        if self.state.walk is None:
            self.state.walk = Walk(self.state.last)
        return self.state.walk


def errand(job: Job, state: JobState, place: Place, *, since: int = 0) -> Errand | None:
    """Return what is to be done in a job, or None if nothing is new there."""
    due = [number for number in state.running if number <= job.completed or number > job.last]
    has_new = job.last > state.last
    if not (due or has_new or state.walk or state.owed):
        return None
    near = [number for number in due if has_new and state.last - NEAR < number <= job.last]
    if has_new and state.walk is None:
        state.walk = Walk(min([state.last, *(number - 1 for number in near)]))
    singles = [number for number in due if number not in near]
    return Errand(job, state, place, since, singles, near, is_over=state.walk is None)


def was_made_anew(job: Job, state: JobState) -> bool:
    """Tell whether this is another job under a known name: numbers went back, time did not."""
    if not state.last or not job.last:
        return False
    return (job.last < state.last and job.at > state.at) or (
        job.last == state.last and job.at != state.at
    )


def planned(job: Job, walk: Walk | None) -> Iterator[Range]:
    """Yield the ranges that a walk should need if no build was ever deleted."""
    if walk is None:
        return
    start = max(0, walk.to - 1)
    upper = walk.low or job.last
    wanted = upper - max(walk.floor, job.first - 1) + SPARE
    if wanted <= PAGE:
        yield Range(start, start + wanted)
        return
    for step in range(math.ceil(wanted / (PAGE - 1))):
        first = start + step * (PAGE - 1)
        yield Range(first, first + PAGE)


def has_gap(walk: Walk, one: Range, builds: Sequence[Json]) -> bool:
    """Tell whether builds may have slipped between the range and what was walked before."""
    return bool(walk.low and one.first and builds) and builds[0]["number"] < walk.low


def back(one: Range, times: int) -> Range:
    """Return a range before this one that overlaps it by one."""
    return Range(max(0, one.first - STEP_BACK * 2**times), one.first + 1)


def advance(walk: Walk, one: Range, builds: Sequence[Json], since: int) -> bool:
    """Note in the walk that the range was stored; return whether it was the last."""
    if builds:
        if not walk.low:
            walk.head, walk.at = builds[0]["number"], builds[0]["timestamp"]
        walk.low = min(builds[-1]["number"], walk.low or builds[-1]["number"])
        walk.to = max(walk.to, one.end)
    is_short = len(builds) < one.end - one.first
    return is_short or builds[-1]["number"] <= walk.floor or builds[-1]["timestamp"] < since


def fresh(walk: Walk, builds: Sequence[Json]) -> list[Json]:
    """Return the builds of a page that the walk wants and has not stored yet."""
    return [
        build
        for build in builds
        if build["number"] > walk.floor and not (walk.low and build["number"] >= walk.low)
    ]


def remembered(build: Json) -> Json:
    """Return what the cursor keeps of a running build: all but its parameters and artifacts."""
    actions = [one for one in build.get("actions") or () if one and "parameters" not in one]
    return {**build, "actions": actions, "artifacts": []}


def note(state: JobState, builds: Sequence[Json]) -> list[Json]:
    """Sort builds into running and ended; return those that have ended since the last pull."""
    ended: list[Json] = []
    for build in builds:
        number = build["number"]
        if is_open(build):
            state.running[number] = remembered(build)
        elif state.running.pop(number, None) or number > state.last:
            ended.append(build)
    return ended
