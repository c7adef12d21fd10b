"""Since when and since which commit tests, builds and stages are slower: predictions.change_points.

A run looks at the series that have a point on a day that is new to them, once a day each, and reads
the last WINDOW_DAYS of these alone. What was found of the others stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import dagster as dg
import numpy as np
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import SOURCE, Scored, described, with_main_branches
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake

TABLE = schema.CHANGE_POINTS
NAMES = ["test_id", "pipeline_id"]
"""Columns that name a subject where its id does not."""
NOWHERE = {"since_sha": None, "since_at": None, "last_good_sha": None}
"""Of a change whose results name no commit."""
AROUND = timedelta(days=3)
"""Days before the first one at the new level whose runs are looked at for its commit."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of subjects: the table whose days tell of news, and what its series are found by."""

    name: str
    source: str
    rows: str
    """Table with a row for each series and day."""
    key: str
    others: str
    """SELECT of how many series of a project have a point since a day."""


TESTS = Kind(
    "test", "core.test_results", SOURCE, "test_id",
    "select count(*) from core.tests where project_id = ? and last_seen_at >= ?",
)  # fmt: skip
BUILDS = Kind("build", "core.builds", "core.builds", "pipeline_id", "")
STAGES = Kind("stage", "core.builds", "core.builds", "pipeline_id", "")
KINDS = (TESTS, BUILDS, STAGES)
Days = dict[str, str]
"""By project, the newest day (ISO 8601) whose series were looked at."""


@cache
def statement(name: str) -> str:
    """Return the SELECT of a .sql file beside this one."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Find the newest change of every series with news; nothing is read where there are none.

    `as_of` (aware; default: the newest that is known) is the instant that it may know.
    """
    from models import change_point as model
    from models.runs import code_version

    with alone(lake, TABLE.name):
        state, version = State.read(lake, "predictions"), code_version(model.FILES)
        known = state.mark(model.NAME, "mart")
        is_same = as_of is None and (known.cursor or {}).get("version") == version
        search = _Search(lake, as_of, known if is_same else Mark())
        daily = [one for kind in KINDS for one in search.daily(kind)]
        if not search.has_news:
            return Scored(TABLE.name, 0, None)
        cursor = {"version": version, "looked_at": search.looked_at}
        mark = state.row(model.NAME, "mart", Mark(0 if as_of else search.covered, cursor))
        rows = pl.concat(daily, how="vertical_relaxed") if daily else pl.DataFrame(schema=DAILY)
        return _write(lake, rows, as_of, made_at or datetime.now(UTC), mark, is_whole=not is_same)


DAILY = {
    "project_id": pl.String(), "subject_kind": pl.String(), "subject_id": pl.String(),
    "test_id": pl.Int64(), "pipeline_id": pl.String(), "day": pl.Date(),
    "seconds": pl.Float64(), "runs": pl.Int64(),
}  # fmt: skip


class _Search:
    """Which series are to be looked at now, and their tails."""

    def __init__(self, lake: Lake, as_of: datetime | None, known: Mark) -> None:
        self.lake, self.as_of, self.since = lake, as_of, known.sequence
        before: Mapping[str, Days] = (known.cursor or {}).get("looked_at", {})
        self.looked_at: dict[str, Days] = {kind.name: {**before.get(kind.name, {})}
                                           for kind in KINDS}  # fmt: skip
        marts = State.read(lake, "marts")
        covers = marts.mark(SOURCE.removeprefix("marts."), "mart").sequence
        self.covered = min(lake.version(), covers) if covers else lake.version()
        """What the mart has not seen yet is news to the next run."""
        self.has_news = False

    def daily(self, kind: Kind) -> Iterator[pl.DataFrame]:
        """Yield by project the tails (columns of DAILY) of the series with news."""
        if not self.lake.exists(kind.rows) or not self.lake.exists(kind.source):
            return
        days = sorted(self.lake.changed_days(kind.source, since=self.since))
        if not days:
            return
        self.has_news = True
        unfinished = {date.fromisoformat(day) for day in self.looked_at[kind.name].values()}
        days = sorted(unfinished.union(days))
        found = self.lake.query(
            f"""select project_id, {kind.key}, day from {kind.rows}
            where day in (select unnest(?)) group by all order by all""",  # noqa: S608
            [days],
        )
        for (project,), part in found.group_by("project_id", maintain_order=True):
            yield from self._tails(kind, str(project), part)

    def _tails(self, kind: Kind, project: str, news: pl.DataFrame) -> Iterator[pl.DataFrame]:
        last = cast("date", news["day"].max())
        before = self.looked_at[kind.name].get(project)
        if before == last.isoformat():  # the newest day again: it was looked at when it began
            news = news.filter(pl.col("day") < last)
        self.looked_at[kind.name][project] = max(before or "", last.isoformat())
        if news.is_empty():
            return
        lake = self.lake if kind is TESTS else with_main_branches(self.lake)
        limit = self.as_of or datetime.max.replace(tzinfo=UTC)
        ids = news[kind.key].unique().sort().to_list()
        asked = [project, first_day(min(last, limit.date())), limit, ids]
        yield lake.query(statement(f"change_point_{kind.name}_days"), asked).select(
            pl.col(name).cast(dtype) for name, dtype in DAILY.items()
        )


def first_day(last: date) -> date:
    """Return the first day of the window that ends with a day."""
    from models.change_point import WINDOW_DAYS

    return last - timedelta(days=WINDOW_DAYS - 1)


def _write(
    lake: Lake, daily: pl.DataFrame, as_of: datetime | None, made_at: datetime,
    mark: pl.DataFrame, *, is_whole: bool,
) -> Scored:  # fmt: skip
    from models import change_point as model
    from models.runs import model_id, model_run

    old = lake.query(f"select * from {TABLE.name}")  # noqa: S608 - a table of the schema
    looked_at = daily.select(*model.KEY, *NAMES).unique()
    rest = old.clear() if is_whole else old.join(looked_at, on=model.KEY, how="anti")
    last = cast("date", daily["day"].max()) if daily.height else made_at.date()
    found = model.changes(daily, _others(lake, looked_at, rest, first_day(last)))
    standing = _standing(old, found)
    fresh = found.join(standing, on=model.KEY, how="anti").join(looked_at, on=model.KEY)
    at = as_of or datetime.combine(last, datetime.max.time(), UTC)
    rows = _rows(lake, fresh, model_id(model.NAME, made_at), at, made_at)
    run = model_run(
        model.NAME, made_at=made_at, kind="score", files=model.FILES, data=fresh,
        parameters={"window_days": model.WINDOW_DAYS, "false_share": model.FALSE_SHARE},
        metrics={"series": looked_at.height, "changes": found.height, "rewritten": fresh.height},
    )  # fmt: skip
    with lake.transaction("score change points") as txn:
        if fresh.height or standing.height + rest.height != old.height:
            txn.overwrite(TABLE.name, pl.concat([rest, standing, rows]))
            txn.insert("ops.model_runs", run)
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == TABLE.name), None)
    return Scored(TABLE.name, looked_at.height, written)


def _others(lake: Lake, looked_at: pl.DataFrame, rest: pl.DataFrame, since: date) -> pl.DataFrame:
    """Return a row for each series that is not looked at now: its p-value, null where unknown."""
    from models.change_point import FAMILY

    frames = [rest.select(*FAMILY, "p_value")]
    counts = looked_at.group_by(FAMILY).len()
    for project, kind, count in counts.iter_rows():
        if kind == TESTS.name and lake.exists("core.tests"):
            all_of_them = int(lake.query(TESTS.others, [project, since]).item())
            own = rest.filter((pl.col("project_id") == project) & (pl.col("subject_kind") == kind))
            missing = max(0, all_of_them - count - own.height)
            frames.append(pl.DataFrame({"project_id": [project] * missing}).with_columns(
                subject_kind=pl.lit(kind), p_value=pl.lit(None, pl.Float64)
            ))  # fmt: skip
    return pl.concat(frames, how="vertical_relaxed")


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
    for (project, kind, day), part in fresh.group_by(*model.FAMILY, "day"):
        places = _commits(lake, str(project), str(kind), cast("date", day), part)
        for one in part.to_dicts():
            row = {**NOWHERE, **one, **places.get(one["subject_id"], {})}
            told = {"reasons": list(model.sentences(row)), "model_id": model_id}
            rows.append({**row, **told, "as_of": as_of, "made_at": made_at})
    return pl.DataFrame(rows, schema=TABLE.schema)


def _commits(
    lake: Lake, project: str, kind: str, day: date, part: pl.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return since_sha, since_at and last_good_sha by subject, from the runs around the day."""
    from models import change_point as model

    asked = [project, day - AROUND, day, part["subject_id"].to_list()]
    runs = lake.query(statement(f"change_point_{kind}_runs"), asked)
    levels = {
        str(row[0]): row[1:] for row in part.select("subject_id", "before_s", "after_s").iter_rows()
    }
    found: dict[str, dict[str, Any]] = {}
    for (subject,), own in runs.group_by("subject_id", maintain_order=True):
        place = model.first_result(own["duration_s"].to_numpy(), *levels[str(subject)])
        if place < own.height:
            found[str(subject)] = {
                "since_sha": own["commit_sha"][place], "since_at": own["started_at"][place],
                "last_good_sha": own["commit_sha"][place - 1] if place else None,
            }  # fmt: skip
    return found


@dg.asset(
    key=core_key(TABLE.name),
    deps=newest([core_key(name) for name in (SOURCE, BUILDS.source, "core.stages")]),
    group_name="predictions",
    description="Since when and since which commit each test, build and stage is slower or faster.",
    kinds={"python", "deltalake"},
    tags={"layer": "predictions"},
)
def find_change_points(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Find lasting changes of durations; see `models/change_point.py`."""
    return described(workspace, update(workspace.lake))
