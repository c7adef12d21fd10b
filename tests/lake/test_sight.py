"""Who is held to projects sees the rows of those alone, in every table, whatever they ask."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from golive_core import access, schema
from golive_core.access import Identity
from golive_core.errors import LakeError, QueryError
from golive_core.lake import Lake
from golive_core.sight import THROUGH, Sight

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ALL = ("a", "b", "hidden")
EACH = 40


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with the same things in three projects; nothing of the third may be seen."""
    lake = Lake(tmp_path_factory.mktemp("three") / "lake")
    rows = [(place, name, n) for n in range(EACH) for place, name in enumerate(ALL)]
    put(lake, "core.tests", [
        {"project_id": name, "test_id": 1000 * place + n, "name": f"{name} secret {n}"}
        for place, name, n in rows
    ])  # fmt: skip
    put(lake, "core.test_results", [
        {"project_id": name, "build_id": f"{name}{n}", "test_id": 1000 * place + n, "attempt": 1,
         "status": "failed", "day": AT.date(), "started_at": AT, "failure_id": 1000 * place + n}
        for place, name, n in rows
    ])  # fmt: skip
    put(lake, "core.failures", [
        {"failure_id": 1000 * place + n, "signature_id": n, "message": f"{name} secret {n}"}
        for place, name, n in rows
    ])  # fmt: skip
    put(
        lake,
        "core.repositories",
        [{"project_id": name, "repository_id": f"repository of {name}"} for name in ALL],
    )
    put(
        lake,
        "core.branches",
        [{"repository_id": f"repository of {name}", "branch": f"{name} secret"} for name in ALL],
    )
    put(lake, "core.log_templates", [
        {"template_id": place, "template": f"{name} secret <*>", "example": f"hidden {name}"}
        for place, name in enumerate(ALL)
    ])  # fmt: skip
    lake.overwrite("marts.build_templates", pl.DataFrame(
        {"project_id": ["a", "hidden"], "template_id": [0, 2], "example": ["a secret", "hidden"]}
    ))  # fmt: skip
    put(lake, "ops.audit_log", [{"number": 1, "at": AT, "day": AT.date(), "actor": "hidden"}])
    return lake


def put(lake: Lake, table: str, rows: list[dict[str, object]]) -> None:
    spec = schema.find(table)
    write = lake.insert if spec.is_fact else lake.merge
    write(table, schema.conform(spec, pl.DataFrame(rows)))


@pytest.mark.parametrize("projects", [("a",), ("a", "b")])
def test_every_table_shows_the_rows_of_those_projects(
    three: Lake, projects: tuple[str, ...]
) -> None:
    seen = Lake(three.root, Sight(projects))
    expected = [(name, EACH) for name in projects]
    for run in (seen.query, seen.sandbox):
        for sql in (
            "select project_id, count(*) from core.tests group by all order by 1",
            "select split_part(message, ' ', 1), count(*) from core.failures group by 1 order by 1",
            "select f.message[1:1], count(*) from core.test_results as r join core.failures as f "
            "on r.failure_id = f.failure_id group by all order by 1",
        ):
            assert run(sql).rows() == expected, sql
        branches = run("select branch from core.branches order by 1").rows()
        assert branches == [(f"{name} secret",) for name in projects]
        templates = run("select template, example from core.log_templates").rows()
        assert templates == [("a secret <*>", None)]
    with seen.connect(tables=["core.tests"]) as connection:
        (count,) = connection.sql("select count(*) from core.tests").fetchall()[0]
    assert count == EACH * len(projects)


def test_a_project_that_is_none_shows_nothing_and_a_quote_in_a_name_breaks_nothing(
    three: Lake,
) -> None:
    for name in ("elsewhere", "", "a' or '1'='1", "hidden' --"):
        seen = Lake(three.root, Sight((name,)))
        assert seen.sandbox("select * from core.tests").is_empty()
        assert seen.sandbox("select * from core.failures").is_empty()


def test_readers_of_one_process_do_not_see_through_each_others_views(three: Lake) -> None:
    sql = "select count(*) from core.tests"
    for _ in range(2):
        assert Lake(three.root, Sight(("a",))).query(sql).item() == EACH
        assert three.query(sql).item() == 3 * EACH
        assert Lake(three.root, Sight(("a", "b"))).query(sql).item() == 2 * EACH


BLOWS = [
    "error({0}) is null", "cast({0} as int) > 0", "strptime({0}, '%Y') is null",
    "regexp_matches('x', {0} || '(')", "{0}::date is null", "{0}::json is null",
    "json_extract({0}, '$.x') is null",
]  # fmt: skip
"""Conditions that fail with a text like ours."""


@pytest.mark.parametrize("projects", [("a",), ("a", "b")])
@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize(("table", "column"), [("tests", "name"), ("failures", "message")])
def test_a_condition_never_looks_at_a_hidden_row(
    three: Lake, projects: tuple[str, ...], blow: str, table: str, column: str
) -> None:
    """Failing or not would tell what a hidden row says; the error would even say it."""
    seen = Lake(three.root, Sight(projects))
    fails = blow.format(column)
    sql = f"case when {column} like 'hidden%' then {fails} else false end"
    assert seen.sandbox(f"select count(*) from core.{table} where {sql}").item() == 0
    with pytest.raises(QueryError):  # where it may look, it does fail
        three.sandbox(f"select count(*) from core.{table} where {sql}")


def test_an_error_says_no_value_to_who_is_held(three: Lake) -> None:
    seen = Lake(three.root, Sight(("a",)))
    with pytest.raises(QueryError) as error:
        seen.sandbox("select cast(name as int) from core.tests")
    assert "secret" not in str(error.value)
    assert "try_cast" in error.value.hint
    with pytest.raises(QueryError, match="nme"):
        seen.sandbox("select nme from core.tests")


def test_files_are_not_read_past_the_views(three: Lake) -> None:
    seen = Lake(three.root, Sight(("a",)))
    for read in (lambda: seen.lookup("core.tests"), lambda: seen.scan("core.tests"),
                 lambda: seen.read("core.tests", [])):  # fmt: skip
        with pytest.raises(LakeError, match="held to projects"):
            read()
    with pytest.raises(QueryError):
        seen.sandbox(f"select * from read_parquet('{three.root}/core/tests/*.parquet')")
    with pytest.raises(QueryError):
        seen.sandbox(f"select * from '{three.root}/core/tests/x.parquet'")


def test_a_table_that_is_not_for_somebody_is_refused_in_sql_and_empty_on_pages(
    three: Lake,
) -> None:
    seen = Lake(three.root, Identity("ada", "developer").sight())
    with pytest.raises(QueryError, match="not for you"):
        seen.sandbox("select * from ops.audit_log")
    with pytest.raises(QueryError, match="not for you"):
        seen.sandbox("with x as (select actor from ops.audit_log) select * from x")
    assert seen.query("select * from ops.audit_log").is_empty()
    assert Lake(three.root, access.OWNER.sight()).sandbox("select * from ops.audit_log").height == 1


def test_who_is_held_sees_no_table_that_belongs_to_no_project(three: Lake) -> None:
    seen = Lake(three.root, Sight(("a",)))
    with pytest.raises(QueryError, match="not for you"):
        seen.sandbox("select * from ops.notifications")


def test_every_table_of_projects_can_be_held_to_them() -> None:
    """A new table needs a project_id, or a way to it in THROUGH."""
    for name in schema.TABLES:
        if not name.startswith("ops."):
            assert "project_id" in schema.find(name).schema or name in THROUGH, name
    for name, way in THROUGH.items():
        assert way.column in schema.find(name).schema
        for other in way.tables:
            if other in schema.TABLES:
                assert {way.column, "project_id"} <= set(schema.find(other).schema)


def test_the_permissions_name_tables_that_there_are() -> None:
    for name, (resource, action) in access.TABLES.items():
        assert name in schema.TABLES
        assert (resource, action) in access.ADMIN
