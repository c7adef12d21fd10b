"""Since when and since which commit each test is slower or faster: predictions.change_points."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import dagster as dg
import numpy as np
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import SOURCE, Scored, described
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake

TABLE = "predictions.change_points"
NOWHERE = {"since_sha": None, "since_at": None, "last_good_sha": None}
"""Of a change whose results name no commit."""

DAYS = f"""
with newest as (
    select project_id, max(day) - ?::integer as before
    from {SOURCE} where known_at <= ? group by project_id
)
select daily.project_id, daily.test_id, daily.day, daily.duration_median_s as seconds, daily.runs
from {SOURCE} as daily
inner join newest on daily.project_id = newest.project_id and daily.day > newest.before
where daily.known_at <= ? and daily.duration_median_s is not null
"""  # noqa: S608 - names from this package
RESULTS = """
select test_id, started_at, duration_s, commit_sha
from core.test_results
where
    project_id = ? and day between ? and ? and test_id in (select unnest(?))
    and duration_s is not null and started_at is not null and status <> 'skipped'
order by test_id, started_at
"""


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Find the newest change of every test; nothing is read where no test ran since the last time.

    `as_of` (aware; default: the newest that is known) is the instant that it may know.
    """
    from models import change_point as model
    from models.runs import code_version

    with alone(lake, TABLE):
        state, version = State.read(lake, "predictions"), code_version(model.FILES)
        known = state.mark(model.NAME, "mart")
        is_same = (known.cursor or {}).get("version") == version
        if not lake.exists(SOURCE) or (
            as_of is None and is_same and not lake.changed_days(SOURCE, since=known.sequence)
        ):
            return Scored(TABLE, 0, None)
        mark = state.row(
            model.NAME, "mart", Mark(0 if as_of else lake.version(), {"version": version})
        )
        limit = as_of or datetime.max.replace(tzinfo=UTC)
        daily = lake.query(DAYS, [model.WINDOW_DAYS, limit, limit])
        if daily.is_empty():
            return Scored(TABLE, 0, None)
        return _write(lake, daily, as_of, made_at or datetime.now(UTC), mark)


def _write(
    lake: Lake, daily: pl.DataFrame, as_of: datetime | None, made_at: datetime, mark: pl.DataFrame
) -> Scored:
    from models import change_point as model
    from models.runs import model_id, model_run

    found = model.changes(daily)
    old = lake.query(f"select * from {TABLE}")  # noqa: S608 - a table of the schema
    standing = _standing(old, found)
    fresh = found.join(standing, on=model.KEY, how="anti")
    last = daily["day"].max()
    at = as_of or datetime.combine(last, datetime.max.time(), UTC)  # type: ignore[arg-type]
    rows = _rows(lake, fresh, model_id(model.NAME, made_at), at, made_at)
    run = model_run(
        model.NAME, made_at=made_at, kind="score", files=model.FILES, data=fresh,
        parameters={"window_days": model.WINDOW_DAYS, "false_share": model.FALSE_SHARE},
        metrics={"tests": daily["test_id"].n_unique(), "changes": found.height,
                 "rewritten": fresh.height},
    )  # fmt: skip
    with lake.transaction("score change points") as txn:
        if fresh.height or standing.height != old.height:
            txn.overwrite(TABLE, pl.concat([standing, rows]))
            txn.insert("ops.model_runs", run)
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == TABLE), None)
    return Scored(TABLE, daily["test_id"].n_unique(), written)


def _standing(old: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that still hold: the same change, at nearly the same level."""
    from models import change_point as model

    both = old.join(found, on=[*model.KEY, "day"], how="inner", suffix="_new")
    same = (pl.col("after_s_new") / pl.col("after_s")).log().abs() < np.log(1.1)
    return both.filter(same).select(old.columns)


def _rows(
    lake: Lake, fresh: pl.DataFrame, model_id: str, as_of: datetime, made_at: datetime
) -> pl.DataFrame:
    """Return rows of the table, each with the commit at which the new level begins."""
    from models import change_point as model

    rows: list[dict[str, Any]] = []
    for (project, day), part in fresh.group_by("project_id", "day"):
        places = _commits(lake, str(project), cast("date", day), part)
        for one in part.drop("series").to_dicts():
            row = {**NOWHERE, **one, **places.get(one["test_id"], {})}
            told = {"reasons": list(model.sentences(row)), "model_id": model_id}
            rows.append({**row, **told, "as_of": as_of, "made_at": made_at})
    table = schema.find(TABLE)
    return pl.DataFrame(rows, schema=table.schema)


def _commits(lake: Lake, project: str, day: date, part: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """Return since_sha, since_at and last_good_sha by test, from the results around the day."""
    from models import change_point as model

    tests = part["test_id"].to_list()
    results = lake.query(RESULTS, [project, day - timedelta(days=3), day, tests])
    levels = {row[0]: row[1:] for row in part.select("test_id", "before_s", "after_s").iter_rows()}
    found: dict[int, dict[str, Any]] = {}
    for (test,), own in results.group_by("test_id", maintain_order=True):
        place = model.first_result(own["duration_s"].to_numpy(), *levels[int(str(test))])
        if place < own.height:
            found[int(str(test))] = {
                "since_sha": own["commit_sha"][place], "since_at": own["started_at"][place],
                "last_good_sha": own["commit_sha"][place - 1] if place else None,
            }  # fmt: skip
    return found


@dg.asset(
    key=core_key(TABLE),
    deps=newest([core_key(SOURCE)]),
    group_name="predictions",
    description="Since when and since which commit each test is slower or faster.",
    kinds={"python", "deltalake"},
    tags={"layer": "predictions"},
)
def find_change_points(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Find lasting changes of durations; see `models/change_point.py`."""
    return described(workspace, update(workspace.lake))
