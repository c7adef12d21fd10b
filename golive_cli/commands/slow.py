"""`golive slow`: which tests, builds and stages got slower, since which commit, at what cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

TABLE = "predictions.change_points"
SQL = """
select
    point.project_id, point.subject_kind, point.subject_id, tests.class_name, tests.name,
    tests.parameters, point.test_id, point.pipeline_id, point.day,
    point.before_s, point.after_s, point.ratio, point.p_value, point.days_before,
    point.days_after, point.cost_s_week, point.since_sha, point.since_at, point.last_good_sha,
    point.reasons
from predictions.change_points as point
left join core.tests as tests on point.test_id = tests.test_id
where (? = '' or point.project_id = ?) and (point.ratio > 1) = (not ?)
    and point.subject_kind in (select unnest(?)) and (? is null or point.day >= ?)
order by abs(point.cost_s_week) desc
limit ?
"""
COLUMNS = ["what", "", "since", "commit", "before s", "since s", "change", "min a week"]
NOUNS = {"test": "test", "build": "pipeline's builds", "stage": "stage"}


def command(
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    faster: Annotated[bool, typer.Option("--faster", help="Those that got faster.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="Tests.")] = False,
    builds: Annotated[bool, typer.Option("--builds", help="Builds, by pipeline.")] = False,
    stages: Annotated[bool, typer.Option("--stages", help="Stages of builds.")] = False,
    since: Annotated[str, typer.Option(help="Changes since then, ISO 8601.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 30,
    as_json: Json = False,
) -> None:
    """List what takes longer for good, the most expensive first: all kinds, or those named."""
    from golive_cli.commands.sql import instant
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    if not any(lake.exists(name) for name in (TABLE, "core.test_results", "core.builds")):
        raise UsageError("there are no test results or builds yet", hint="golive ingest junit PATH")
    start = instant(since)
    day = start.date() if start else None
    named = {"test": tests, "build": builds, "stage": stages}
    kinds = [kind for kind, wanted in named.items() if wanted] or list(named)
    asked = [project, project, faster, kinds, day, day, limit]
    rows = lake.query(SQL, asked).to_dicts() if lake.exists(TABLE) else []
    if as_json:
        emit(rows)
    elif rows:
        show(COLUMNS, [_cells(row) for row in rows])
        say("Why: golive slow --json has the evidence of each.")
    else:
        word = "faster" if faster else "slower"
        what = " or ".join(NOUNS[kind] for kind in kinds)
        say(f"No {what} got {word} for good{f' since {day}' if day else ''}, as far as is known.")


def _cells(row: dict[str, Any]) -> list[object]:
    name = f"{row['name']}{row['parameters'] or ''}" if row["test_id"] else row["subject_id"]
    commit = (row["since_sha"] or "")[:10]
    change = f"{100 * (row['ratio'] - 1):+.0f} %"
    return [row["subject_kind"], name, str(row["day"]), commit, row["before_s"], row["after_s"],
            change, row["cost_s_week"] / 60]  # fmt: skip
