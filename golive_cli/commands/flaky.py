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


def command(
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Broken tests and outages too.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List flaky tests with their failure rate, its 90 % interval and the reasons."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
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
