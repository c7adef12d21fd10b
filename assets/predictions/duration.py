"""How long builds and tests take: predictions.build_duration and predictions.duration.

Told are the builds themselves, each from what was known when it was asked for, the next build of
each pipeline on the main line and on other branches, and the next run of each test. Of a project
with news a bounded tail is read, however long its history is; a build that was told is not told
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import Scored, described, with_main_branches
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake
from golive_core.schema import Table

if TYPE_CHECKING:
    from models.duration_walks import Line

TABLE, EACH = schema.DURATION, schema.BUILD_DURATION
BUILDS, RESULTS = "core.builds", "core.test_results"
INPUTS = (BUILDS, RESULTS, "marts.main_branches")
WINDOW_DAYS = 120
MOST_BUILDS, MOST_RESULTS = 1_500, 500_000
"""Newest builds and results of a project that are read, within the window."""
TOLERANCE = 0.05
"""A forecast that moves less, in logarithms, is not written anew."""
LINES = {True: "main", False: "branch"}


@cache
def statement(name: str) -> str:
    """Return the SELECT of a .sql file beside this one."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Tell the builds and tests of the projects with news, and write what says something new.

    `as_of` (aware; default: the newest that is known) is the instant that the model may know.
    """
    from models import duration_walks
    from models.duration import FILES, NAME
    from models.runs import code_version

    with alone(lake, TABLE.name):
        state = State.read(lake, "predictions")
        version = code_version([*FILES, str(duration_walks.__file__)])
        seen = state.mark(NAME, "mart")
        is_same = as_of is None and (seen.cursor or {}).get("version") == version
        since = seen.sequence if is_same else 0
        changed = {name: _changed(lake, name, since) for name in (BUILDS, RESULTS)}
        if not any(changed.values()):
            return Scored(TABLE.name, 0, None)
        mark = Mark(0 if as_of else lake.version(), {"version": version})
        told = _Telling(lake, as_of, made_at or datetime.now(UTC)).all(changed)
        return _write(lake, told, state.row(NAME, "mart", mark), made_at or datetime.now(UTC))


def _changed(lake: Lake, table: str, since: int) -> dict[str, date]:
    """Return the newest day of each project of whose rows some day changed after `since`."""
    if not lake.exists(table) or not (days := lake.changed_days(table, since=since)):
        return {}
    found = lake.query(
        f"""select project_id, max(day) as day from {table}
        where project_id in (
            select distinct changed.project_id from {table} as changed
            where changed.day in (select unnest(?))
        ) and day >= ?
        group by project_id order by project_id""",  # noqa: S608 - names from this file
        [sorted(days), min(days)],
    )
    return dict(found.iter_rows())


@dataclass(frozen=True, slots=True)
class _Telling:
    """Forecasts of a lake at an instant; frames have the table's columns but model_id, made_at."""

    lake: Lake
    as_of: datetime | None
    made_at: datetime

    def all(self, changed: Mapping[str, Mapping[str, date]]) -> dict[Table, pl.DataFrame]:
        """Return the rows of the projects with news, by table."""
        found: dict[Table, list[pl.DataFrame]] = {TABLE: [], EACH: []}
        for name, day in changed[BUILDS].items():
            each, nexts = self.builds(name, day)
            found[EACH].append(each)
            found[TABLE].append(nexts)
        found[TABLE] += [self.tests(name, day) for name, day in changed[RESULTS].items()]
        return {table: self._noted(table, parts) for table, parts in found.items()}

    def _noted(self, table: Table, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
        from models.duration import NAME
        from models.runs import model_id

        notes = {
            "model_id": pl.lit(model_id(NAME, self.made_at)), "made_at": pl.lit(self.made_at),
            "runs": pl.col("known"),
        }  # fmt: skip
        told = [part.with_columns(**notes) for part in parts if part.height]
        kept = [
            schema.conform(table, one.select(name for name in one.columns if name in table.schema))
            for one in told
        ]
        return pl.concat([pl.DataFrame(schema=table.schema), *kept])

    def _span(self, day: date) -> list[object]:
        at = self.as_of or datetime.max.replace(tzinfo=UTC)
        last = min(day, at.date())
        return [at, last - timedelta(days=WINDOW_DAYS)]

    def builds(self, project: str, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return a row for each build of the tail, and for the next one of each line."""
        from models.duration_walks import along_builds, told_rows

        rows = with_main_branches(self.lake).query(
            statement("duration_builds"), [project, *self._span(day), MOST_BUILDS]
        )
        line = along_builds(rows)
        found = [
            told_rows(told, lift).with_columns(build_id=pl.lit(build))
            for build, told, lift in line.walk()
        ]
        if not found:
            return pl.DataFrame(), pl.DataFrame()
        ends = pl.col("started_at") + pl.duration(microseconds=pl.col("median_s") * 1e6)
        each = pl.concat(found).join(rows, on="build_id").with_columns(
            project_id=pl.lit(project), as_of="asked_at", day=pl.col("asked_at").dt.date(),
            expected_end_at=pl.when(pl.col("is_open")).then(ends),
        )  # fmt: skip
        at = self.as_of or rows.select(pl.max_horizontal(pl.max("asked_at", "known_at"))).item()
        return each, self._nexts(line, at).with_columns(project_id=pl.lit(project))

    def _nexts(self, line: Line, at: datetime) -> pl.DataFrame:
        """Return a row for the next build of each line, if it were asked for now, by a push."""
        from models.duration_walks import calendar, told_rows

        now = {"asked_at": [at], "attempt": [1], "trigger": ["push"]}
        extra = calendar(pl.DataFrame(now))[0]
        lift = line.forecaster.standing.lift
        return pl.concat([
            told_rows(line.tell(pipeline, is_main, extra), lift)
            .with_columns(subject_kind=pl.lit(LINES[is_main]), pipeline_id=pl.lit(pipeline),
                          subject_id=pl.lit(pipeline), as_of=pl.lit(at))
            for pipeline, is_main in line.places
        ])  # fmt: skip

    def tests(self, project: str, day: date) -> pl.DataFrame:
        """Return a row for the next run of each test of the tail."""
        from models.duration import Forecaster
        from models.duration_walks import along_tests, numbered, told_rows

        found = self.lake.query(
            statement("duration_results"), [project, *self._span(day), MOST_RESULTS]
        )
        if found.is_empty():
            return pl.DataFrame()
        rows, keys = numbered(found, "test_id")
        forecaster = Forecaster(len(keys))
        for _ in along_tests(forecaster, rows):
            pass
        told = told_rows(forecaster.tell(np.arange(len(keys))), forecaster.standing.lift)
        return told.with_columns(
            project_id=pl.lit(project), subject_kind=pl.lit("test"),
            subject_id=keys.gather(told["series"]).cast(pl.String),
            as_of=pl.lit(rows["started_at"].max()),
        )  # fmt: skip


def expected(lake: Lake) -> pl.DataFrame:
    """Return expected_s, expected_low_s and expected_high_s of the next build, brought up to date.

    By project_id, pipeline_id and branch; of branches that no build is known of there is no row.
    """
    update(lake)
    return with_main_branches(lake).query(statement("duration_expected"))


def _write(
    lake: Lake, told: Mapping[Table, pl.DataFrame], mark: pl.DataFrame, made_at: datetime
) -> Scored:
    fresh = {TABLE: _moved(lake, told[TABLE]), EACH: _untold(lake, told[EACH])}
    count = sum(one.height for one in told.values())
    with lake.transaction(f"tell {TABLE.name}") as txn:
        for table, rows in fresh.items():
            if rows.height:
                txn.merge(table.name, rows)
        if any(rows.height for rows in fresh.values()):
            txn.insert("ops.model_runs", _run(told, fresh, made_at))
        txn.merge("ops.cursors", mark)
    names = (TABLE.name, EACH.name)
    written = next((one for one in txn.results if one.table in names), None)
    return Scored(TABLE.name, count, written)


def _moved(lake: Lake, told: pl.DataFrame) -> pl.DataFrame:
    """Return the forecasts that are new or moved by TOLERANCE."""
    old = lake.query(f"select * from {TABLE.name}")  # noqa: S608 - a table of the schema
    both = old.join(told, on=TABLE.key, how="inner", suffix="_new")
    moved = [
        (pl.col(f"{name}_new") / pl.col(name)).log().abs().fill_nan(0.0) > limit
        for name, limit in (("median_s", TOLERANCE), ("high_90_s", 2 * TOLERANCE))
    ]
    return told.join(both.filter(~pl.any_horizontal(*moved)), on=TABLE.key, how="anti")


def _untold(lake: Lake, told: pl.DataFrame) -> pl.DataFrame:
    """Return the builds that were not told before, and those that began or ended since."""
    first = told["day"].min()
    old = lake.query(
        f"select build_id, expected_end_at from {EACH.name} where day >= ?",  # noqa: S608
        [first],
    )
    return told.join(old, on=["build_id", "expected_end_at"], how="anti", nulls_equal=True)


def _run(
    told: Mapping[Table, pl.DataFrame], fresh: Mapping[Table, pl.DataFrame], made_at: datetime
) -> pl.DataFrame:
    from models.duration import FILES, NAME
    from models.runs import model_run

    by = told[TABLE].group_by("project_id", "told_by").len()
    return model_run(
        NAME, made_at=made_at, kind="score", files=FILES,
        data=told[TABLE].select(*TABLE.key, "median_s"),
        parameters={"window_days": WINDOW_DAYS, "told_by": sorted(by.iter_rows())},
        metrics={table.name.split(".")[1]: rows.height for table, rows in fresh.items()},
    )  # fmt: skip


@dg.asset(
    key=core_key(TABLE.name),
    deps=newest([core_key(name) for name in INPUTS]),
    group_name="predictions",
    description="How long builds and tests take, told before with 50 % and 90 % intervals.",
    kinds={"python", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_duration(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Tell how long the next runs take; see `models/duration.py`."""
    return described(workspace, update(workspace.lake))
