"""What is followed in the log entry by entry is what Delta itself would say."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from golive_core.errors import LakeVersionError
from golive_core.lake import Lake, snapshot
from golive_core.lake.snapshot import Snapshot
from tests.lake.rows import builds, results

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 2, 2)


def folder(lake: Lake, table: str) -> Path:
    """Return the folder of a table."""
    return lake.root.joinpath(*table.split("."))


def first(lake: Lake, table: str) -> Snapshot:
    """Return version 0, read by Delta."""
    return snapshot.load(table, folder(lake, table), 0)


@pytest.mark.parametrize("table", ["core.test_results", "core.builds", "core.projects", "marts.x"])
def test_following_the_log_equals_reading_the_table(lake: Lake, table: str) -> None:
    for day, status in ((MONDAY, "running"), (TUESDAY, "passed"), (MONDAY, "failed")):
        frames = {
            "core.test_results": results(day, 3, build=f"ci#{day}{status}"),
            "core.builds": builds(day, range(day.month, day.month + 3), status=status),
            "core.projects": pl.DataFrame({"project_id": ["a"], "name": [status]}),
            "marts.x": pl.DataFrame({"day": [day], "status": [status], "n": [1.5]}),
        }
        if table == "marts.x":
            lake.overwrite(table, frames[table], [day])
        else:
            lake.merge(table, frames[table])
    lake.compact(table)
    assert snapshot.snapshot(table, folder(lake, table), 0) == first(lake, table)
    last = DeltaTable(folder(lake, table)).version()
    assert last >= 2
    for version in range(1, last + 1):
        followed = snapshot.follow(first(lake, table), version)
        assert followed == snapshot.load(table, folder(lake, table), version)


def test_a_change_of_columns_is_not_followed(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame({"a": [1]}))
    lake.overwrite("marts.x", pl.DataFrame({"b": [1]}))
    assert snapshot.follow(first(lake, "marts.x"), 1) is None
    assert lake.columns("marts.x") == {"b": pl.Int64()}


def test_a_log_that_was_trimmed_is_not_followed(lake: Lake) -> None:
    lake.merge("core.builds", builds(MONDAY, range(1)))
    assert snapshot.follow(first(lake, "core.builds"), 3) is None


def test_a_lake_that_was_deleted_and_made_anew_is_not_mixed_up(lake: Lake) -> None:
    lake.merge("core.builds", builds(MONDAY, range(9)))
    assert lake.query("select count(*) from core.builds").item() == 9
    shutil.rmtree(lake.root)
    assert lake.query("select count(*) from core.builds").item() == 0
    lake.merge("core.builds", builds(MONDAY, range(2)))
    assert lake.query("select count(*) from core.builds").item() == 2


def test_a_table_with_deletion_vectors_is_refused(lake: Lake, tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": [1]})
    write_deltalake(tmp_path / "t", rows, configuration={"delta.enableDeletionVectors": "true"})
    with pytest.raises(LakeVersionError, match="deletion vectors"):
        snapshot.load("core.builds", tmp_path / "t", 0)
