"""`golive test verify`: does the fix of a flaky test hold, by reruns until that is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_runner.worktree import Repository

WORDS = {
    "stable": "The fix holds", "flaky": "The fix does not hold", "broken": "It fails every time",
    "unsure": "Not sure yet: give it more --runs",
}  # fmt: skip


def command(
    test: Annotated[str, typer.Argument(help="Node id of pytest: tests/test_cart.py::test_add.")],
    since_fix: Annotated[str, typer.Option(help="The commit that mended it.")],
    runs: Annotated[int, typer.Option(help="At most so many.", min=1)] = 300,
    confidence: Annotated[float, typer.Option(help="How sure it has to be.", min=0.5,
        max=0.9999)] = 0.95,
    timeout: Annotated[float, typer.Option(help="Seconds of a round.", min=1)] = 600.0,
    python: Annotated[str, typer.Option(help="The suite's Python; default: the PATH's.")] = "",
    project: Annotated[str, typer.Option(help="Whose test it is; keeps the verdict.")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run a mended test until its fix is sure: golive test verify TEST --since-fix SHA."""
    from golive_cli import kept_verdicts, stressing
    from golive_cli.fix_evidence import evidence
    from golive_runner.changed_tests import top
    from golive_runner.reruns import Reruns
    from golive_runner.stress import stress
    from models import reruns

    owner = kept_verdicts.owner(project)
    repository = top(Path.cwd())
    fix = _fix(repository, since_fix)
    known = evidence(repository, fix, test)
    say(
        f"The lake knows {known.before_failed} failures in {known.before_runs} attempts before the "
        f"fix, {known.failed} in {known.runs} since."
    )
    before = known.before_failed, known.before_runs
    made = Reruns([test], Path.cwd(), stressing.interpreter(python), 0, timeout)
    found = stress(
        made,
        lambda failed, done: reruns.fix(
            failed + known.failed, done + known.runs, before=before, confidence=confidence
        ),
        runs, stressing.progress,
    )  # fmt: skip
    stressing.tell(found, as_json=as_json, what="P(fix holds)")
    asked = kept_verdicts.Asked("verify", "", repository.commit("HEAD"), fix)
    kept_verdicts.keep_reruns(owner, asked, found, known)
    verdicts = {judged.verdict for course, judged in found if course.runs} or {"unsure"}
    worst = next(one for one in ("broken", "flaky", "unsure", "stable") if one in verdicts)
    say(f"{WORDS[worst]}.")
    if worst != "stable":
        raise typer.Exit(1)


def _fix(repository: Repository, named: str) -> str:
    """Return the fix; raises UsageError where it is not in what is checked out."""
    fix = repository.commit(named)
    if not repository.is_ancestor(fix, repository.commit("HEAD")):
        raise UsageError(
            "the fix is not in what is checked out", where=named,
            hint="Check out a commit that has it",
        )  # fmt: skip
    return fix
