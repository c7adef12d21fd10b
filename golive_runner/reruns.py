"""Runs some tests of pytest again and again, each round shuffled and in a process of its own.

The suite's own interpreter runs them with our plugin beside whatever it uses; of this tree it sees
the packages of the plugin only. A round that has to be ended (time, memory, processes, output) is
an error of the test that ran then.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import golive_runner
from golive_core import pytest_names as names
from golive_core.errors import UsageError
from golive_core.settings import child_environment
from golive_runner import process
from golive_runner.watch import Limits, Watch

OURS = ("golive.py", "golive_core", "golive_runner")
OPTIONS = (
    "-p", "golive", "-p", "no:cacheprovider", "-p", "no:randomly", "-q",
    "--golive-quarantine=none", "--golive-plan=", "--golive-url=", "--rootdir=.",
)  # fmt: skip
"""pytest-randomly would give each run of a test the same random numbers: runs must differ."""
FIRST_ROUNDS, MOST_REPEATS = 3, 10
"""Rounds in which a test runs once, since starting anew finds more; then several times each."""
NO_TESTS, WRONG_USE = 5, 4
"""Exit codes of pytest."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run of one test, by node id; `status` as in core.test_results."""

    test: str
    status: str
    message: str = ""


@dataclass
class Reruns:
    """Rounds of tests (pytest's node ids) in `folder`; `timeout_s` is for one round."""

    tests: Sequence[str]
    folder: Path
    python: str
    seed: int
    timeout_s: float = 600.0
    limits: Limits = field(default_factory=Limits)
    options: Sequence[str] = ()
    rounds: int = 0
    stop: Event = field(default_factory=Event)

    def round(self, tests: Sequence[str], most: int) -> list[Outcome]:
        """Run tests, in an order of chance, up to `most` times each; return what came of them.

        Raises UsageError where pytest does not run there, or does not know a test.
        """
        repeats = 1 if self.rounds < FIRST_ROUNDS else min(MOST_REPEATS, most)
        order = list(tests)
        random.Random(self.seed + self.rounds).shuffle(order)  # noqa: S311 - an order, no secret
        self.rounds += 1
        with tempfile.TemporaryDirectory(prefix="golive-rerun-") as place:
            return self._once(Path(place), order, repeats)

    def _once(self, place: Path, order: Sequence[str], repeats: int) -> list[Outcome]:
        (place / "home").mkdir()
        (place / "tmp").mkdir()
        log, ended, why = self._run(place, [*order, f"--golive-repeat={repeats}"])
        told = list(_told(place / "home"))
        if (ended or 0) < 0:
            why = why or f"the process was ended by signal {-(ended or 0)}"
        if why:
            return [*told, *_guilty(order, told, repeats, why)]
        if ended in (NO_TESTS, WRONG_USE) or not told:
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            raise UsageError(
                f"pytest ran none of the tests (exit code {ended}): {_reason(said)}",
                where=str(self.folder), hint=f"By hand: {self.python} -m pytest {order[0]}",
            )  # fmt: skip
        return told

    def _run(self, place: Path, words: Sequence[str]) -> tuple[Path, int | None, str]:
        mark, log, breach = uuid4().hex, place / "output.log", Event()

        def late() -> str:
            return "it was stopped" if self.stop.is_set() else ""

        with Watch(mark, log, self.limits, breach, late) as watch:
            ended = process.run(
                [self.python, "-m", "pytest", *OPTIONS, *self.options, *words],
                folder=self.folder, log=log, environment=_environment(place), mark=mark,
                timeout_s=self.timeout_s, stop=breach,
            )  # fmt: skip
        late_by = f"it ran past its limit of {self.timeout_s:g} s" if ended.code is None else ""
        return log, ended.code, watch.why or late_by


def _environment(place: Path) -> Mapping[str, str]:
    """Return the environment of a round: its own home and temporary folder, our plugin in sight."""
    shown = place / "golive"
    shown.mkdir()
    for name in OURS:
        (shown / name).symlink_to(Path(golive_runner.__file__).parents[1] / name)
    kept = child_environment()
    path = ":".join(filter(None, [str(shown), kept.get("PYTHONPATH", "")]))
    ours = {key: value for key, value in kept.items() if not key.startswith("GOLIVE_")}
    return {**ours, "GOLIVE_HOME": str(place / "home"), "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip


def _told(home: Path) -> Iterator[Outcome]:
    """Yield what the plugin wrote, also where the process was killed."""
    found = [*home.glob("pytest/*/report-*.jsonl"), *home.glob("pytest/*/journal.jsonl")]
    for path in sorted(found):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            one = _attempt(line)
            if one:
                name = names.Name(one["class_name"], one["name"])
                test = names.node_of(one["file"], name)
                yield Outcome(test, one["status"], str(one.get("message", "")))


def _attempt(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line).get("golive_attempt")
    except ValueError:
        return None


def _guilty(
    order: Sequence[str], told: Sequence[Outcome], repeats: int, why: str
) -> Iterator[Outcome]:
    """Yield an error of the test that ran when a round was ended: the first that is not through."""
    for test in order:
        ran = [one for one in told if one.test == test or one.test.startswith(f"{test}[")]
        if len(ran) < repeats:
            yield Outcome(ran[-1].test if ran else test, "error", why)
            return


def _reason(said: str) -> str:
    """Return the line of pytest's output that says most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E ", "ERROR", "error"))]
    return [*errors, *lines[-1:], "it said nothing"][0]
