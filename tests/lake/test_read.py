"""What readers get: views over one version, the dtypes, and the errors of wrong SQL."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from golive_core import lake as door
from golive_core import schema
from golive_core.errors import LakeError, QueryError
from golive_core.lake import Lake
from golive_core.lake.engines import Engines
from golive_core.lake.layout import Layout
from golive_core.lake.manifest import Manifest
from tests.lake.rows import builds, results

DAY = date(2024, 1, 1)
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", [*schema.TABLES, "raw.junit"])
def test_a_declared_table_without_rows_is_an_empty_view(lake: Lake, name: str) -> None:
    found = lake.query(f"select * from {name}")
    assert (found.height, found.schema) == (0, schema.find(name).schema)


@pytest.mark.parametrize(
    "table",
    ["core.test_results", "core.builds", "core.commits", "core.projects"],
    ids=["day", "month", "year", "none"],
)
def test_rows_come_back_as_they_were_written(lake: Lake, table: str) -> None:
    spec = schema.find(table)
    cells: dict[str, Any] = {"day": DAY, "parents": ["a", "b"]}
    values = {"String": "é", "Int64": -(2**63), "Float64": 0.1, "Boolean": True}
    row = {
        name: cells.get(name, NOON if isinstance(dtype, pl.Datetime) else values.get(str(dtype)))
        for name, dtype in spec.schema.items()
    }
    frame = pl.DataFrame([row], schema=spec.schema)
    lake.insert(table, frame)
    assert lake.query(f"select * from {table}").equals(frame)


def test_results_have_the_dtypes_that_pages_expect(lake: Lake) -> None:
    found = lake.query(
        "select sum(n) as s, avg(n) as a, timestamptz '2024-01-01 12:00Z' as t,"
        " interval 90 minute as i, [interval 1 day] as l,"
        " 170141183460469231731687303715884105727::hugeint as h"
        " from range(3) as r(n)"
    )
    assert found.row(0)[:4] == (3, 1.0, NOON, "01:30:00")
    assert found.schema["s"] == pl.Int64
    assert found.schema["t"] == pl.Datetime("us", "UTC")
    assert found.schema["h"] == pl.Decimal(38, 0)


def test_columns_of_one_name_are_told_apart(lake: Lake) -> None:
    found = lake.query("select 1 as a, 2 as a, 3 as a_1")
    assert found.rows(named=True) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


def test_parameters_by_position_and_by_name(lake: Lake) -> None:
    lake.insert("core.test_results", results(DAY, 5))
    sql = "select test_id from core.test_results where day = {} and test_id > {} order by 1"
    assert lake.query(sql.format("?", "?"), [DAY, 2])["test_id"].to_list() == [3, 4]
    found = lake.query(sql.format("$day", "$least"), {"day": DAY, "least": 2})
    assert found["test_id"].to_list() == [3, 4]


def test_a_python_variable_is_no_table(lake: Lake) -> None:
    frame = pl.DataFrame({"a": [1]})
    with pytest.raises(QueryError, match="frame does not exist"):
        lake.query("select * from frame")
    assert frame.height == 1


@pytest.mark.parametrize(
    "sql",
    [
        "selec 1",
        "select * from core.nothing",
        "select nothing from core.builds",
        "select 1/'a'",
        "",
    ],
)
def test_wrong_sql_is_a_query_error(lake: Lake, sql: str) -> None:
    with pytest.raises(QueryError):
        lake.query(sql)


def test_quoted_and_upper_case_names_are_found(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(2)))
    assert lake.query('select count(*) from "core"."builds"').item() == 2
    assert lake.query("SELECT count(*) FROM CORE.BUILDS").item() == 2


def test_a_day_in_the_where_clause_opens_only_its_files(lake: Lake) -> None:
    days = [date(2024, 1, day) for day in range(1, 11)]
    for day in days:
        lake.append("core.test_results", results(day, 2, build=f"ci#{day.day}"))
    connection = lake.connect(tables=["core.test_results"])
    plan = connection.sql(
        "explain analyze select count(*) from core.test_results where day = date '2024-01-03'"
    ).fetchall()
    connection.close()
    text = "".join(str(row) for row in plan)
    assert "1/10" in text or "Total Files Read: 1" in text


def test_connect_gives_views_of_everything(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame({"a": [1]}))
    connection = lake.connect()
    rows = connection.sql(
        "select schema_name || '.' || view_name from duckdb_views() where not internal"
    ).fetchall()
    connection.close()
    assert {name for (name,) in rows} == {*schema.TABLES, "marts.x"}


def test_connect_of_an_unknown_mart_says_so(lake: Lake) -> None:
    with pytest.raises(LakeError, match="does not exist"):
        lake.connect(tables=["marts.nothing"])


def test_a_connection_keeps_its_version_while_others_write(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(2)))
    connection = lake.connect(tables=["core.builds"])
    lake.merge("core.builds", builds(DAY, range(5), status="failed"))
    assert connection.sql("select count(*) from core.builds").fetchall() == [(2,)]
    connection.close()
    assert lake.query("select count(*) from core.builds").item() == 5


def test_threads_share_a_lake(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(50)))

    def ask(number: int) -> int:
        return lake.query("select count(*) from core.builds where number < ?", [number]).item()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(50))) == list(range(50))


def test_only_the_newest_engines_are_kept(lake: Lake) -> None:
    engines = Engines(kept=2)
    made = [engines.of(Layout(lake.root), Manifest(n=n)) for n in (1, 2, 3)]
    assert engines.of(Layout(lake.root), Manifest(n=3)) is made[2]
    assert engines.of(Layout(lake.root), Manifest(n=1)) is not made[0]


def test_an_engine_that_was_pushed_out_serves_those_who_hold_it(lake: Lake) -> None:
    layout, engines = Layout(lake.root), Engines(kept=1)
    held, later = (engines.of(layout, Manifest(n=n)) for n in (1, 2))
    held.show(["core.builds"], lambda name: f"create view {name} as select 1 as one")
    with held.cursor() as cursor:
        assert cursor.sql("select one from core.builds").fetchall() == [(1,)]
    del held
    with later.cursor() as cursor:
        catalogs = (
            "select count(*) from duckdb_databases() where starts_with(database_name, 'lake')"
        )
        assert cursor.sql(catalogs).fetchall() == [(1,)]


def test_a_lake_can_be_pickled(lake: Lake) -> None:
    assert pickle.loads(pickle.dumps(lake)).root == lake.root


def test_notebooks_read_the_lake_of_the_home(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(3)))
    assert door.query("select count(*) from core.builds").item() == 3
    connection = door.connect()
    assert connection.sql("select count(*) from core.builds").fetchall() == [(3,)]
    connection.close()


def run_alone(lines: Iterable[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter."""
    command = [sys.executable, "-c", "\n".join(lines), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def test_a_query_imports_no_heavy_library_and_ends_quietly(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(3)))
    script = [
        "import sys",
        "from golive_core.lake import Lake",
        "print(Lake(sys.argv[1]).query('select count(*), now() from core.builds').item(0, 0))",
        "print({'pyarrow', 'pandas', 'numpy', 'pydantic'} & set(sys.modules))",
    ]
    ended = run_alone(script, str(lake.root))
    assert (ended.stdout.splitlines(), ended.stderr) == (["3", "set()"], "")


@pytest.mark.parametrize("table", ["core.test_results", "core.builds", "core.projects"])
def test_other_delta_readers_see_the_same_rows(lake: Lake, table: str) -> None:
    frames = {"core.test_results": results(DAY, 3), "core.builds": builds(DAY, range(3))}
    frame = frames.get(table, pl.DataFrame({"project_id": ["a", "b"]}))
    lake.insert(table, frame)
    columns = [name for name in frame.columns if name != "started_at"]
    folder = lake.root.joinpath(*table.split("."))
    theirs = pl.DataFrame(DeltaTable(folder).to_pyarrow_table()).select(columns)
    ours = lake.query(f"select * from {table}").select(columns)
    assert theirs.sort(columns).equals(ours.sort(columns))


def test_files_that_another_tool_wrote_are_read_after_the_next_commit(lake: Lake) -> None:
    lake.insert("core.test_results", results(DAY, 3))
    folder = lake.root / "core" / "test_results"
    write_deltalake(folder, results(DAY, 2, build="theirs#1"), mode="append", schema_mode="merge")
    DeltaTable(folder).optimize.compact()
    assert lake.query("select count(*) from core.test_results").item() == 3
    lake.insert("core.test_results", results(DAY, 1, build="ci#2"))
    assert lake.query("select count(*), count(distinct build_id) from core.test_results").row(
        0
    ) == (6, 3)
    assert lake.changed_days("core.test_results", since=1) == {DAY}
