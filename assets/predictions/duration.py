"""How long builds and tests take: predictions.duration.

Told are the builds themselves, each from what was known when it was asked for, the next build of
each pipeline on the main line and on other branches, and the next run of each test. Of a project
with news a bounded tail is read, however long its history is; a build that was told is not told
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

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

TABLE = schema.DURATION
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

    def all(self, changed: Mapping[str, Mapping[str, date]]) -> pl.DataFrame:
        """Return the rows of the projects with news."""
        parts = [self.builds(name, day) for name, day in changed[BUILDS].items()]
        parts += [self.tests(name, day) for name, day in changed[RESULTS].items()]
        empty = pl.DataFrame(schema=TABLE.schema)
        return pl.concat([empty, *(schema.conform(TABLE, self._noted(one)) for one in parts)])

    def _noted(self, rows: pl.DataFrame) -> pl.DataFrame:
        from models.duration import NAME
        from models.runs import model_id

        known = rows.select(one for one in rows.columns if one in TABLE.schema)
        return known.with_columns(
            model_id=pl.lit(model_id(NAME, self.made_at)), made_at=pl.lit(self.made_at)
        )

    def _span(self, day: date) -> list[object]:
        at = self.as_of or datetime.max.replace(tzinfo=UTC)
        last = min(day, at.date())
        return [at, last - timedelta(days=WINDOW_DAYS)]

    def builds(self, project: str, day: date) -> pl.DataFrame:
        """Return a row for each build of the tail, and for the next one of each line."""
        from models.duration_walks import along_builds, calendar, told_rows

        rows = with_main_branches(self.lake).query(
            statement("duration_builds"), [project, *self._span(day), MOST_BUILDS]
        )
        line = along_builds(rows)
        found = [
            told_rows(told, lift).with_columns(build_id=pl.lit(build))
            for build, told, lift in line.walk()
        ]
        if not found:
            return pl.DataFrame(schema=TABLE.schema)
        ends = pl.col("started_at") + pl.duration(microseconds=pl.col("median_s") * 1e6)
        each = pl.concat(found).join(rows, on="build_id").select(
            pl.exclude("started_at", "asked_at"), subject_kind=pl.lit("build"),
            subject_id="build_id", as_of="asked_at",
            expected_end_at=pl.when(pl.col("is_open")).then(ends),
        )  # fmt: skip
        at = self.as_of or rows.select(pl.max_horizontal(pl.max("asked_at", "known_at"))).item()
        next_one = pl.DataFrame({
            "asked_at": [at], "attempt": [1], "trigger": [None],
        }, schema_overrides={"trigger": pl.String})  # fmt: skip
        extra = calendar(next_one)[0]
        nexts = [
            told_rows(line.tell(pipeline, is_main, extra), line.forecaster.standing.lift)
            .with_columns(subject_kind=pl.lit(LINES[is_main]), pipeline_id=pl.lit(pipeline),
                          subject_id=pl.lit(pipeline), as_of=pl.lit(at))
            for pipeline, is_main in line.places
        ]  # fmt: skip
        return pl.concat([each, *nexts], how="diagonal_relaxed").with_columns(
            project_id=pl.lit(project), runs="known"
        )

    def tests(self, project: str, day: date) -> pl.DataFrame:
        """Return a row for the next run of each test of the tail."""
        from models.duration import Forecaster
        from models.duration_walks import along_tests, numbered, told_rows

        found = self.lake.query(
            statement("duration_results"), [project, *self._span(day), MOST_RESULTS]
        )
        if found.is_empty():
            return pl.DataFrame(schema=TABLE.schema)
        rows, keys = numbered(found, "test_id")
        forecaster = Forecaster(len(keys))
        for _ in along_tests(forecaster, rows):
            pass
        told = told_rows(forecaster.tell(np.arange(len(keys))), forecaster.standing.lift)
        return told.with_columns(
            project_id=pl.lit(project), subject_kind=pl.lit("test"), runs="known",
            subject_id=keys.gather(told["series"]).cast(pl.String),
            as_of=pl.lit(rows["started_at"].max()),
        )  # fmt: skip


def expected(lake: Lake) -> pl.DataFrame:
    """Return expected_s, expected_low_s and expected_high_s of the next build, brought up to date.

    By project_id, pipeline_id and branch; of branches that no build is known of there is no row.
    """
    update(lake)
    return with_main_branches(lake).query(statement("duration_expected"))


def _write(lake: Lake, told: pl.DataFrame, mark: pl.DataFrame, made_at: datetime) -> Scored:
    name = TABLE.name
    old = lake.query(f"select * from {name}")  # noqa: S608 - a table of the schema
    kept = told.join(_standing(old, told), on=TABLE.key, how="semi")
    fresh = told.join(kept, on=TABLE.key, how="anti")
    with lake.transaction(f"tell {name}") as txn:
        if fresh.height:
            txn.merge(name, fresh)
            txn.insert("ops.model_runs", _run(told, fresh.height, made_at))
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == name), None)
    return Scored(name, told.height, written)


def _standing(old: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return the keys whose rows still hold: builds that were told, and what hardly moved."""
    both = old.join(told, on=TABLE.key, how="inner", suffix="_new")
    moved = [
        (pl.col(f"{name}_new") / pl.col(name)).log().abs().fill_nan(0.0) > limit
        for name, limit in (("median_s", TOLERANCE), ("high_90_s", 2 * TOLERANCE))
    ]
    is_build = pl.col("subject_kind") == "build"
    same_end = pl.col("expected_end_at").eq_missing(pl.col("expected_end_at_new"))
    return both.filter(same_end & (is_build | ~pl.any_horizontal(*moved))).select(TABLE.key)


def _run(told: pl.DataFrame, rewritten: int, made_at: datetime) -> pl.DataFrame:
    from models.duration import FILES, NAME
    from models.runs import model_run

    by = told.filter(pl.col("subject_kind") != "build").group_by("project_id", "told_by").len()
    return model_run(
        NAME, made_at=made_at, kind="score", files=FILES,
        data=told.select(*TABLE.key, "median_s"),
        parameters={"window_days": WINDOW_DAYS, "told_by": sorted(by.iter_rows())},
        metrics={"subjects": told.height, "rewritten": rewritten},
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
