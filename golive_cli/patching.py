"""A model's patch tried out: applied in a work tree, shown only if the failing test then passes.

The test has to fail without the patch first: what passes anyway needs none, and what cannot run
proves nothing.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from golive_cli.output import messages, say
from golive_core.errors import GoLiveError, UsageError

if TYPE_CHECKING:
    from golive_agents.change import Clone
    from golive_agents.explanation import Explanation
    from golive_agents.patching import Patch
    from golive_runner.worktree import WorkTree

TIMEOUT_S = 600.0
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "JAVA_HOME", "SYSTEMROOT")
CANNOT_RUN = (126, 127)


def patched(found: Explanation, *, repo: Path, command: str, runs: int) -> dict[str, Any]:
    """Return `patch` (a diff), `why`, `model` and `runs`, once the test passed with it each time.

    Raises UsageError where there is nothing to try, GoLiveError where no patch mends it.
    """
    from golive_agents.change import Clone

    clone = Clone(repo)
    sha = clone.commit(found.commit_sha or "HEAD")
    wanted = shlex.split(command) or _guessed(found, clone.top)
    with _tree(clone, sha) as tree:
        _has_to_fail(wanted, tree)
        patch = _asked(found, clone, sha)
        for path, text in patch.files:
            _inside(tree, path).write_text(text)
        diff = _diff(tree)
        for number in range(1, runs + 1):
            code = _run(wanted, tree)
            say(f"With the patch, run {number} of {runs}: {_said(code)}")
            if code != 0:
                raise GoLiveError(
                    "the patch of the model does not mend it, so it is not shown", where=found.id,
                    hint="golive model-calls shows what was answered",
                )  # fmt: skip
    say(f"{patch.model} says: {patch.why}. The test passed {runs} times with it; read it yourself.")
    return {"patch": diff, "why": patch.why, "model": patch.model, "runs": runs}


def _guessed(found: Explanation, top: Path) -> list[str]:
    """Return the command of the failing test where it is one of pytest; raises UsageError."""
    from golive_cli.runner_arguments import FORMATS
    from golive_cli.test_writing import python_of

    rows = [
        {"file": one.file, "class_name": "", "name": one.title.rpartition("::")[2]}
        for one in found.tests[:1] if (one.file or "").endswith(".py")
    ]  # fmt: skip
    if not rows:
        raise UsageError(
            "which test fails?", where=found.id, hint='--run "pytest tests/test_a.py::test_b"'
        )
    return [python_of("", top), "-m", "pytest", *FORMATS["pytest"](rows)]


@contextmanager
def _tree(clone: Clone, sha: str) -> Generator[WorkTree]:
    """Lend a work tree of a commit; it is removed at the end of the block."""
    from golive_runner.worktree import Repository, WorkTree

    folder = Path(tempfile.mkdtemp(prefix="golive-patch-"))
    tree = WorkTree(Repository(clone.top), folder / "tree")
    try:
        tree.check_out(sha)
        yield tree
    finally:
        tree.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _inside(tree: WorkTree, path: str) -> Path:
    """Return the place of a file of the work tree; raises GoLiveError where a link leads out."""
    place = tree.path / path
    if place.is_symlink() or not place.resolve().is_relative_to(tree.path.resolve()):
        raise GoLiveError("the patch is of a link, which is not followed", where=path)
    return place


def _has_to_fail(wanted: Sequence[str], tree: WorkTree) -> None:
    code = _run(wanted, tree)
    if code == 0:
        raise UsageError("the test passes at that commit: there is nothing to mend",
                         where=shlex.join(wanted))  # fmt: skip
    if code is None or code in CANNOT_RUN:
        raise UsageError(f"the test cannot be run: {_said(code)}", where=shlex.join(wanted))
    say(f"Without a patch: {_said(code)}")


def _asked(found: Explanation, clone: Clone, sha: str) -> Patch:
    """Return the patch of the configured model; raises GoLiveError where there is none."""
    from assets.model_calls import client_of
    from golive_agents.patching import propose
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    client = client_of(Lake(known.home / "lake"), known)
    with messages().status(f"{known.model.name or 'a model'} is asked ..."):
        reply = propose(found, clone, sha, client)
    if reply.value is None:
        raise GoLiveError(f"there is no patch: {reply.reason}", where=found.id)
    return reply.value


def _run(wanted: Sequence[str], tree: WorkTree) -> int | None:
    """Run the test with few variables of the environment; return its code, None if too slow."""
    from golive_core.settings import child_environment
    from golive_runner import process

    every = child_environment()
    kept = {name: every[name] for name in PASSED_ON if name in every}
    scratch = tree.path.parent
    ended = process.run(
        wanted, folder=tree.path, log=scratch / "test.log", mark=str(tree.path),
        environment={**kept, "HOME": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout_s=TIMEOUT_S, stop=Event(),
    )  # fmt: skip
    return ended.code


def _diff(tree: WorkTree) -> str:
    from ingest.git_command import Git

    git = Git(str(tree.path), ("-C", str(tree.path)))
    raw = git.run("diff-index", "-p", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD")
    text = raw.decode(errors="replace")
    if not text.strip():
        raise GoLiveError("the patch of the model changes nothing")
    return text


def _said(code: int | None) -> str:
    if code is None:
        return f"it did not end within {TIMEOUT_S:g} s"
    return "it passes" if code == 0 else f"it fails (exit code {code})"
