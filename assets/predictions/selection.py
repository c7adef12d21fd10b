"""Which tests run first, and what a share of their time caught of a project's past failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import Scored, described
from assets.test_builds import past
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake
from golive_core.schema import Table

if TYPE_CHECKING:
    from models.selecting import Answer

NAME = "selection"
TESTS, CURVE, MISSES = schema.TEST_FAILURE, schema.SELECTION_CURVE, schema.SELECTION_MISSES
TABLES = (TESTS, CURVE, MISSES)
SOURCE = "core.test_results"
EVERY = 5
"""New builds with results after which a project is walked through again."""
CHANGED = """
select project_id, max(started_at) as newest_at
from core.test_results
where day in (select unnest(?)) and status in ('passed', 'failed', 'error') and started_at <= ?
group by project_id
order by project_id
"""
NEW = """
select count(distinct build_id) as builds
from core.test_results
where project_id = ? and day >= ? and started_at > ? and started_at <= ?
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every row tells of its making."""

    model_id: str
    as_of: datetime
    made_at: datetime


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Walk through the newest builds of the projects that had EVERY new ones, and write what came.

    `as_of` (aware; default now) is the instant that may be known. Nothing is read where no result
    is new. Of a project at most the builds and results that `assets.test_builds` names are read.
    """
    from models import ordering, selecting, test_selection
    from models.runs import code_version, model_id

    if not lake.exists(SOURCE):
        return Scored(CURVE.name, 0, None)
    with alone(lake, CURVE.name):
        files = [*test_selection.FILES, str(selecting.__file__), str(ordering.__file__)]
        state, version = State.read(lake, "predictions"), code_version(files)
        seen = state.mark(NAME, "mart")
        cursor = dict(seen.cursor or {})
        is_same = cursor.get("version") == version and as_of is None
        days = lake.changed_days(SOURCE, since=seen.sequence if is_same else 0)
        if not days:
            return Scored(CURVE.name, 0, None)
        at, now = as_of or datetime.now(UTC), made_at or datetime.now(UTC)
        walked: dict[str, str] = cursor.get("walked", {}) if is_same else {}
        due = _due(lake, lake.query(CHANGED, [sorted(days), at]), walked, at)
        note = _Asked(model_id(NAME, now), at, now)
        found = {name: _rows(lake, name, note) for name in due}
        rows = {name: tables for name, tables in found.items() if tables}
        told = {"version": version, "walked": {**walked, **due}}
        mark = Mark(0 if as_of else lake.version(), told)
        return _write(lake, rows, state.row(NAME, "mart", mark))


def _due(
    lake: Lake, changed: pl.DataFrame, walked: Mapping[str, str], at: datetime
) -> dict[str, str]:
    """Return the projects to walk through now, each with the time of its newest result."""
    due: dict[str, str] = {}
    for project, newest_at in changed.iter_rows():
        last = datetime.fromisoformat(walked[project]) if project in walked else None
        if last is None or _new_builds(lake, project, last, at) >= EVERY:
            due[project] = newest_at.isoformat()
    return due


def _new_builds(lake: Lake, project: str, last: datetime, at: datetime) -> int:
    return int(lake.query(NEW, [project, last.date(), last, at]).item())


def _rows(lake: Lake, project: str, note: _Asked) -> dict[str, pl.DataFrame]:
    """Return the rows of one project by table; none where no test of it is known."""
    from models.selecting import answer

    known = past(lake, project, as_of=note.as_of)
    if known.tests.is_empty():
        return {}
    found = answer(known.results, known.tests.select("test_id", "place"))
    notes = {
        "project_id": pl.lit(project), "model_id": pl.lit(note.model_id),
        "as_of": pl.lit(note.as_of), "made_at": pl.lit(note.made_at),
    }  # fmt: skip
    frames = {
        TESTS: found.tests.rename({"duration": "duration_s"}),
        CURVE: _curve(found),
        MISSES: _misses(found, known.results),
    }
    return {
        table.name: schema.conform(table, frame.with_columns(**notes))
        for table, frame in frames.items()
    }


def _curve(found: Answer) -> pl.DataFrame:
    return found.curve.with_columns(
        builds_count=pl.lit(found.builds), failing_count=pl.lit(found.failing_builds),
        ranked_by=pl.lit(found.by), is_humble=pl.lit(found.is_humble),
    )  # fmt: skip


def _misses(found: Answer, results: pl.DataFrame) -> pl.DataFrame:
    last = results["build"].max()
    ids = results.select("build", "build_id").unique()
    return (
        found.misses()
        .with_columns(build=pl.lit(last) + 1 - pl.col("builds_ago"))
        .join(ids, on="build", how="inner")
        .drop("build")
    )


def _write(
    lake: Lake, rows: Mapping[str, Mapping[str, pl.DataFrame]], mark: pl.DataFrame
) -> Scored:
    with lake.transaction("walk through builds") as txn:
        for table in TABLES if rows else ():
            fresh = pl.concat([of_project[table.name] for of_project in rows.values()])
            txn.overwrite(table.name, pl.concat([_others(lake, table, rows), fresh]))
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == CURVE.name), None)
    return Scored(CURVE.name, sum(one[TESTS.name].height for one in rows.values()), written)


def _others(
    lake: Lake, table: Table, rows: Mapping[str, Mapping[str, pl.DataFrame]]
) -> pl.DataFrame:
    """Return the rows of the projects that were not walked through now."""
    if not lake.exists(table.name):
        return schema.conform(table, pl.DataFrame(schema=table.schema))
    old = lake.query(f"select * from {table.name}")  # noqa: S608 - a table of the schema
    return old.filter(~pl.col("project_id").is_in(list(rows)))


@dg.asset(
    key=core_key(CURVE.name),
    deps=newest([core_key(SOURCE)]),
    group_name="predictions",
    description="What a share of the test time would have caught of past failures, and missed.",
    kinds={"scikitlearn", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_selection(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Rank the tests of the next build and measure such orders; see `models/selecting.py`."""
    return described(workspace, update(workspace.lake))
