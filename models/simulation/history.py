"""Commits and builds of a simulated project: who pushed what when, and what ran it.

The order of events belongs here. Which tests fail is decided in `truth`, what each attempt gave
in `attempts`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from models.simulation import names
from models.simulation.shape import Shape

DAY = 86_400.0
MAIN = "main"
PIPELINES = ("build", "nightly", "release")
HOUR_WEIGHTS = np.array([0.0] * 6 + [1, 3, 6, 8, 8, 6, 5, 7, 8, 8, 6, 4, 2, 1] + [0.5] * 4)
OPEN_BRANCHES = 4
BRANCHING = 0.4
"""Chance that work on a feature starts a new branch."""
SATURDAY = 5


@dataclass(slots=True)
class Commit:
    """One commit; `position` counts the commits of main that it contains."""

    sha: str
    branch: str
    position: int
    at: float
    author: int
    subject: str
    parents: list[str]
    area: int
    files: list[str] = field(default_factory=list[str])

    @property
    def is_merge(self) -> bool:
        """Tell whether it joins a branch into main."""
        return len(self.parents) > 1


@dataclass(slots=True)
class Run:
    """One build before anything ran: times in seconds since 1970."""

    pipeline: str
    commit: int
    at: float
    trigger: str
    number: int = 0
    attempt: int = 1
    runner: int = 0


@dataclass(slots=True)
class Branch:
    """A feature branch in work: commits still to come before it is merged."""

    name: str
    base: int
    head: str
    left: int


@dataclass(slots=True)
class History:
    """Commits in order of creation, builds in order of time, branches with their heads."""

    commits: list[Commit]
    runs: list[Run]
    heads: dict[str, str]
    merged: set[str]


class Writer:
    """Writes commits to main and to feature branches, one at a time."""

    def __init__(self, rng: np.random.Generator, seed: int, start: float) -> None:
        self.rng, self.seed = rng, seed
        self.commits: list[Commit] = []
        self.open: list[Branch] = []
        self.heads: dict[str, str] = {}
        self.merged: set[str] = set()
        self.position = 0
        self.main = 0
        self._write(MAIN, "Lay out the shop", [], 0, start)

    def push(self, at: float, *, feature: bool) -> int:
        """Add a commit at `at`, on a feature branch if `feature`; return its index."""
        if not feature:
            return self._on_main(at)
        if len(self.open) < OPEN_BRANCHES and (not self.open or self.rng.random() < BRANCHING):
            self.open.append(self._branch())
        branch = self.open[int(self.rng.integers(len(self.open)))]
        subject, area = names.subject(self.rng)
        branch.left -= 1
        index = self._write(branch.name, subject, [branch.head], area, at, branch.base)
        branch.head = self.commits[index].sha
        return index

    def _on_main(self, at: float) -> int:
        done = next((branch for branch in self.open if branch.left <= 0), None)
        head = self.commits[self.main].sha
        if done is None:
            subject, area = names.subject(self.rng)
            return self._write(MAIN, subject, [head], area, at)
        self.open.remove(done)
        self.merged.add(done.name)
        subject = f"Merge branch '{done.name}'"
        return self._write(MAIN, subject, [head, done.head], 0, at)

    def _branch(self) -> Branch:
        area = names.AREAS[int(self.rng.integers(len(names.AREAS)))]
        noun = names.NOUNS[int(self.rng.integers(len(names.NOUNS)))]
        name = f"feature/{area}-{noun}-{101 + len(self.merged) + len(self.commits)}"
        head = self.commits[self.main].sha
        return Branch(name, self.position, head, int(self.rng.integers(2, 6)))

    def _write(
        self, branch: str, subject: str, parents: list[str], area: int, at: float, base: int = -1
    ) -> int:
        index = len(self.commits)
        if branch == MAIN:
            self.position += 1
            self.main = index
        sha = hashlib.sha1(f"{self.seed}:{index}".encode(), usedforsecurity=False).hexdigest()
        author = min(int(self.rng.exponential(3.0)), len(names.PEOPLE) - 1)
        position = self.position if base < 0 else base
        commit = Commit(sha, branch, position, at, author, subject, parents, area)
        self.commits.append(commit)
        self.heads[branch] = sha
        return index


def history(
    *, builds: int, days: int, end: datetime, seed: int, shape: Shape, rng: np.random.Generator
) -> History:
    """Return `builds` builds in the `days` days before `end` and the commits behind them."""
    start = (end - timedelta(days=days)).timestamp()
    reruns = round(shape.rerun_share * builds)
    events = _events(builds - reruns, days, end, rng)
    writer = Writer(rng, seed, start - DAY)
    runs = [_run(writer, kind, at, shape) for at, kind in events]
    _number(runs)
    runs += _again(runs, reruns, end.timestamp(), rng)
    runs.sort(key=lambda run: (run.at, run.pipeline, run.number))
    for run, runner in zip(runs, rng.integers(0, shape.runners, len(runs)).tolist(), strict=True):
        run.runner = runner
    return History(writer.commits, runs, writer.heads, writer.merged)


def _events(n: int, days: int, end: datetime, rng: np.random.Generator) -> list[tuple[float, str]]:
    """Return the time and pipeline of `n` first runs, ascending."""
    nightly, release = min(days, n // 10), n // 80
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    nights = np.linspace(days - 1, 0, nightly).round()
    times = [(midnight - DAY * night + 8_100 + 60 * rng.random(), "nightly") for night in nights]
    pushes = _office_hours(n - nightly, days, end, rng)
    kinds = ["build"] * len(pushes)
    for index in rng.choice(len(pushes), release, replace=False):
        kinds[index] = "release"
    return sorted([*times, *zip(pushes, kinds, strict=True)])


def _office_hours(n: int, days: int, end: datetime, rng: np.random.Generator) -> list[float]:
    """Return `n` ascending times, most of them on weekdays between 7 and 19 UTC."""
    last = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=hour + 1) for hour in range(24 * days)]
    weights = np.array(
        [HOUR_WEIGHTS[h.hour] * (0.15 if h.weekday() >= SATURDAY else 1.0) for h in hours]
    )
    picked = rng.choice(len(hours), n, p=weights / weights.sum())
    stamps = np.array([hour.timestamp() for hour in hours])
    return np.sort(stamps[picked] + 3_600 * rng.random(n)).tolist()


def _run(writer: Writer, kind: str, at: float, shape: Shape) -> Run:
    if kind != "build":
        return Run(kind, writer.main, at, "schedule" if kind == "nightly" else "manual")
    feature = bool(writer.rng.random() < shape.feature_share)
    commit = writer.push(at - 60 * float(writer.rng.uniform(1, 15)), feature=feature)
    return Run(kind, commit, at, "pull_request" if feature else "push")


def _number(runs: list[Run]) -> None:
    counts: dict[str, int] = dict.fromkeys(PIPELINES, 0)
    for run in runs:
        counts[run.pipeline] += 1
        run.number = counts[run.pipeline]


def _again(runs: list[Run], n: int, end: float, rng: np.random.Generator) -> list[Run]:
    """Return second attempts of `n` of the runs, some minutes to two hours later."""
    fit = [run for run in runs if run.at < end - 9_000]
    chosen = sorted(rng.choice(len(fit), min(n, len(fit)), replace=False).tolist())
    return [
        Run(fit[i].pipeline, fit[i].commit, fit[i].at + float(rng.uniform(900, 7_200)),
            "manual", fit[i].number, attempt=2)
        for i in chosen
    ]  # fmt: skip
