"""Tables that gained columns: old files stay as they are, readers see nulls."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import Lake
from golive_core.schema import Column, Table
from tests.lake.rows import builds

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
BUILDS = schema.BUILDS


def grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare a further column of core.builds, as a later version of GoLive would."""
    columns = (*BUILDS.columns, Column("mood", pl.String(), "how it felt"))
    grown = Table(
        BUILDS.name, BUILDS.grain, BUILDS.key, columns, BUILDS.partition, BUILDS.sort, is_fact=False
    )
    monkeypatch.setitem(schema.TABLES, BUILDS.name, grown)


def test_old_files_show_null_in_a_new_column(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.merge("core.builds", builds(MONDAY, range(2)))
    grow(monkeypatch)
    lake = Lake(lake.root)
    lake.merge("core.builds", builds(MONDAY, range(2, 4)).with_columns(mood=pl.lit("good")))
    found = lake.query("select number, mood from core.builds order by number").rows()
    assert found == [(0, None), (1, None), (2, "good"), (3, "good")]


def test_a_new_column_is_empty_before_anything_is_written(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.merge("core.builds", builds(MONDAY, range(2)))
    lake.query("select count(*) from core.builds")
    grow(monkeypatch)
    lake.merge("core.projects", pl.DataFrame({"project_id": ["a"]}))
    assert lake.query("select mood from core.builds")["mood"].to_list() == [None, None]


def test_equal_rows_stay_unchanged_when_a_column_comes(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.merge("core.builds", builds(MONDAY, range(2)))
    grow(monkeypatch)
    assert lake.merge("core.builds", builds(MONDAY, range(2))).unchanged == 2


def test_merging_and_compacting_across_generations(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.merge("core.builds", builds(MONDAY, range(3)))
    grow(monkeypatch)
    lake.merge("core.builds", builds(MONDAY, range(2, 5)).with_columns(mood=pl.lit("good")))
    lake.merge("core.builds", builds(TUESDAY, range(5, 6)))
    before = lake.query("select number, mood from core.builds order by 1")
    assert before["mood"].to_list() == [None, None, "good", "good", "good", None]
    lake.compact("core.builds")
    assert lake.query("select number, mood from core.builds order by 1").equals(before)
    theirs = DeltaTable(lake.root / "core" / "builds").to_pyarrow_table()
    assert theirs.column("mood").null_count == 3


def test_a_mart_gains_a_column_day_by_day(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame({"day": [MONDAY, TUESDAY], "n": [1, 2]}))
    lake.overwrite("marts.x", pl.DataFrame({"day": [TUESDAY], "n": [3], "m": ["a"]}), [TUESDAY])
    assert lake.query("from marts.x order by day").rows() == [(MONDAY, 1, None), (TUESDAY, 3, "a")]


def test_a_mart_loses_a_column_only_as_a_whole(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame({"day": [MONDAY, TUESDAY], "n": [1, 2], "m": [1, 2]}))
    less = pl.DataFrame({"day": [TUESDAY], "n": [3]})
    lake.overwrite("marts.x", less, [TUESDAY])
    assert lake.query("from marts.x order by day").rows() == [(MONDAY, 1, 1), (TUESDAY, 3, None)]
    lake.overwrite("marts.x", less)
    assert lake.query("from marts.x").rows() == [(TUESDAY, 3)]


def test_a_mart_changes_a_dtype_only_as_a_whole(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame({"day": [MONDAY, TUESDAY], "n": [1, 2]}))
    words = pl.DataFrame({"day": [TUESDAY], "n": ["two"]})
    with pytest.raises(LakeError, match="days=None"):
        lake.overwrite("marts.x", words, [TUESDAY])
    lake.overwrite("marts.x", words)
    assert lake.query("from marts.x").rows() == [(TUESDAY, "two")]
    assert lake.changed_days("marts.x") == {MONDAY, TUESDAY}
