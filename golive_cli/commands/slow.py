"""`golive slow`: which tests got slower, since which commit, and what that costs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

TABLE = "predictions.change_points"
SQL = """
select
    point.project_id, tests.class_name, tests.name, tests.parameters, point.test_id, point.day,
    point.before_s, point.after_s, point.ratio, point.p_value, point.days_before,
    point.days_after, point.cost_s_week, point.since_sha, point.since_at, point.last_good_sha,
    point.reasons
from predictions.change_points as point
left join core.tests as tests on point.test_id = tests.test_id
where (? = '' or point.project_id = ?) and (point.ratio > 1) = (not ?)
order by abs(point.cost_s_week) desc
limit ?
"""
COLUMNS = ["test", "since", "commit", "before s", "since s", "change", "min a week"]


def command(
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    faster: Annotated[bool, typer.Option("--faster", help="Those that got faster.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 30,
    as_json: Json = False,
) -> None:
    """List tests whose duration changed for good, the most expensive first."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    if not lake.exists(TABLE) and not lake.exists("core.test_results"):
        raise UsageError("there are no test results yet", hint="golive ingest junit PATH")
    rows = lake.query(SQL, [project, project, faster, limit]).to_dicts() if lake.exists(
        TABLE
    ) else []  # fmt: skip
    if as_json:
        emit(rows)
    elif rows:
        show(COLUMNS, [_cells(row) for row in rows])
        say("Why: golive slow --json has the evidence of each.")
    else:
        say(f"No test got {'faster' if faster else 'slower'} for good, as far as is known.")


def _cells(row: dict[str, Any]) -> list[object]:
    name = f"{row['name']}{row['parameters'] or ''}"
    commit = (row["since_sha"] or "")[:10]
    change = f"{100 * (row['ratio'] - 1):+.0f} %"
    return [name, str(row["day"]), commit, row["before_s"], row["after_s"], change,
            row["cost_s_week"] / 60]  # fmt: skip
