"""How probably the builds to come fail: predictions.build_failure.

Told are builds that are queued or running, the heads of branches that moved lately, and those of
open change requests, by each pipeline that would build them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.learning.champion import Champion
from assets.partitions import newest
from assets.predictions import build_features as feature_rows
from assets.predictions.build_features import ENDS, Known, instant, known, statement
from assets.predictions.scoring import Scored, described, standing
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake

if TYPE_CHECKING:
    from models.build_failure import Teller

TABLE = schema.BUILD_FAILURE
INPUTS = ("core.branches", "core.change_requests", feature_rows.TABLE)
PAST_ROWS = 5_000
"""Newest builds of a project that forecasts stand on."""
NAMES = ("subject_kind", "subject_id")
"""Columns of subjects beyond those of a change."""


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Tell every build to come and write the rows that say something new.

    `as_of` (aware; default: the newest that is known) is the instant that the model may know.
    Nothing is done where neither builds, heads nor the champion have changed.
    """
    feature_rows.refresh(lake)
    with alone(lake, TABLE.name):
        state = State.read(lake, "predictions")
        cursor = {"inputs": _versions(lake), "told_by": _tellers(lake), "version": _version()}
        at = as_of or instant(lake)
        if at is None or (as_of is None and state.mark("build_failure", "mart").cursor == cursor):
            return Scored(TABLE.name, 0, None)
        mark = state.row("build_failure", "mart", Mark(0, {} if as_of else cursor))
        now, made_at = Now.of(lake, at), made_at or datetime.now(UTC)
        return _write(lake, now.tell(now.subjects(), made_at), made_at, mark)


def _versions(lake: Lake) -> dict[str, int]:
    """Return the newest version of each input; compaction is news too, and cheap."""
    return {
        name: int(lake.history(name, 1)["version"][0]) if lake.exists(name) else -1
        for name in INPUTS
    }


def _projects(lake: Lake) -> list[str]:
    if not lake.exists(feature_rows.TABLE):
        return []
    found = lake.query(f"select distinct project_id from {feature_rows.TABLE} order by all")  # noqa: S608
    return found["project_id"].to_list()


def _tellers(lake: Lake) -> dict[str, str]:
    return {project: teller_of(lake, project).by for project in _projects(lake)}


def _version() -> str:
    from models.build_failure import LEARNED
    from models.runs import code_version

    return code_version([*LEARNED.files, __file__])


def teller_of(lake: Lake, project: str) -> Teller:
    """Return who speaks for a project: the rule, or the learned champion."""
    from models.build_failure import LEARNED, Teller

    champion = Champion.of(lake.root.parent, LEARNED, project)
    made = champion.loaded.manifest
    if made is None:
        return Teller(champion.by)
    line = made.calibration
    lift = made.metrics.get("lift")
    return Teller(champion.by, champion.loaded.estimator, line["slope"], line["intercept"], lift)


@dataclass(frozen=True, slots=True)
class Now:
    """What a lake knows at an instant: read once, asked several times."""

    lake: Lake
    at: datetime
    known: Known
    past: pl.DataFrame

    @classmethod
    def of(cls, lake: Lake, at: datetime) -> Now:
        """Read the window before the instant."""
        found = known(lake, at.date() - timedelta(days=1), at.date())
        return cls(lake, at, found, found.past())

    def starters(self) -> pl.DataFrame:
        """Return the pipelines that pushes start: see `build_starters.sql`."""
        return self.lake.query(statement("build_starters"), [self.at])

    def subjects(self) -> pl.DataFrame:
        """Return what may be built next, as rows of CHANGE and NAMES: see `build_subjects.sql`."""
        heads = self.lake.query(statement("build_subjects"), [self.at])
        is_change = pl.col("subject_kind") == "change_request"
        by_change = pl.when(is_change).then(pl.lit("pull_request")).otherwise("usual_trigger")
        supposed = heads.join(self.starters(), on=["project_id", "is_main"]).with_columns(
            trigger=by_change, as_of=pl.lit(self.at), attempt=pl.lit(1, pl.Int64)
        )
        return pl.concat([self.with_changes(supposed), self._waiting()], how="diagonal_relaxed")

    def with_changes(self, supposed: pl.DataFrame) -> pl.DataFrame:
        """Return supposed builds with what they would build; `since` may name an older commit."""
        keyed = supposed.with_columns(
            build_id=pl.concat_str("subject_kind", "subject_id", "pipeline_id", separator="\n"),
            is_supposed=pl.lit(value=True),
        )
        changes = self.known.changes(keyed)
        return changes.join(keyed.select("build_id", *NAMES), on="build_id", how="left")

    def _waiting(self) -> pl.DataFrame:
        """Return the builds that are queued or running, as they were asked for."""
        waiting = self.lake.query(
            """select build_id from core.builds
            where status in ('queued', 'running') and queued_at <= ? and queued_at > ?""",
            [self.at, self.at - timedelta(days=1)],
        )["build_id"].to_list()
        found = self.past.filter(pl.col("build_id").is_in(waiting)).drop(ENDS)
        return found.with_columns(subject_kind=pl.lit("build"), subject_id="build_id")

    def tell(self, subjects: pl.DataFrame, made_at: datetime) -> pl.DataFrame:
        """Return rows of predictions.build_failure for subjects (CHANGE and NAMES)."""
        from models.build_features import features

        if not subjects.height:
            return pl.DataFrame(schema=TABLE.schema)
        rows = features(subjects.drop(NAMES), self.past, self.known.flakes)
        named = rows.join(subjects.select("build_id", *NAMES), on="build_id", maintain_order="left")
        parts = [
            _told(self.lake, str(project), part, made_at)
            for (project,), part in named.group_by("project_id", maintain_order=True)
        ]
        return pl.concat(parts)


def _told(lake: Lake, project: str, rows: pl.DataFrame, made_at: datetime) -> pl.DataFrame:
    from models.build_failure import NAME, forecast
    from models.runs import model_id

    teller = teller_of(lake, project)
    told = forecast(past_of(lake, project), rows, teller)
    built = pl.col("commit_failed_builds") + pl.col("commit_passed_builds") > 0
    both = pl.concat([rows, told], how="horizontal").with_columns(
        build_id=pl.when(pl.col("subject_kind") == "build").then("build_id"),
        is_built=built, told_by=pl.lit(teller.by), is_learned=pl.lit(teller.fitted is not None),
        lift=pl.lit(teller.lift, pl.Float64), model_id=pl.lit(model_id(NAME, made_at)),
        made_at=pl.lit(made_at),
    )  # fmt: skip
    return schema.conform(TABLE, both.select(TABLE.schema.names()))


def past_of(lake: Lake, project: str) -> pl.DataFrame:
    """Return the newest builds of a project with features, and what came of them."""
    from models.build_failure import LEARNED

    return lake.query(
        f"""select * from {LEARNED.source} where project_id = ? and failed is not null
        order by as_of desc, build_id desc limit ?""",  # noqa: S608 - the model's own SELECT
        [project, PAST_ROWS],
    ).reverse()


def _write(lake: Lake, told: pl.DataFrame, made_at: datetime, mark: pl.DataFrame) -> Scored:
    name = TABLE.name
    old = lake.query(f"select * from {name}")  # noqa: S608 - a table of the schema
    kept = standing(TABLE, old, told)
    fresh = told.join(kept, on=TABLE.key, how="anti")
    is_gone = old.join(told, on=TABLE.key, how="anti").height > 0
    with lake.transaction("tell build_failure") as txn:
        if is_gone or not lake.exists(name):
            txn.overwrite(name, pl.concat([kept, fresh]))
        elif fresh.height:
            txn.merge(name, fresh)
        if fresh.height:
            txn.insert("ops.model_runs", _run(told, fresh.height, made_at))
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == name), None)
    return Scored(name, told.height, written)


def _run(told: pl.DataFrame, rewritten: int, made_at: datetime) -> pl.DataFrame:
    from models.build_failure import LEARNED, NAME
    from models.runs import model_run

    by = dict(told.select("project_id", "told_by").unique().sort("project_id").iter_rows())
    return model_run(
        NAME, made_at=made_at, kind="score", files=LEARNED.files,
        data=told.select(*TABLE.key, "commit_sha", "probability"), parameters={"told_by": by},
        metrics={"subjects": told.height, "rewritten": rewritten},
    )  # fmt: skip


@dg.asset(
    key=core_key(TABLE.name),
    deps=newest([core_key(name) for name in INPUTS]),
    group_name="predictions",
    description="How probably each build to come fails: queued builds, branches, change requests.",
    kinds={"scikitlearn", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_build_failure(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Tell every build to come; see `models/build_failure.py`."""
    return described(workspace, update(workspace.lake))
