"""`golive.duckdb` holds marts and predictions, shows core, and is replaced under open readers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
from tiny_source import build, frame_of

from assets.publish import publish
from golive_core import schema
from golive_core.lake import Lake


def fill(lake: Lake, *numbers: int) -> None:
    rows = frame_of([build(number) for number in numbers])
    lake.merge("core.builds", schema.conform(schema.BUILDS, rows))
    lake.overwrite("marts.counted", pl.DataFrame({"builds": [len(numbers)]}))


def ask(path: Path, sql: str) -> object:
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute(sql).fetchone()
    return row[0] if row else None


def test_the_file_has_marts_as_tables_and_core_as_views(lake: Lake, home: Path) -> None:
    fill(lake, 1, 2)
    done = publish(lake, home)
    assert (done.tables, done.views, done.is_new) == (1, 1, True)
    assert ask(done.path, "select builds from marts.counted") == 2
    assert ask(done.path, "select count(*) from core.builds where day = '2026-03-01'") == 2
    kinds = "select string_agg(table_schema || ' ' || table_type, ', ' order by table_schema) "
    from_ours = "from information_schema.tables where table_schema in ('core', 'marts')"
    assert ask(done.path, kinds + from_ours) == "core VIEW, marts BASE TABLE"


def test_it_is_written_again_only_for_another_version(lake: Lake, home: Path) -> None:
    fill(lake, 1)
    publish(lake, home)
    assert not publish(lake, home).is_new
    fill(lake, 2)
    assert publish(lake, home).is_new
    assert ask(home / "golive.duckdb", "select lake_version from about.published") == lake.version()


def test_an_open_reader_keeps_what_it_has(lake: Lake, home: Path) -> None:
    fill(lake, 1)
    path = publish(lake, home).path
    with duckdb.connect(str(path), read_only=True) as reader:
        fill(lake, 1, 2, 3)
        assert publish(lake, home).is_new
        assert reader.execute("select builds from marts.counted").fetchone() == (1,)
    assert ask(path, "select builds from marts.counted") == 3


def test_a_file_that_is_none_and_drafts_of_killed_runs_are_replaced(lake: Lake, home: Path) -> None:
    fill(lake, 1)
    (home / "golive.duckdb").write_bytes(b"not a database")
    (home / "golive-7.duckdb").write_bytes(b"half")
    (home / "golive-7.duckdb.wal").write_bytes(b"half")
    assert publish(lake, home).is_new
    assert sorted(path.name for path in home.glob("*.duckdb*")) == ["golive.duckdb"]


def test_an_empty_lake_is_an_empty_file(lake: Lake, home: Path) -> None:
    done = publish(lake, home)
    assert (done.tables, done.views) == (0, 0)
    assert ask(done.path, "select lake_version from about.published") == 0
