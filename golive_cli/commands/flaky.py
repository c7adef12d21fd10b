"""`golive flaky`: the tests that lie, how sure that is, and on what evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.lake import Lake

SQL = """
select
    project_id, suite, class_name, name, parameters, file, test_id, verdict, probability, rate,
    rate_low, rate_high, attempts, failures, flakes, outage_failures, reasons, last_status, last_at,
    wasted_minutes, cost_usd, rank
from marts.flaky_tests
where (? = '' or project_id = ?) and (? or verdict = 'flaky')
order by project_id, rank
limit ?
"""

RIVALS = {
    "same_commit_30d": "pass and fail on a commit, 30 days (Google, GitHub, Azure DevOps, Datadog)",
    "same_commit_14d": "the same, 14 days (CircleCI, Harness)",
    "same_commit_7d": "the same, 7 days (Trunk)",
    "retried": "failed and then passed in one build (CloudBees)",
    "rate_7d": "failure rate neither 0 nor 100 % in 7 days (GitLab)",
    "allure": "fails now, a pass after a failure in the last 5 runs (Allure)",
}
"""Columns of marts.flaky_rivals: the rules of others."""


def command(
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Broken tests and outages too.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="How many the rules of other tools would name.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List flaky tests with their failure rate, its 90 % interval and the reasons."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    if compare:
        _compare(lake, project, as_json)
        return
    rows = _rows(lake, project, everything, limit)
    if as_json:
        emit(rows)
    elif rows:
        show(
            ["test", "verdict", "rate", "90 % interval", "P(flaky)", "wasted min", "last", "why"],
            [_cells(row) for row in rows],
        )
    else:
        say(f"No test is {'suspect' if everything else 'flaky'}.")


def _rows(lake: Lake, project: str, everything: bool, limit: int) -> list[dict[str, Any]]:
    if not lake.exists("marts.flaky_tests"):
        raise UsageError(
            "nothing has been judged yet", where="marts.flaky_tests",
            hint="Run golive run, or golive up, first",
        )  # fmt: skip
    if project:
        _known(lake, project)
    return lake.query(SQL, [project, project, everything, limit]).to_dicts()


def _compare(lake: Lake, project: str, as_json: bool) -> None:
    """Show for each rule how many tests it calls flaky, and how many of them we do too."""
    if not lake.exists("marts.flaky_rivals"):
        raise UsageError(
            "nothing has been compared yet", where="marts.flaky_rivals",
            hint="Run golive run, or golive up, first",
        )  # fmt: skip
    if project:
        _known(lake, project)
    found = lake.query(
        "select * from marts.flaky_rivals where ? = '' or project_id = ?", [project, project]
    )
    rules = {"golive": "posterior (GoLive)", **RIVALS}
    rows = [
        {"rule": text, "column": name, "flaky": int(found[name].sum()),
         "also_golive": int((found[name] & found["golive"]).sum()), "tests": found.height}
        for name, text in rules.items()
    ]  # fmt: skip
    if as_json:
        emit(rows)
    else:
        columns = ["rule", "flaky", "also_golive", "tests"]
        show(columns, [[row[column] for column in columns] for row in rows])


def _known(lake: Lake, project: str) -> None:
    from golive_core.toml import near

    names = lake.query("select project_id from core.projects")["project_id"].to_list()
    if project not in names:
        raise UsageError(f"there is no project {project!r}", hint=near(project, names))


def _cells(row: dict[str, Any]) -> list[object]:
    return [
        label(row), row["verdict"], _percent(row["rate"]),
        f"{_percent(row['rate_low'])} to {_percent(row['rate_high'])}",
        _percent(row["probability"]), row["wasted_minutes"], row["last_status"],
        row["reasons"] or [],
    ]  # fmt: skip


def label(row: dict[str, Any]) -> str:
    """Return the name of a test as people know it: class and name, parameters in brackets."""
    parts = [part for part in (row["class_name"] or row["suite"], row["name"]) if part]
    return "::".join(parts) + (f"[{row['parameters']}]" if row["parameters"] else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
