"""What people may ask for, and what they may not."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import QueryError
from golive_core.lake import Lake
from tests.lake.rows import builds, results

DAY = date(2024, 1, 1)
ALLOWED = [
    "select count(*) from core.builds",
    "from core.builds",
    "with b as (select * from core.builds) select status, count(*) from b group by all",
    "select * from core.builds b join core.test_results r using (build_id)",
    "select number, row_number() over (order by number) from core.builds qualify number > 0",
    "select unnest([1, 2, 3]), strftime(now(), '%Y')",
    "select * from range(3) union all select * from generate_series(1, 2)",
    "select status, list(number) from core.builds group by status order by 1 limit 5;",
    "select * from (values (1, 'a'), (2, 'b')) t(n, s)",
    "select json_extract('{\"a\": 1}', '$.a')",
    "select regexp_replace(build_id, 'ci', 'x') from core.builds -- a comment; with a semicolon",
]
HOSTILE = [
    "",
    "select 1; select 2",
    "select 1; drop view core.builds",
    "insert into core.builds select * from core.builds",
    "delete from core.builds",
    "update core.builds set status = 'passed'",
    "drop view core.builds",
    "create table t as select 1",
    "create or replace view core.builds as select 1",
    "copy core.builds to 'stolen.csv'",
    "copy (select 1) to 'stolen.parquet' (format parquet)",
    "attach 'other.duckdb' as other",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "set enable_external_access = true",
    "reset lock_configuration",
    "call pragma_version()",
    "export database 'stolen'",
    "import database 'stolen'",
    "checkpoint",
    "vacuum",
    "begin",
    "use memory",
    "prepare p as select 1",
    "execute p",
    "explain analyze select 1",
    "show all tables",
    "describe core.builds",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('{root}/_format.json')",
    "select * from read_parquet('{outside}')",
    "select * from '{outside}'",
    "select * from \"{outside}\"",
    "select * from parquet_scan('{outside}')",
    "select * from glob('/etc/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_metadata('{outside}')",
    "select * from read_json('/etc/passwd')",
    "select * from 'https://example.org/a.csv'",
    "select * from 's3://bucket/a.parquet'",
    "select (select max(content) from read_text('/etc/passwd'))",
    "with x as (select * from read_text('/etc/passwd')) select * from x",
    "with x as (insert into core.builds values (1) returning *) select * from x",
    "select * from core.builds where exists (from read_text('/etc/passwd'))",
    "select * from query('select 1')",
    "select * from query_table('core.builds')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from pragma_database_list()",
    "select current_setting('home_directory')",
    "select getenv('HOME')",
    "select * from which_secret('a', 's3')",
    "select * from sqlite_scan('{outside}', 't')",
    "select * from duckdb_logs()",
    "select write_log('x')",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_class",
    "select * from duckdb_views",
    "select * from sqlite_master",
    "pivot core.builds on status using count(*)",
]  # fmt: skip


@pytest.fixture
def full(lake: Lake) -> Lake:
    """Fill a lake with a few builds and results."""
    lake.merge("core.builds", builds(DAY, range(3)))
    lake.insert("core.test_results", results(DAY, 3))
    return lake


@pytest.mark.parametrize("sql", ALLOWED)
def test_a_select_over_the_lake_is_answered_like_any_query(full: Lake, sql: str) -> None:
    assert full.sandbox(sql).schema == full.query(sql).schema


@pytest.mark.parametrize("sql", HOSTILE)
def test_anything_else_is_refused(full: Lake, sql: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    pl.DataFrame({"secret": [1]}).write_parquet(outside)
    text = sql.replace("{outside}", str(outside)).replace("{root}", str(full.root))
    with pytest.raises(QueryError):
        full.sandbox(text)
    assert full.query("select count(*) from core.builds").item() == 3


def test_the_fence_alone_keeps_files_outside_out(
    full: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golive_core.lake.sandbox.checked", lambda connection, sql: set())
    outside = tmp_path / "outside.parquet"
    pl.DataFrame({"secret": [1]}).write_parquet(outside)
    for sql in (
        f"from '{outside}'",
        f"from read_parquet('{outside}')",
        "from read_text('/etc/passwd')",
    ):
        with pytest.raises(QueryError, match=r"Permission|disabled"):
            full.sandbox(sql)


def test_too_many_rows_are_refused_with_a_hint(full: Lake) -> None:
    assert full.sandbox("from range(10)", max_rows=10).height == 10
    with pytest.raises(QueryError, match=r"more than 10 rows.*LIMIT"):
        full.sandbox("from range(11)", max_rows=10)


def test_order_and_limit_of_the_statement_count(full: Lake) -> None:
    found = full.sandbox("select range n from range(100000) order by n desc limit 2")
    assert found["n"].to_list() == [99_999, 99_998]


def test_a_statement_that_takes_too_long_is_stopped(full: Lake) -> None:
    endless = "select sum(a.range * b.range % 7) from range(10000000) a, range(10000000) b"
    start = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        full.sandbox(endless, timeout_s=0.3)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "sql",
    [
        "select list(range) from range(100000000)",
        "select repeat('x', 10000000) || range from range(1000)",
    ],
)
def test_a_statement_that_needs_too_much_memory_is_stopped(full: Lake, sql: str) -> None:
    with pytest.raises(QueryError, match="needed more than 100MB"):
        full.sandbox(sql, memory="100MB")


def test_the_sandbox_travels_in_time_too(full: Lake) -> None:
    before = datetime.now(UTC)
    full.merge("core.builds", builds(DAY, range(9)))
    assert full.sandbox("select count(*) n from core.builds", as_of=before)["n"][0] == 3
