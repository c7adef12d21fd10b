"""`golive test coverage`: which lines of a change no test runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from golive_cli.diff_coverage import Covered
    from golive_core.lake import Lake


def command(
    span: Annotated[str, typer.Argument(metavar="[RANGE]", help="Commits: main...HEAD. Default: "
        "all that is not on the main line.")] = "",
    project: Annotated[str, typer.Option(help="Needed where there are several.")] = "",
    fail_under: Annotated[float, typer.Option(help="Exit 1 below this share of changed lines.",
        min=0, max=1)] = 0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Tell which changed lines no test runs: golive test coverage main...HEAD."""
    from golive_cli.diff_coverage import covered
    from golive_cli.kept_verdicts import UNMERGED, keep_coverage
    from golive_core.lake import Lake
    from golive_core.settings import home
    from golive_runner.changed_tests import change, top

    if span and ".." not in span:
        raise UsageError(f"{span} is no range of commits", hint="For example main...HEAD")
    lake = Lake(home() / "lake")
    name = _project(lake, project)
    repository = top(Path.cwd())
    changed = change(repository, span)
    found = covered(lake, name, changed)
    if as_json:
        emit([_row(one) for one in found])
    else:
        _show(found)
    head = changed.head or repository.commit("HEAD")
    keep_coverage(name, span or UNMERGED, head, found)
    share = _share(found)
    if share is not None and share < fail_under:
        raise typer.Exit(1)


def _project(lake: Lake, wanted: str) -> str:
    from golive_core.toml import near

    sql = "select distinct project_id from core.test_coverage order by 1"
    known = lake.query(sql)["project_id"].to_list() if lake.exists("core.test_coverage") else []
    if not known:
        raise UsageError(
            "no coverage by test is known yet", where="core.test_coverage",
            hint="pytest --cov --cov-context=test, then golive ingest coverage .coverage",
        )  # fmt: skip
    if wanted and wanted not in known:
        raise UsageError(f"no coverage of a project {wanted!r}", hint=near(wanted, known))
    if not wanted and len(known) > 1:
        raise UsageError("which project?", hint=f"--project: {', '.join(known)}")
    return wanted or known[0]


def _share(found: Sequence[Covered]) -> float | None:
    """Return the share of changed lines that tests run; None where none was measured."""
    measured = [one for one in found if one.is_measured]
    lines = sum(len(one.changed) for one in measured)
    return 1 - sum(len(one.missed) for one in measured) / lines if lines else None


def _row(one: Covered) -> dict[str, object]:
    return {
        "path": one.path, "changed": sorted(one.changed), "missed": sorted(one.missed),
        "tests": one.tests, "is_measured": one.is_measured,
    }  # fmt: skip


def _show(found: Sequence[Covered]) -> None:
    from ingest.parse.test_lines import ranges

    if found:
        show(
            ["file", "changed", "run by tests", "tests", "no test runs lines"],
            [
                [one.path, len(one.changed), len(one.changed) - len(one.missed), one.tests,
                 ranges(one.missed)] if one.is_measured
                else [one.path, len(one.changed), "-", "-", "this version was not measured"]
                for one in found
            ],
        )  # fmt: skip
    share = _share(found)
    if share is not None:
        say(f"{share:.1%} of the changed lines in functions are run by a test.")
    elif found:
        say("Nothing of it was measured: golive ingest coverage .coverage --commit SHA")
    else:
        say("The change touches no function of a Python file.")
