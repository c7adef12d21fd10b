"""From a file or a range to tests that were tried: the work tree, the sandbox and the writers."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_agents.change import Clone
    from golive_agents.targets import Target
    from golive_agents.test_generator import Generated, Writer
    from golive_core.lake import Lake
    from golive_runner.sandbox.trial import Trial

VENVS = (".venv", "venv")
MOST_COPIED = 2_000
MOST_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What tests are wanted of: a Python file, or a range; `python` "" means the project's.

    `gaps_only`: of functions with lines that no test runs, as the lake of `project` has them.
    """

    what: str
    repo: Path
    runs: int
    mutants: int
    python: str = ""
    project: str = ""
    gaps_only: bool = False


def file_of(asked: Asked) -> Path | None:
    """Return the file that is meant, None for a range."""
    places = (Path(asked.what), asked.repo / asked.what)
    return next((one.resolve() for one in places if one.is_file()), None)


@contextmanager
def laboratory(asked: Asked, clone: Clone, sha: str) -> Generator[Trial]:
    """Lend a sandbox over a work tree of a commit; it is removed at the end of the block."""
    from golive_runner.sandbox.trial import Trial
    from golive_runner.worktree import Repository, WorkTree

    folder = Path(tempfile.mkdtemp(prefix="golive-tests-"))
    tree = WorkTree(Repository(clone.top), folder / "tree")
    try:
        tree.check_out(sha)
        if file_of(asked):
            _overlay(clone, tree.path)
        yield Trial(tree.path, python_of(asked.python, clone.top))
    finally:
        tree.remove()
        shutil.rmtree(folder, ignore_errors=True)


def python_of(named: str, top: Path) -> str:
    """Return the Python that runs the project's code: its virtual environment's, else this one."""
    if named:
        found = shutil.which(named)
        if not found:
            raise UsageError("there is no such Python", where=named)
        return found
    places = [top / name / "bin" / "python" for name in VENVS]
    return next((str(one) for one in places if one.exists()), sys.executable)


def _overlay(clone: Clone, tree: Path) -> None:
    """Bring what is not committed yet into the work tree."""
    changed = clone.git.run("diff-index", "-z", "--name-only", "--diff-filter=d", "HEAD")
    others = clone.git.run("ls-files", "-z", "--others", "--exclude-standard")
    names = (changed + others).decode(errors="surrogateescape").split("\0")
    for name in names[:MOST_COPIED]:
        place = clone.top / name
        if name and place.is_file() and not place.is_symlink():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, tree / name)


def targets_of(asked: Asked, clone: Clone) -> tuple[str, list[tuple[list[Target], str]]]:
    """Return the commit, and for each file its functions to test with its text.

    Raises UsageError where nothing of it can be tested.
    """
    file = file_of(asked)
    found: list[tuple[list[Target], str]]
    if file:
        if not file.is_relative_to(clone.top):
            raise UsageError("it is not in the repository", where=str(file), hint="--repo PATH")
        path = file.relative_to(clone.top).as_posix()
        head, found = clone.commit("HEAD"), [_of(path, file.read_text(), None)]
    else:
        change = clone.change(asked.what)
        head = change.head
        found = []
        for path, new in change.lines.items():
            text = clone.text(head, path) if path.endswith(".py") and new else None
            found += [_of(path, text, new)] if text else []
    told = [one for one in found if one[0]]
    if not told:
        raise UsageError(
            "no public function at the top of a module was found", where=asked.what,
            hint="Methods, generators and coroutines are left out",
        )  # fmt: skip
    return head, told


def _of(path: str, text: str, new: frozenset[int] | None) -> tuple[list[Target], str]:
    from golive_agents.targets import targets

    try:
        return targets(path, text, new), text
    except SyntaxError as error:
        raise UsageError(f"it is no Python: {error}", where=path) from error


def generated(asked: Asked, writers: Sequence[Writer]) -> Iterator[Generated]:
    """Yield the tests of each file."""
    from golive_agents.change import Clone
    from golive_agents.test_generator import Wanted, generate

    clone = Clone(asked.repo)
    sha, found = targets_of(asked, clone)
    missed = gaps(asked, clone, "" if file_of(asked) else sha, [text[0].path for text, _ in found])
    if asked.gaps_only:
        found = _with_gaps(asked, found, missed)
    with laboratory(asked, clone, sha) as trial:
        for targets, text in found:
            wanted = Wanted(targets, text, asked.runs, asked.mutants)
            made = generate(wanted, trial, writers)
            yield replace(made, notes=(*_gap_notes(targets, missed), *made.notes))


def gaps(asked: Asked, clone: Clone, head: str, paths: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return the statements of files that no test runs; a file that nobody measured is not there.

    `head` "" means the files as they are in the checkout.
    """
    from golive_cli.diff_coverage import covered
    from golive_core.lake import Lake
    from golive_core.settings import home
    from golive_runner.changed_tests import Change
    from golive_runner.worktree import Repository

    lake = Lake(home() / "lake")
    project = asked.project or _measured_project(lake)
    if not project:
        return {}
    whole = dict.fromkeys(paths, frozenset(range(1, MOST_LINES)))
    told = covered(lake, project, Change(Repository(clone.top), whole, head))
    return {one.path: one.missed for one in told if one.is_measured}


def _measured_project(lake: Lake) -> str:
    """Return the only project whose coverage by test is known, "" for none or several."""
    if not lake.exists("core.test_coverage"):
        return ""
    known = lake.query("select distinct project_id from core.test_coverage")["project_id"]
    return known[0] if len(known) == 1 else ""


def _with_gaps(
    asked: Asked, found: Sequence[tuple[list[Target], str]], missed: Mapping[str, frozenset[int]]
) -> list[tuple[list[Target], str]]:
    """Return what has functions with lines that no test runs; raises UsageError for none."""
    if not missed:
        raise UsageError(
            "it is not known which lines tests run", where=asked.what,
            hint="pytest --cov --cov-context=test, then golive ingest coverage .coverage, and "
            "--project where there are several",
        )  # fmt: skip
    left = [
        ([one for one in targets if missed.get(one.path, frozenset[int]()) & set(one.lines)], text)
        for targets, text in found
    ]
    if not any(targets for targets, _ in left):
        raise UsageError("tests run every line of its functions", where=asked.what)
    return [one for one in left if one[0]]


def _gap_notes(targets: Sequence[Target], missed: Mapping[str, frozenset[int]]) -> list[str]:
    from ingest.parse.test_lines import ranges

    own = [(one, missed.get(one.path, frozenset[int]()) & set(one.lines)) for one in targets]
    return [
        f"{one.name}: no test ran line{'s' if len(lines) > 1 else ''} {ranges(lines)} so far"
        for one, lines in own if lines
    ]  # fmt: skip
