"""The simulated project in the lake: rows of `models.simulate`, labelled by their project."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from golive_core.lake import Lake

PROJECT = "demo"
BUILDS_PER_COMMIT = 500


def write_simulation(
    home: Path, *, project: str, seed: int, builds: int, tests: int, days: int, end: datetime
) -> dict[str, int]:
    """Write a simulated history into the lake of `home`; return the rows new in each table.

    The same arguments twice add nothing. Raises UsageError if the project has real rows.
    """
    import polars as pl

    from golive_cli.folder import prepared
    from golive_core.lake import Lake
    from models import simulate

    lake = Lake(prepared(home) / "lake")
    refuse_real(lake, project)
    name = "Demo (simulated)" if project == PROJECT else f"{project} (simulated)"
    shape = dataclasses.replace(simulate.Shape(), project_id=project, project_name=name)
    world = simulate.world(seed=seed, builds=builds, tests=tests, days=days, end=end, shape=shape)
    counts: dict[str, int] = {}
    seen: list[pl.DataFrame] = []
    for frames in simulate.parts(world, builds_per_part=BUILDS_PER_COMMIT):
        seen += [frames["core.builds"]] if "core.builds" in frames else []
        _count(counts, _write(lake, frames))
    _count(counts, _write(lake, simulate.watched(pl.concat(seen), project, seed)))
    return dict(sorted(counts.items()))


def export_builds(
    path: Path, *, project: str, seed: int, builds: int, tests: int, days: int, end: datetime
) -> int:
    """Write the builds of a simulated history to a Parquet file; return how many.

    Columns are those of `models.build_changes.CHANGE` and `models.build_features.OUTCOME`. Raises
    UsageError where the file cannot be written.
    """
    from models import build_rows, simulate

    shape = dataclasses.replace(simulate.Shape(), project_id=project)
    made = simulate.simulate(seed=seed, builds=builds, tests=tests, days=days, end=end, shape=shape)
    rows = build_rows.of_tables(made.tables)
    try:
        rows.write_parquet(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}", hint="--export FILE") from error
    return rows.height


def has_rows(lake: Lake, project: str = PROJECT) -> bool:
    """Tell whether the simulated project is in the lake already."""
    if not lake.exists("core.projects"):
        return False
    found = lake.query("select 1 from core.projects where project_id = ?", [project])
    return found.height > 0


def refuse_real(lake: Lake, project: str) -> None:
    """Raise UsageError if the project in the lake is not a simulated one."""
    if not has_rows(lake, project):
        return
    found = lake.query("select is_simulated from core.projects where project_id = ?", [project])
    if not found.item():
        hint = "Choose another --project: simulated rows are never mixed with real ones"
        raise UsageError(f"{project} is a real project", hint=hint)


def _count(counts: dict[str, int], new: dict[str, int]) -> None:
    for table, rows in new.items():
        counts[table] = counts.get(table, 0) + rows


def _write(lake: Lake, frames: dict[str, pl.DataFrame]) -> dict[str, int]:
    from golive_core import schema

    with lake.transaction("simulate") as txn:
        for table, frame in frames.items():
            if schema.find(table).is_fact:
                txn.insert(table, frame)
            else:
                txn.merge(table, frame)
    return {one.table: one.new for one in txn.results}
