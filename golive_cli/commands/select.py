"""`golive select`: the tests to run for a change, as arguments of the tool that runs them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import emit, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from golive_core.lake import Lake
    from models.selecting import Answer

SHOWN = 20
"""Missed failures of the past that are told one by one."""


def command(
    project: Annotated[str, typer.Option(help="Its tests; needed where there are several.")] = "",
    change: Annotated[str, typer.Option(help="Git range here: main...HEAD.")] = "",
    files: Annotated[list[str] | None, typer.Option(help="A changed path; repeat.")] = None,
    budget_s: Annotated[float, typer.Option(help="Seconds of test time.", min=0)] = 0,
    share: Annotated[float, typer.Option(help="Share of the test time.", min=0, max=1)] = 0,
    recall: Annotated[float, typer.Option(help="Share of failures to catch.", max=1)] = 0.95,
    format_: Annotated[
        str, typer.Option("--format", help="pytest, junit, maven, gradle or json.")
    ] = "pytest",
    why: Annotated[bool, typer.Option("--why", help="Reasons and past misses on stderr.")] = False,
) -> None:
    """Print the tests most likely to fail, as many as a budget or a target recall takes."""
    from golive_cli.runner_arguments import FORMATS
    from golive_core.lake import Lake
    from golive_core.settings import home

    if format_ not in {*FORMATS, "json"}:
        raise UsageError(f"no format is called {format_}", hint=f"{', '.join(FORMATS)} or json")
    if budget_s and share:
        raise UsageError("--budget-s and --share both say how long", hint="Give one")
    lake = Lake(home() / "lake")
    changed = [*(files or []), *(_changed(change) if change else [])]
    answer, tests = _answer(lake, _project(lake, project), changed)
    taken = share or answer.share_for(recall)
    whole = float(answer.tests["duration"].sum())
    picked = answer.subset(budget_s or taken * whole).join(tests, on="test_id", how="left")
    picked = picked.sort("rank")
    spent = budget_s / whole if budget_s and whole else taken
    _explain(answer, picked, tests, min(spent, 1.0), why=why)
    if format_ == "json":
        emit(_document(answer, picked, _with_flakiness(lake, tests)))
    elif picked.height:
        typer.echo("\n".join(shlex.quote(one) for one in FORMATS[format_](picked.to_dicts())))


def _project(lake: Lake, wanted: str) -> str:
    """Return the project asked for, or the only one with results."""
    from golive_core.toml import near

    known = (
        lake.query("select distinct project_id from core.test_results order by 1")
        if lake.exists("core.test_results")
        else None
    )
    names = known["project_id"].to_list() if known is not None else []
    if not names:
        raise UsageError(
            "there are no test results yet",
            where="core.test_results",
            hint="Run golive ingest first",
        )
    if wanted and wanted not in names:
        raise UsageError(f"no test results of a project {wanted!r}", hint=near(wanted, names))
    if not wanted and len(names) > 1:
        raise UsageError("which project?", hint=f"--project: {', '.join(names)}")
    return wanted or names[0]


def _changed(span: str) -> list[str]:
    """Return the paths that a git range changes, in the repository of this folder."""
    if span.startswith("-"):
        raise UsageError(f"{span} is no range of commits", hint="For example main...HEAD")
    told = subprocess.run(  # noqa: S603 - no shell, and no option
        ["git", "diff", "--name-only", "-z", span, "--"],  # noqa: S607 - the git of the person
        cwd=Path.cwd(), capture_output=True, check=False,
    )  # fmt: skip
    if told.returncode:
        said = [*told.stderr.decode(errors="replace").strip().splitlines(), "no message"][0]
        raise UsageError(
            f"git knows no change {span}: {said}", where=str(Path.cwd()),
            hint="Run it inside the repository, or name the files with --files",
        )  # fmt: skip
    return [path for path in told.stdout.decode(errors="backslashreplace").split("\0") if path]


def _answer(lake: Lake, project: str, changed: list[str]) -> tuple[Answer, pl.DataFrame]:
    from assets.test_builds import past
    from models.selecting import answer

    known = past(lake, project, changed=changed)
    columns = known.tests.select("test_id", "place", "touches")
    return answer(known.results, columns), known.tests.drop("place", "touches")


def _explain(
    answer: Answer, picked: pl.DataFrame, tests: pl.DataFrame, share: float, *, why: bool
) -> None:
    """Say on stderr what was chosen, how sure that is, and with `why` the reasons."""
    of = f"{picked.height} of {answer.tests.height} tests, {picked['duration'].sum():.1f} s of "
    say(f"{of}{answer.tests['duration'].sum():.1f} s, ranked by {answer.by}.")
    if answer.is_humble:
        say(
            f"All tests: {answer.builds} builds with {answer.failing_builds} failing ones are too "
            "few to leave any out."
        )
    else:
        say(_sureness(answer, share))
    if why:
        _reasons(answer, picked, tests, share)


def _sureness(answer: Answer, share: float) -> str:
    below = [row for row in answer.curve.to_dicts() if row["share"] <= share + 1e-9]
    if not below:
        return f"So small a share ({share:.1%}) of the time was not measured in past builds."
    row = below[-1]
    return (
        f"In {answer.builds} past builds, {answer.failing_builds} of them failing, "
        f"{row['share']:.0%} of the time caught {row['failures']:.1%} of the failures and "
        f"{row['builds']:.1%} of the failing builds."
    )


def _reasons(answer: Answer, picked: pl.DataFrame, tests: pl.DataFrame, share: float) -> None:
    from golive_cli.commands.flaky import label

    for row in picked.to_dicts():
        say(f"{row['rank']}. {label(row)}  {row['probability']:.1%}: {'; '.join(row['reasons'])}")
    if answer.is_humble:
        return
    missed = answer.missed(share)
    names = {row["test_id"]: label(row) for row in tests.to_dicts()}
    plural = "" if missed.height == 1 else "s"
    say(f"Would have been missed in past builds: {missed.height} failure{plural}.")
    for ago, test in missed.head(SHOWN).rows():
        say(f"  {ago} builds ago: {names.get(test, f'test {test}, gone since')}")


def _document(answer: Answer, picked: pl.DataFrame, tests: pl.DataFrame) -> dict[str, Any]:
    """Return what --format json says; the pytest plugin reads it as a plan."""
    import polars as pl

    told = picked.join(tests.select("test_id", "flaky_probability"), on="test_id", how="left")
    others = answer.tests.join(picked, on="test_id", how="anti").select("test_id", "probability")
    left_out = others.join(tests, on="test_id", how="left").sort(pl.col("probability"), "test_id")
    return {
        "ranked_by": answer.by, "builds": answer.builds, "failing_builds": answer.failing_builds,
        "is_everything": picked.height == answer.tests.height,
        "tests": told.drop("suite").to_dicts(), "left_out": left_out.drop("suite").to_dicts(),
        "curve": answer.curve.to_dicts(),
    }  # fmt: skip


def _with_flakiness(lake: Lake, tests: pl.DataFrame) -> pl.DataFrame:
    """Return the tests with the probability that each is flaky, null where nobody judged."""
    import polars as pl

    if not lake.exists("predictions.flaky"):
        return tests.with_columns(flaky_probability=pl.lit(None, pl.Float64))
    judged = lake.query("select test_id, probability as flaky_probability from predictions.flaky")
    return tests.join(judged, on="test_id", how="left")
