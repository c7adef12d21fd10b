"""What runs inside the sandbox: one job, given as JSON, and a line of JSON for each result.

Modes: `observe` (calls and outcomes), `write` (property skeletons by hypothesis), `run` (tests by
pytest, once), `mutants` (the tests against each mutant, every one in a forked process).

Runs under the Python of the project that is tested: standard library and pytest only.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

MIB = 1 << 20
EXAMPLES, FEW_EXAMPLES = 100, 25
Job = dict[str, Any]
On = Callable[[], None]
"""Puts the guard up."""


def main(job_file: str) -> None:
    """Do one job; what it tells goes to `told` of the job, a line at a time."""
    sys.path.insert(0, str(Path(__file__).parent))
    import guard  # type: ignore[import-not-found] - the file beside this one

    job: Job = json.loads(Path(job_file).read_text())
    tree = Path(job["tree"])
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(tree / "src"), str(tree)] if (tree / "src").is_dir() else [str(tree)]
    _limit(job["memory_mib"])
    with Path(job["told"]).open("a") as told:
        for one in MODES[job["mode"]](job, lambda: guard.enter(tree)):
            told.write(json.dumps(one) + "\n")
            told.flush()


def _limit(mib: int) -> None:
    """Bound memory where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (mib * MIB, mib * MIB))


def _observe(job: Job, on: On) -> Iterator[Job]:
    import calls  # type: ignore[import-not-found] - the file beside this one

    on()
    for target in job["targets"]:
        for one in calls.observe(target["module"], target["names"]):
            yield {**one, "module": target["module"]}


def _write(job: Job, on: On) -> Iterator[Job]:
    """Yield the skeleton of each function; raises ImportError without hypothesis and black."""
    from hypothesis.extra import ghostwriter

    on()
    for target in job["targets"]:
        module = importlib.import_module(target["module"])
        for name in target["names"]:
            try:
                source = ghostwriter.magic(getattr(module, name), annotate=False)
            except Exception as error:  # noqa: BLE001 - one that it cannot write is told
                yield {"module": target["module"], "function": name, "error": str(error)}
            else:
                yield {"module": target["module"], "function": name, "written": source}


def _run(job: Job, on: On) -> Iterator[Job]:
    _hurried(EXAMPLES)
    on()
    yield {"outcomes": _tested(job["test"], job["each_s"])}


def _hurried(examples: int) -> None:
    """Let hypothesis tell whether a property holds; the smallest example is not looked for."""
    with suppress(ImportError):
        from hypothesis import Phase, settings

        settings.register_profile(
            "golive", max_examples=examples, database=None, deadline=None,
            phases=(Phase.explicit, Phase.generate),
        )  # fmt: skip
        settings.load_profile("golive")


def _mutants(job: Job, on: On) -> Iterator[Job]:
    """Yield what each mutant did to the tests: null where they did not end in time."""
    importlib.import_module("pytest")  # loaded once, for every fork
    _hurried(FEW_EXAMPLES)
    file = Path(job["tree"]) / job["file"]
    text = file.read_text()
    on()
    for mutant in job["mutants"]:
        file.write_text(mutant["text"])
        yield {"mutant": mutant["id"], "outcomes": _forked(job)}
    file.write_text(text)


def _forked(job: Job) -> dict[str, str] | None:
    """Run the tests in a fork; None where it was ended by time or a crash."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(job["limit_s"])
        with os.fdopen(writing, "w") as out:
            out.write(json.dumps(_tested(job["test"], job["each_s"], is_cut=True)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


class LateError(BaseException):
    """A test took too long; no handler of exceptions in it may go on from there."""


class _Heard:
    """A plugin of pytest that keeps how each test ended, and ends those that take too long."""

    def __init__(self, each_s: float, *, is_cut: bool) -> None:
        self.outcomes: dict[str, str] = {}
        self._each_s, self._is_cut = each_s, is_cut

    def pytest_runtest_setup(self) -> None:
        signal.signal(signal.SIGALRM, _late)
        signal.setitimer(signal.ITIMER_REAL, self._each_s)

    def pytest_runtest_teardown(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:  # noqa: ANN401 - pytest's own
        if call.excinfo and call.excinfo.errisinstance(LateError) and self._is_cut:
            item.session.shouldstop = "one that never ends tells enough"

    def pytest_runtest_logreport(self, report: Any) -> None:  # noqa: ANN401 - pytest's own
        name = report.nodeid.rpartition("::")[2]
        before = self.outcomes.get(name, "passed")
        self.outcomes[name] = before if report.outcome == "passed" else report.outcome


def _late(*_: object) -> None:
    raise LateError


def _tested(file: str, each_s: float, *, is_cut: bool = False) -> dict[str, str] | None:
    """Return how each test of a file ended: the settings of the project are left aside.

    None where the file could not be loaded. With `is_cut` those after one that took longer than
    `each_s` are not run.
    """
    import pytest

    heard, folder = _Heard(each_s, is_cut=is_cut), str(Path(file).parent)
    args = [
        "-q", "--no-header", "--import-mode=importlib", "-p", "no:cacheprovider", "-o", "addopts=",
        "--assert=plain", f"--rootdir={folder}", f"--confcutdir={folder}", "-c",
        f"{folder}/pytest.ini", file,
    ]  # fmt: skip
    pytest.main(args, plugins=[heard])
    return heard.outcomes or None


MODES = {"observe": _observe, "write": _write, "run": _run, "mutants": _mutants}

if __name__ == "__main__":
    main(sys.argv[1])
