"""What was known of each build when it was asked for: predictions.build_features.

Only the days are computed on which something changed, and the days after them that still see it.
What is read for them is a window before, however long the history is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import Scored, described
from assets.workspace import Workspace
from golive_core.lake import Lake

TABLE = "predictions.build_features"
INPUTS = (
    "core.builds", "core.stages", "core.commits", "core.commit_files", "core.repositories",
    "marts.test_daily",
)  # fmt: skip
WINDOW_DAYS = 91
"""Days that a row looks back; see `models/timeline.py`."""
ENDS = ["failed", "known_at", "stage_share"]
"""Columns that tell how a build ended."""
DAYS_AT_ONCE = 120
"""Days that are computed together: bounds the memory of a first run."""


@cache
def statement(name: str) -> str:
    """Return the SELECT of a .sql file beside this one."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


@dataclass(frozen=True, slots=True)
class Known:
    """Builds with what they build and how they ended, and the flakes, of a span of days."""

    builds: pl.DataFrame
    commits: pl.DataFrame
    files: pl.DataFrame
    flakes: pl.DataFrame
    ends: pl.DataFrame

    def changes(self, supposed: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return a row of CHANGE for each build, or for builds that are only supposed."""
        from models.build_changes import changes

        if supposed is None:
            return changes(self.builds, self.commits, self.files)
        both = pl.concat([self.builds, supposed], how="diagonal_relaxed")
        found = changes(both, self.commits, self.files)
        return found.filter(pl.col("build_id").is_in(supposed["build_id"].to_list()))

    def past(self) -> pl.DataFrame:
        """Return a row of CHANGE and OUTCOME for each build."""
        return self.changes().join(self.ends, on="build_id", how="left", maintain_order="left")


def known(lake: Lake, first: date, last: date) -> Known:
    """Return what the days from `first` to `last` may look at: the window before, and its own."""
    since = first - timedelta(days=2 * WINDOW_DAYS)
    builds = lake.query(statement("build_rows"), [since, last])
    span = [first - timedelta(days=2 * WINDOW_DAYS), last + timedelta(days=1)]
    return Known(
        builds.drop(ENDS),
        lake.query(statement("commit_rows"), span),
        lake.query(statement("commit_file_rows"), span),
        lake.query(statement("flake_rows"), span)
        if lake.exists("marts.test_daily")
        else pl.DataFrame(schema={"project_id": pl.String}),
        builds.select("build_id", *ENDS),
    )


def refresh(lake: Lake) -> Scored:
    """Bring the table up to date with its inputs; nothing is read where none changed."""
    from models import build_changes, build_features, build_history, build_paths, timeline
    from models.runs import code_version

    parts = (build_changes, build_features, build_history, build_paths, timeline)
    version = code_version([str(part.__file__) for part in parts] + [__file__])
    with alone(lake, TABLE):
        state = State.read(lake, "predictions")
        before = state.mark("build_features", "mart")
        is_known = (before.cursor or {}).get("version") == version and lake.exists(TABLE)
        mark = state.row("build_features", "mart", Mark(lake.version(), {"version": version}))
        days = _due(lake, before.sequence if is_known else 0)
        if not days:
            return Scored(TABLE, 0, None)
        with lake.transaction(f"refresh {TABLE}") as txn:
            frames = [rows_of(lake, part) for part in _parts(days)]
            txn.overwrite(TABLE, pl.concat(frames), days=days if is_known else None)
            txn.merge("ops.cursors", mark)
        return Scored(TABLE, sum(one.height for one in frames), txn.results[0])


def _due(lake: Lake, since: int) -> list[date]:
    """Return the days with builds that see a day on which an input changed after `since`."""
    if not lake.exists("core.builds"):
        return []
    changed = {
        day for name in INPUTS if lake.exists(name) for day in lake.changed_days(name, since)
    }
    built = set(lake.query("select distinct day from core.builds")["day"].to_list())
    reach = {one + timedelta(days=n) for one in changed for n in range(WINDOW_DAYS + 1)}
    return sorted((built | changed) & reach) if changed else []


def _parts(days: Iterable[date]) -> Iterator[list[date]]:
    """Yield the days in parts that span DAYS_AT_ONCE at most."""
    part: list[date] = []
    for day in days:
        if part and (day - part[0]).days >= DAYS_AT_ONCE:
            yield part
            part = []
        part.append(day)
    if part:
        yield part


def rows_of(lake: Lake, days: list[date]) -> pl.DataFrame:
    """Return the rows of the builds of these days."""
    from models.build_features import OUTCOME, features

    found = known(lake, days[0], days[-1])
    past = found.past()
    asked = past.filter(pl.col("as_of").dt.date().is_in(days)).drop(list(OUTCOME))
    return features(asked, past, found.flakes)


TIMES = {
    "core.builds": "greatest(max(queued_at), max(finished_at))",
    "core.commits": "max(committed_at)",
    "core.branches": "max(updated_at)",
    "core.change_requests": "max(updated_at)",
}
"""What tells by table how far the lake knows the world."""


def instant(lake: Lake) -> datetime | None:
    """Return the newest instant that the lake knows of builds and changes, no later than now."""
    found = [
        lake.query(f"select {newest_at} as at from {table}").item()  # noqa: S608 - from this file
        for table, newest_at in TIMES.items()
        if lake.exists(table)
    ]
    times = [at for at in found if isinstance(at, datetime)]
    return min(max(times), datetime.now(UTC)) if times else None


@dg.asset(
    key=core_key(TABLE),
    deps=newest([core_key(name) for name in INPUTS]),
    group_name="predictions",
    description="What was known of each build when it was asked for, from the past only.",
    kinds={"polars", "deltalake"},
    tags={"layer": "predictions"},
)
def build_features(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Compute the days whose inputs changed; see `models/build_features.py`."""
    return described(workspace, refresh(workspace.lake))
