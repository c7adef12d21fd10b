"""`golive test stress`: are the tests that a change adds or touches flaky, before it is merged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from golive_runner.stress import Course
    from models.reruns import Judged


def command(  # noqa: PLR0913, PLR0917 - every option of the command line is a parameter
    what: Annotated[list[str] | None, typer.Argument(metavar="[RANGE|TEST...]", help="Commits, "
        "main...HEAD; or node ids of pytest. Default: all that is not on the main line.")] = None,
    runs: Annotated[int, typer.Option(help="At most so many of each test.", min=1)] = 100,
    confidence: Annotated[float, typer.Option(help="How sure a verdict has to be.", min=0.5,
        max=0.9999)] = 0.95,
    threshold: Annotated[float, typer.Option(help="Failures per run from which it is flaky.",
        min=0.0001, max=0.5)] = 0.01,
    timeout: Annotated[float, typer.Option(help="Seconds of a round.", min=1)] = 600.0,
    memory: Annotated[int, typer.Option(help="MiB for all its processes.", min=64)] = 4096,
    python: Annotated[str, typer.Option(help="The suite's Python; default: the PATH's.")] = "",
    work_tree: Annotated[bool, typer.Option("--work-tree", help="Run the range's last commit in a "
        "work tree of its own.")] = False,
    seed: Annotated[int, typer.Option(help="Of the orders.")] = 0,
    project: Annotated[str, typer.Option(help="Whose tests they are; keeps the verdicts.")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run new and changed tests again and again: golive test stress main...HEAD."""
    from functools import partial

    from golive_cli import kept_verdicts, stressing
    from golive_runner.reruns import Reruns
    from golive_runner.stress import stress
    from golive_runner.watch import Limits
    from models import reruns

    owner = kept_verdicts.owner(project)
    folder, sha, tests = _asked(list(what or ()), work_tree=work_tree)
    if not tests:
        say("The change adds and touches no test.")
        return
    say(f"{len(tests)} new or changed tests, up to {runs} runs of each")
    with stressing.checked_out(folder, sha) as place:
        made = Reruns(
            tests, place, stressing.interpreter(python), seed, timeout, Limits(memory << 20)
        )
        judge = partial(reruns.flaky, confidence=confidence, threshold=threshold)
        found = stress(made, judge, runs, stressing.progress)
    stressing.tell(found, as_json=as_json, what="P(flaky)")
    commit = sha or kept_verdicts.commit_of(folder)
    kept_verdicts.keep_reruns(owner, kept_verdicts.Asked("stress", _span(what), commit), found)
    _end(found)


def _asked(words: list[str], *, work_tree: bool) -> tuple[Path, str, list[str]]:
    """Return where to run, the commit to check out there ("" for none), and the node ids."""
    from golive_runner.changed_tests import change, tests, top

    spans = [word for word in words if ".." in word and "::" not in word]
    if words and not spans:
        if work_tree:
            raise UsageError("--work-tree goes with a range", hint="golive test stress main...HEAD")
        return Path.cwd(), "", words
    if len(words) > 1:
        raise UsageError("a range stands alone", hint="golive test stress main...HEAD")
    repository = top(Path.cwd())
    found = change(repository, *spans)
    here = repository.commit("HEAD")
    if found.head and found.head != here and not work_tree:
        raise UsageError(
            f"the range ends at {found.head[:10]}, and {here[:10]} is checked out",
            where=spans[0], hint="Add --work-tree, or check it out",
        )  # fmt: skip
    return repository.path, (found.head or here) if work_tree else "", tests(found)


def _span(words: Sequence[str] | None) -> str:
    """Return the range that was asked about, "" where tests were named."""
    from golive_cli.kept_verdicts import UNMERGED

    if not words:
        return UNMERGED
    return words[0] if ".." in words[0] and "::" not in words[0] else ""


def _end(found: Sequence[tuple[Course, Judged]]) -> None:
    """Sum up; what failed at all and is not judged stable fails the command."""
    ran = [(course, judged) for course, judged in found if course.runs]
    bad = [one for one in ran if one[1].verdict != "stable" and one[0].failed]
    unsure = [one for one in ran if one[1].verdict == "unsure" and not one[0].failed]
    skipped = len(found) - len(ran)
    stable = len(ran) - len(bad) - len(unsure)
    say(
        f"{stable} stable, {len(bad)} flaky or broken, {len(unsure)} never failed and need more "
        f"--runs to be sure, {skipped} skipped"
    )
    if bad:
        raise typer.Exit(1)
