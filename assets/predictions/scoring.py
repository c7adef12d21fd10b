"""Bringing predictions about test cases up to date in the lake, from marts.test_daily.

`score_model` is what the assets and the command line share and knows no Dagster. The models
themselves are in `models/`; they and scipy are imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from assets import refresh
from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake, WriteResult
from golive_core.schema import Table

SOURCE = "marts.test_daily"
WINDOW_DAYS = 120
"""Days of evidence up to a project's newest one; what is older says little of today's code."""
TOLERANCE = 0.005
"""A probability that moves less is not written anew: its row still says what it knew, and when."""
NOTES = ("reasons", "model_id", "as_of", "made_at")
"""Columns that tell of the making of a row; they alone do not make it another row."""

Parameters = Mapping[str, Mapping[str, float]]
Score = Callable[[pl.DataFrame, datetime, datetime], tuple[pl.DataFrame, Parameters]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model as seen from here: its name, its files, and rows of test_daily to predictions."""

    name: str
    files: tuple[str, ...]
    score: Score

    @property
    def table(self) -> Table:
        """The table of its predictions."""
        return schema.find(f"predictions.{self.name}")


@dataclass(frozen=True, slots=True)
class Scored:
    """What one model's scoring came to: tests scored, and the write, None if nothing changed."""

    table: str
    tests: int
    written: WriteResult | None


def score_model(
    lake: Lake, model: Model, *, as_of: datetime | None = None, made_at: datetime | None = None
) -> Scored:
    """Score all tests with a model and write the rows that say something new.

    `as_of` (aware; default: the newest that is known) is the instant that the model may know.
    Nothing is read or written where marts.test_daily has not changed since the last time; two
    processes take turns.
    """
    from models.runs import code_version

    with alone(lake, model.table.name):
        state = State.read(lake, "predictions")
        version = code_version(model.files)
        if as_of is None and _is_current(lake, state.mark(model.name, "mart"), version):
            return Scored(model.table.name, 0, None)
        seen = 0 if as_of else lake.version()  # rows of the past are not up to date
        mark = state.row(model.name, "mart", Mark(seen, {"version": version}))
        daily = evidence_rows(lake, as_of)
        if not daily.height:
            return Scored(model.table.name, 0, None)
        at = as_of or daily["known_at"].max()
        assert isinstance(at, datetime)  # noqa: S101 - for the type: times of rows that exist
        return _write(lake, model, daily, at, made_at or datetime.now(UTC), mark)


def _is_current(lake: Lake, mark: Mark, version: str) -> bool:
    is_same = (mark.cursor or {}).get("version") == version
    return is_same and not lake.changed_days(SOURCE, since=mark.sequence)


def evidence_rows(lake: Lake, as_of: datetime | None = None) -> pl.DataFrame:
    """Return the rows of marts.test_daily of each project's last WINDOW_DAYS, known at `as_of`."""
    from models.features import DAILY

    if not lake.exists(SOURCE):
        return pl.DataFrame(schema=DAILY)
    columns = ", ".join(f"daily.{name}" for name in DAILY)
    return lake.query(
        f"""with newest as (
            select project_id, max(day) - ?::integer as before from {SOURCE}
            where known_at <= ? group by project_id
        )
        select {columns} from {SOURCE} as daily
        inner join newest on daily.project_id = newest.project_id and daily.day > newest.before
        where daily.known_at <= ?""",  # noqa: S608 - names from this file
        [WINDOW_DAYS, *[as_of or datetime.max.replace(tzinfo=UTC)] * 2],
    )


def _write(
    lake: Lake, model: Model, daily: pl.DataFrame, as_of: datetime, made_at: datetime,
    mark: pl.DataFrame,
) -> Scored:  # fmt: skip
    from models import features
    from models.runs import model_run

    name = model.table.name
    scored, parameters = model.score(daily, as_of, made_at)
    old = lake.query(f"select * from {name}")  # noqa: S608 - a table of the schema
    kept = standing(model.table, old, scored)
    fresh = scored.join(kept, on=model.table.key, how="anti")
    is_gone = old.join(scored, on=model.table.key, how="anti").height > 0
    run = model_run(
        model.name,
        made_at=made_at,
        kind="score",
        files=model.files,
        data=features.evidence(daily, as_of=as_of),
        parameters={"projects": parameters, "window_days": WINDOW_DAYS},
        metrics={"tests": scored.height, "rewritten": fresh.height},
    )
    with lake.transaction(f"score {model.name}") as txn:
        if is_gone:
            txn.overwrite(name, pl.concat([kept, fresh]))
        elif fresh.height:
            txn.merge(name, fresh)
        if is_gone or fresh.height:
            txn.insert("ops.model_runs", run)
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == name), None)
    return Scored(name, scored.height, written)


def standing(table: Table, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `old` that `new` would not change by more than TOLERANCE."""
    told = [one for one in table.columns if one.name not in (*table.key, *NOTES)]
    same = [
        (pl.col(one.name) - pl.col(f"{one.name}_new")).abs() <= TOLERANCE
        if one.dtype == pl.Float64()
        else pl.col(one.name).eq_missing(pl.col(f"{one.name}_new"))
        for one in told
    ]
    both = old.join(new, on=table.key, how="inner", suffix="_new")
    return both.filter(pl.all_horizontal(same)).select(old.columns)


def with_main_branches(lake: Lake) -> Lake:
    """Return the lake; marts.main_branches is made where no run of the marts has made it yet."""
    if not lake.exists("marts.main_branches"):
        refresh.refresh(lake, next(one for one in refresh.marts() if one.name == "main_branches"))
    return lake


def described(workspace: Workspace, done: Scored) -> dg.MaterializeResult[Any]:
    """Return what Dagster shows of a scoring."""
    written = done.written
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(workspace.lake.rows(done.table)),
        "dagster/table_name": dg.MetadataValue.text(done.table),
        "tests_scored": dg.MetadataValue.int(done.tests),
        "rows_new": dg.MetadataValue.int(written.new if written else 0),
        "rows_changed": dg.MetadataValue.int(written.changed if written else 0),
    }
    return dg.MaterializeResult(asset_key=core_key(done.table), metadata=metadata)
