"""What `golive test stress` and `golive test verify` share: where tests run, and what is told."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from golive_cli.output import emit, say, show

if TYPE_CHECKING:
    from golive_runner.stress import Course
    from models.reruns import Judged


def interpreter(named: str) -> str:
    """Return the Python that the suite runs with: the one named, else that of the PATH."""
    return named or shutil.which("python") or sys.executable


@contextmanager
def checked_out(folder: Path, sha: str) -> Generator[Path]:
    """Give a work tree of a commit, gone afterwards; without a commit the folder itself."""
    from golive_runner.worktree import Repository, WorkTree

    if not sha:
        yield folder
        return
    with TemporaryDirectory(prefix="golive-stress-") as place:
        tree = WorkTree(Repository(folder), Path(place) / "tree")
        try:
            tree.check_out(sha)
            yield tree.path
        finally:
            tree.remove()


def progress(runs: int, unsure: int) -> None:
    """Say how far it is."""
    say(f"{runs} runs, {unsure} tests not sure yet")


def tell(found: Sequence[tuple[Course, Judged]], *, as_json: bool, what: str) -> None:
    """Show how each test did; `what` is what the probability is of."""
    if as_json:
        emit([_row(course, judged) for course, judged in found])
        return
    columns = ["test", "verdict", "failed", "rate", "90 % interval", what, "says"]
    show(columns, [_cells(course, judged) for course, judged in found])


def _row(course: Course, judged: Judged) -> dict[str, Any]:
    from dataclasses import asdict

    told = {**asdict(judged), "test": course.test, "messages": course.messages}
    return {**told, "verdict": word(course, judged)}


def _cells(course: Course, judged: Judged) -> list[object]:
    if not course.runs:
        return [course.test, word(course, judged), "-", "-", "-", "-", ""]
    return [
        course.test, judged.verdict, f"{course.failed} of {course.runs}", f"{judged.rate:.1%}",
        f"{judged.rate_low:.1%} to {judged.rate_high:.1%}", f"{judged.probability:.1%}",
        course.messages[:2],
    ]  # fmt: skip


def word(course: Course, judged: Judged) -> str:
    """Return the verdict; skipped where there was no run."""
    return judged.verdict if course.runs else "skipped"
