"""Writes tests for functions and keeps those that are worth it: stable, and killing mutants.

`generate` asks writers for candidates, runs each several times, and scores what stayed the same by
the mutants of the targets that it kills. Kept is the smallest set, found greedily, that kills what
all of them kill, and skeletons of properties, which people fill. How code is run is not known here:
a `Laboratory` does it (`golive_runner/sandbox/trial.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from golive_agents.mutations import Mutant, mutants
from golive_agents.targets import Target, lines_under
from golive_agents.test_writing import Candidate, file_of, of_source, pinned

Outcomes = Mapping[str, str]
PASSED = "passed"


class Laboratory(Protocol):
    """Where code of the project is run."""

    def observe(self, module: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return calls of functions with their outcomes."""
        ...

    def skeletons(self, module: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return property skeletons: rows with `written`, or `error`."""
        ...

    def run(self, test: str) -> Outcomes | None:
        """Run a test file once; return how each test ended, None if it could not be loaded."""
        ...

    def mutants(
        self, test: str, file: str, mutants: Mapping[int, str]
    ) -> Iterator[tuple[int, Outcomes | None]]:
        """Yield how the tests ended with each text of a file; None: none could be run."""
        ...


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed: a place where tests are missing."""

    path: str
    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A kept test, and how many mutants it kills."""

    candidate: Candidate
    kills: int


@dataclass(frozen=True, slots=True)
class Generated:
    """The tests of one file: what is kept and why the rest is not."""

    path: str
    module: str
    functions: tuple[str, ...]
    kept: tuple[Scored, ...] = ()
    candidates: int = 0
    unstable: tuple[str, ...] = ()
    killed: int = 0
    mutants: int = 0
    survivors: tuple[Survivor, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def source(self) -> str:
        """The test file; "" without a test."""
        told = f"They kill {self.killed} of {self.mutants} mutants."
        return file_of([one.candidate for one in self.kept], self.module, told) if self.kept else ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "source": self.source}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: functions of one file, runs of each test, mutants at most."""

    targets: Sequence[Target]
    text: str
    runs: int = 3
    most_mutants: int = 60


Writer = Callable[[Sequence[Target], Laboratory], tuple[list[Candidate], list[str]]]
"""Returns candidates, and notes on what could not be written."""


def by_calls(
    targets: Sequence[Target], laboratory: Laboratory
) -> tuple[list[Candidate], list[str]]:
    """Write tests that hold calls to what they give now."""
    module = targets[0].module
    observed = laboratory.observe(module, [one.name for one in targets])
    seen = {one["function"] for one in observed}
    missing = [one.name for one in targets if one.name not in seen]
    note = f"no call was found whose outcome can be written down: {', '.join(missing)}"
    return pinned(module, observed), [note] if missing else []


def by_hypothesis(
    targets: Sequence[Target], laboratory: Laboratory
) -> tuple[list[Candidate], list[str]]:
    """Write skeletons of properties; those whose values nobody told (st.nothing) are left out."""
    found: list[Candidate] = []
    notes: list[str] = []
    for row in laboratory.skeletons(targets[0].module, [one.name for one in targets]):
        if "error" in row:
            notes.append(f"{row['function']}: hypothesis cannot write it: {row['error'][:200]}")
        elif "st.nothing()" in row["written"]:
            notes.append(f"{row['function']}: annotate its parameters for a property")
        else:
            found += of_source(row["written"], "property")
    return found, notes


def generate(wanted: Wanted, laboratory: Laboratory, writers: Sequence[Writer]) -> Generated:
    """Return the tests of functions of one file that are worth keeping."""
    candidates, notes = _written(wanted, laboratory, writers)
    first = wanted.targets[0]
    names = tuple(one.name for one in wanted.targets)
    empty = Generated(first.path, first.module, names, notes=tuple(notes))
    if not candidates:
        return empty
    named = {one.name: one for one in candidates}
    stable = _stable(named, laboratory, wanted)
    unstable = tuple(name for name in named if name not in stable)
    chosen = _chosen(wanted)
    kills = _kills({name: named[name] for name in stable}, wanted, laboratory, chosen)
    killed = set[int]().union(*kills.values())
    return Generated(
        first.path, first.module, names, _smallest(named, kills), len(candidates), unstable,
        len(killed), len(chosen),
        tuple(Survivor(first.path, one.line, one.before, one.after)
              for number, one in chosen.items() if number not in killed),
        tuple(notes),
    )  # fmt: skip


def _written(
    wanted: Wanted, laboratory: Laboratory, writers: Sequence[Writer]
) -> tuple[list[Candidate], list[str]]:
    found: dict[str, Candidate] = {}
    notes: list[str] = []
    for writer in writers:
        candidates, said = writer(wanted.targets, laboratory)
        notes += said
        for one in candidates:
            found.setdefault(one.name, one)
    return list(found.values()), notes


def _stable(named: Mapping[str, Candidate], laboratory: Laboratory, wanted: Wanted) -> list[str]:
    """Return the tests that pass each time, in order."""
    kept = list(named)
    for _ in range(wanted.runs):
        if kept:
            ended = laboratory.run(_source(named, kept, wanted)) or {}
            kept = [name for name in kept if ended.get(name) == PASSED]
    return kept


def _source(named: Mapping[str, Candidate], names: Sequence[str], wanted: Wanted) -> str:
    return file_of([named[name] for name in names], wanted.targets[0].module, "")


def _chosen(wanted: Wanted) -> dict[int, Mutant]:
    """Return mutants of the targets and of what they use in their file, evenly chosen."""
    lines = lines_under(wanted.text, [one.name for one in wanted.targets])
    found = mutants(wanted.text, lines)
    step = max(1, -(-len(found) // wanted.most_mutants))
    return dict(enumerate(found[::step]))


def _kills(
    named: Mapping[str, Candidate], wanted: Wanted, laboratory: Laboratory,
    chosen: Mapping[int, Mutant],
) -> dict[str, set[int]]:  # fmt: skip
    """Return the mutants that each test notices; one with which none can be run, all notice."""
    kills: dict[str, set[int]] = {name: set() for name in named}
    if not named or not chosen:
        return kills
    source = _source(named, list(named), wanted)
    texts = {number: one.text for number, one in chosen.items()}
    for number, ended in laboratory.mutants(source, wanted.targets[0].path, texts):
        for name in named:
            if ended is None or ended.get(name, PASSED) != PASSED:
                kills[name].add(number)
    return kills


def _smallest(named: Mapping[str, Candidate], kills: Mapping[str, set[int]]) -> tuple[Scored, ...]:
    """Return tests that together kill all that is killed, and every skeleton of a property."""
    left = set[int]().union(*kills.values())
    kept: list[str] = []
    while left:
        best = max(kills, key=lambda name: len(kills[name] & left))
        kept.append(best)
        left -= kills[best]
    kept += [name for name in kills if named[name].kind == "property" and name not in kept]
    return tuple(Scored(named[name], len(kills[name])) for name in sorted(kept))
