"""Tries generated tests out: each several times in processes of their own, then against mutants.

The tests and the code that they test run in a work tree of the commit, under the Python of the
project, with few variables of the environment, bounded in time and memory, behind a guard
(`golive_runner/sandbox/guard.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from golive_core.errors import GoLiveError
from golive_core.settings import child_environment
from golive_runner import process

DRIVER = Path(__file__).with_name("driver.py")
FOLDER = "golive_generated"
"""Where tests lie in the work tree while they are tried."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TZ")
TAIL = 600
EACH_S, EACH_MUTANT_S, MUTANT_S = 10.0, 2.0, 15
"""Seconds of a test, of a test of a mutant, and of all tests of a mutant."""
Line = dict[str, Any]


class TrialError(GoLiveError):
    """The sandbox could not do what it was asked: its Python lacks something, or time is up."""


@dataclass(frozen=True)
class Trial:
    """A sandbox over a work tree; `timeout_s` bounds each of its processes."""

    tree: Path
    python: str = sys.executable
    timeout_s: float = 120.0
    memory_mib: int = 4096
    stop: Event = field(default_factory=Event)

    def observe(self, module: str, names: Sequence[str]) -> list[Line]:
        """Return calls of functions of a module with their outcomes."""
        return list(self._do("observe", targets=[{"module": module, "names": list(names)}]))

    def skeletons(self, module: str, names: Sequence[str]) -> list[Line]:
        """Return the property skeletons that hypothesis writes of functions of a module."""
        return list(self._do("write", targets=[{"module": module, "names": list(names)}]))

    def run(self, test: str) -> Mapping[str, str] | None:
        """Run a test file once; return how each test ended, None where it could not be loaded."""
        said = list(self._do("run", test=self._placed(test), each_s=EACH_S))
        return said[0]["outcomes"]

    def mutants(
        self, test: str, file: str, mutants: Mapping[int, str]
    ) -> Iterator[tuple[int, Mapping[str, str] | None]]:
        """Yield how the tests ended with each text of a file; None where none could be run."""
        wanted = [{"id": number, "text": text} for number, text in mutants.items()]
        for said in self._do(
            "mutants", self.timeout_s + MUTANT_S * len(wanted), test=self._placed(test),
            file=file, mutants=wanted, each_s=EACH_MUTANT_S, limit_s=MUTANT_S,
        ):  # fmt: skip
            yield said["mutant"], said["outcomes"]

    def _placed(self, test: str) -> str:
        folder = self.tree / FOLDER
        folder.mkdir(exist_ok=True)
        (folder / "pytest.ini").write_text("[pytest]\n")
        path = folder / "test_generated.py"
        path.write_text(test)
        return str(path)

    def _do(self, mode: str, within_s: float = 0.0, **asked: object) -> Iterator[Line]:
        job, told, log = (self.tree / FOLDER / f"{mode}.{end}" for end in ("job", "told", "log"))
        job.parent.mkdir(exist_ok=True)
        told.unlink(missing_ok=True)
        job.write_text(json.dumps({
            "mode": mode, "tree": str(self.tree), "told": str(told),
            "memory_mib": self.memory_mib, **asked,
        }))  # fmt: skip
        ended = process.run(
            [self.python, "-I", str(DRIVER), str(job)], folder=self.tree, log=log,
            environment=self._environment(), mark=str(self.tree),
            timeout_s=within_s or self.timeout_s, stop=self.stop,
        )  # fmt: skip
        if ended.code != 0:
            raise TrialError(
                _why(mode, ended.code, log),
                where=self.python,
                hint=HINT if ended.code is not None else SLOW,
            )
        for line in told.read_text().splitlines():
            yield json.loads(line)

    def _environment(self) -> dict[str, str]:
        """Return the few variables that code needs to run; none that could hold a secret.

        Plugins of pytest that others installed open sockets and reorder: tests here need none.
        """
        every = child_environment()
        kept = {name: every[name] for name in PASSED_ON if name in every}
        return {**kept, "HOME": str(self.tree / FOLDER), "TMPDIR": str(self.tree / FOLDER),
                "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # fmt: skip


SLOW = "Something in it waits or never ends: name a range that leaves it out"
HINT = "The Python of --python needs pytest, and hypothesis[ghostwriter] for properties"


def _why(mode: str, code: int | None, log: Path) -> str:
    if code is None:
        return f"{mode} did not end in time"
    text = log.read_text(errors="replace").strip()[-TAIL:]
    last = text.splitlines()[-1] if text else f"exit code {code}"
    return f"{mode} failed: {last}"
