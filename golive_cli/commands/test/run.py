"""`golive test run`: journeys and checks, run in a process of their own and kept in the lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_runner.attempt import Attempt, StepResult
    from golive_runner.isolated import Finished

MARKS = {"passed": "✓", "failed": "✗", "error": "!", "skipped": "·"}
KEEP = ("all", "failed", "none")


def command(  # noqa: PLR0913, PLR0917 - every option of the command line is a parameter
    paths: Annotated[list[str], typer.Argument(help="Documents, or folders of them.")],
    project: Annotated[str, typer.Option(help="Project that they test.")] = "",
    browser: Annotated[str, typer.Option(help="chromium, firefox or webkit.")] = "chromium",
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser.")] = False,
    base: Annotated[str, typer.Option(help="Where to try them, in place of the base that they "
        "name.")] = "",
    retries: Annotated[int, typer.Option(help="Retries of a failed one; default: as it says.",
        min=-1, max=10)] = -1,
    evidence: Annotated[str, typer.Option(help="Keep it of all, of failed, or none.")] = "all",
    memory: Annotated[int, typer.Option(help="MiB for all its processes.", min=256)] = 4096,
    commit: Annotated[str, typer.Option(help="Commit that is tested.")] = "",
    branch: Annotated[str, typer.Option(help="Branch that is tested.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write the report there, for golive upload, "
        "and not into the lake.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run journeys and REST checks: golive test run journeys/ checks/ · sign_in.yaml --headed."""
    from assets import journey_runs
    from golive_cli.folder import prepared
    from golive_cli.test_runs import into_lake, owner, place, root_of
    from golive_core.settings import home
    from golive_runner.job import Job

    if evidence not in KEEP:
        raise UsageError(f"--evidence is {evidence!r}", hint=f"Known: {', '.join(KEEP)}")
    files = journey_runs.documents(paths)
    prepared(home())
    job = Job(
        tuple(map(str, files)), str(home().resolve()), str(root_of(files)), browser, headed,
        evidence, None if retries < 0 else retries, base,
    )  # fmt: skip
    workspace = None if report else place(files, project)
    finished = journey_runs.run(
        job, project=owner(workspace) if workspace else project, memory_bytes=memory << 20,
        on=lambda one: None if as_json else _tell(one),
    )  # fmt: skip
    if report:
        journey_runs.saved(report, finished)
    elif workspace and finished.attempts:
        into_lake(workspace, finished, files[0].parent, commit=commit, branch=branch)
    _end(finished, as_json)


def _tell(attempt: Attempt) -> None:
    """Write one attempt, and its steps where it did not pass."""
    mark = MARKS[attempt.status]
    say(f"{mark} {attempt.name}  {attempt.duration_s:.1f} s  {attempt.environment}")
    if attempt.status == "passed":
        return
    for step in attempt.steps:
        say(f"    {MARKS[step.status]} {step.name}")
        if step.message:
            say(f"      {step.message}")
    if not any(step.message for step in attempt.steps):
        say(f"      {attempt.message}")


def _is_new(step: StepResult) -> bool:
    return step.look is not None and step.look.verdict == "new"


def _end(finished: Finished, as_json: bool) -> None:
    """Sum up; the last attempt of each decides."""
    last = {(one.suite, one.name): one for one in finished.attempts}
    bad = [one for one in last.values() if one.status in ("failed", "error")]
    for error in finished.wrong.values():
        say(f"Error: {error}")
    if as_json:
        from dataclasses import asdict

        emit({"attempts": [asdict(one) for one in finished.attempts], "wrong": finished.wrong})
    if fresh := [step for one in last.values() for step in one.steps if _is_new(step)]:
        count = "1 look has" if len(fresh) == 1 else f"{len(fresh)} looks have"
        say(f"{count} no approved picture yet: golive test approve")
    say(f"{len(last) - len(bad)} passed, {len(bad)} failed, {len(finished.wrong)} not run")
    if not last and finished.wrong:
        raise typer.Exit(2)
    if bad or finished.wrong:
        raise typer.Exit(1)
