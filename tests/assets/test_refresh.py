"""Marts are read from their files, ordered by what they read, and refreshed where days changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tiny_source import build, frame_of

from assets.refresh import Mart, marts, refresh, tables_of
from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import Lake
from golive_core.lake import read as reading

BY_DAY = """-- How many builds each day had,
-- whatever came of them.
--
-- More words that are not the description.
-- grain: day
-- refresh: by day
select day, count(*) as builds from core.builds where day in (select day from changed) group by day
"""
WHOLE = """-- All builds.
-- refresh: full
select count(*) as builds from core.builds
"""


def mart(folder: Path, sql: str, name: str = "counted") -> Mart:
    (folder / f"{name}.sql").write_text(sql)
    return next(one for one in marts(folder) if one.name == name)


def inputs(sql: str) -> tuple[str, ...]:
    with reading.engine() as engine:
        return tables_of(sql, "x.sql", engine)


def store(lake: Lake, *numbers: int, status: str = "passed") -> None:
    rows = frame_of([build(number, status=status) for number in numbers])
    lake.merge("core.builds", schema.conform(schema.BUILDS, rows))


def test_a_header_says_description_grain_and_refresh(tmp_path: Path) -> None:
    found = mart(tmp_path, BY_DAY)
    assert found.description == "How many builds each day had, whatever came of them."
    assert dict(found.fields) == {"grain": "day", "refresh": "by day"}
    assert (found.table, found.inputs, found.spread) == ("marts.counted", ("core.builds",), 0)
    spread = mart(tmp_path, BY_DAY.replace("refresh: by day\n", "refresh: by day, spread 7 days\n"))
    assert spread.spread == 7
    assert mart(tmp_path, WHOLE).spread is None


@pytest.mark.parametrize("refresh_line", ["", "-- refresh: hourly\n"])
def test_a_mart_must_say_how_it_is_refreshed(tmp_path: Path, refresh_line: str) -> None:
    with pytest.raises(LakeError, match="is not understood"):
        mart(tmp_path, f"-- A mart.\n{refresh_line}select 1 as one")


def test_inputs_are_what_the_select_reads_and_nothing_that_it_only_mentions() -> None:
    sql = """-- core.commits
    with day as (select * from core.tests as t) -- core.stages
    select 'core.issues' as text, sum(b.number) over (
        order by b.queued_at range between interval 7 days preceding and current row
    ) from "core"."builds" b join day using (project_id) where b.day in (select day from changed)"""
    assert inputs(sql) == ("core.builds", "core.tests")


@pytest.mark.parametrize("sql", ["delete from core.builds", "selec 1"])
def test_what_is_not_a_select_is_no_mart(sql: str) -> None:
    with pytest.raises(LakeError, match=r"x\.sql: is not a SELECT"):
        inputs(sql)


def test_marts_come_in_the_order_in_which_they_read_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- A.\n-- refresh: full\nselect * from marts.b")
    (tmp_path / "b.sql").write_text("-- B.\n-- refresh: full\nselect * from marts.c")
    (tmp_path / "c.sql").write_text("-- C.\n-- refresh: full\nselect 1 as one")
    assert [one.name for one in marts(tmp_path)] == ["c", "b", "a"]
    (tmp_path / "c.sql").write_text("-- C.\n-- refresh: full\nselect * from marts.a")
    with pytest.raises(LakeError, match="circle"):
        marts(tmp_path)


def test_only_days_whose_input_changed_are_computed(lake: Lake, tmp_path: Path) -> None:
    counted = mart(tmp_path, BY_DAY)
    store(lake, 1, 2, 13)
    assert refresh(lake, counted).days == 2
    store(lake, 14)
    again = refresh(lake, counted)
    assert (again.days, again.rows) == (1, 1)
    rows = lake.query("select day, builds from marts.counted order by day").rows()
    assert rows == [(date(2026, 3, 1), 2), (date(2026, 3, 2), 2)]


def test_a_change_spreads_to_the_days_that_look_back(lake: Lake, tmp_path: Path) -> None:
    sql = BY_DAY.replace("refresh: by day\n", "refresh: by day, spread 2 days\n")
    store(lake, 1)
    counted = mart(tmp_path, sql)
    refresh(lake, counted)
    store(lake, 2)
    assert refresh(lake, counted).days == 3


@pytest.mark.parametrize("sql", [BY_DAY, WHOLE])
def test_without_changes_nothing_is_computed_or_written(
    lake: Lake, tmp_path: Path, sql: str
) -> None:
    counted = mart(tmp_path, sql)
    store(lake, 1)
    refresh(lake, counted)
    lake.compact("core.builds")
    version = lake.version()
    assert refresh(lake, counted).written is None
    assert lake.version() == version


def test_another_sql_computes_every_row_anew(lake: Lake, tmp_path: Path) -> None:
    store(lake, 1, 13)
    refresh(lake, mart(tmp_path, BY_DAY))
    changed = mart(tmp_path, BY_DAY.replace("count(*) as builds", "2 * count(*) as twice"))
    assert refresh(lake, changed).days == 2
    assert lake.query("select twice from marts.counted").columns == ["twice"]


def test_given_days_are_computed_and_the_mark_stays(lake: Lake, tmp_path: Path) -> None:
    counted = mart(tmp_path, BY_DAY)
    store(lake, 1)
    refresh(lake, counted)
    store(lake, 2, 13)
    assert refresh(lake, counted, days=[date(2026, 3, 1)]).days == 1
    assert refresh(lake, counted).days == 2


@pytest.mark.parametrize("sql", [BY_DAY, WHOLE])
def test_a_mart_without_input_is_an_empty_table(lake: Lake, tmp_path: Path, sql: str) -> None:
    counted = mart(tmp_path, sql)
    refresh(lake, counted)
    assert lake.query("select builds from marts.counted").schema["builds"] == pl.Int64
    assert refresh(lake, counted).written is None


def test_wrong_sql_names_its_file(lake: Lake, tmp_path: Path) -> None:
    wrong = mart(tmp_path, "-- W.\n-- refresh: full\nselect nothing from core.builds", "wrong")
    with pytest.raises(LakeError, match=r"wrong\.sql: the SQL of the mart fails"):
        refresh(lake, wrong)


def test_rows_that_vanish_from_the_input_vanish_from_the_mart(lake: Lake, tmp_path: Path) -> None:
    sql = BY_DAY.replace("where day", "where status = 'failed' and day")
    counted = mart(tmp_path, sql)
    store(lake, 1, status="failed")
    refresh(lake, counted)
    store(lake, 1, status="passed")
    refresh(lake, counted)
    assert lake.query("select * from marts.counted").is_empty()
