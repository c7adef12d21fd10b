"""Homes that earlier versions wrote are read, written, compacted and refreshed by this one."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from golive_core import backup, schema
from golive_core.erasure import known
from golive_core.erasure.perform import erase
from golive_core.erasure.proof import prove
from golive_core.errors import LakeVersionError
from golive_core.lake import Lake
from tests.cli.conftest import Run, golive
from tests.operation.fixtures.told import told

__all__ = ["golive"]
FIXTURES = Path(__file__).parent / "fixtures"
RELEASES = sorted(path.name.removesuffix(".tar.gz") for path in FIXTURES.glob("*.tar.gz"))


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """Return the name of one release whose lake is kept."""
    return str(request.param)


@pytest.fixture
def said(release: str) -> dict[str, Any]:
    """Return what the release itself said of its tables."""
    return json.loads((FIXTURES / f"{release}.json").read_text())


@pytest.fixture
def old(release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home that the release wrote."""
    home = tmp_path / ".golive"
    with tarfile.open(FIXTURES / f"{release}.tar.gz") as tar:
        tar.extractall(home, filter="data")
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    return home


def same(lake: Lake, said: dict[str, Any], but: tuple[str, ...] = ()) -> None:
    """See that every table has the rows that the release told, in the columns that it had."""
    for table, expected in said.items():
        if not table.startswith(but or "-"):
            assert told(lake, table, expected["columns"]) == expected, table


def test_every_row_is_what_it_was(old: Path, said: dict[str, Any]) -> None:
    lake = Lake(old / "lake")
    assert lake.tables() == sorted(said)
    same(lake, said)


def test_new_columns_of_old_rows_are_empty(old: Path, said: dict[str, Any]) -> None:
    lake, seen = Lake(old / "lake"), 0
    for table, expected in said.items():
        fresh = set(lake.columns(table)) - set(expected["columns"])
        for column in fresh:
            assert lake.query(f'select count("{column}") from {table}').item() == 0
            seen += 1
    assert seen, "the layout has grown since"


def test_a_table_of_the_release_lost_no_column(said: dict[str, Any]) -> None:
    """A column that is taken out of the schema would hide what old lakes hold."""
    for table, expected in said.items():
        if table in schema.TABLES:
            assert set(expected["columns"]) <= set(schema.TABLES[table].schema), table


def test_the_past_of_the_release_is_shown(old: Path) -> None:
    lake = Lake(old / "lake")
    since = lake.kept_since()
    assert since is not None
    assert lake.query("select count(*) from core.test_results", as_of=since).item() == 0
    assert lake.query("select count(*) from core.test_results", as_of=datetime.now(UTC)).item() > 0


def test_rows_are_merged_into_old_tables(old: Path, said: dict[str, Any]) -> None:
    lake = Lake(old / "lake")
    for table in said:
        if table in schema.TABLES and schema.TABLES[table].key:
            rows = lake.query(f"select * from {table}")
            spec = schema.TABLES[table]
            done = lake.insert(table, rows) if spec.is_fact else lake.merge(table, rows)
            assert (done.new, done.changed) == (0, 0), table
    one = lake.query("select * from core.builds limit 1").with_columns(note=pl.lit("grown"))
    assert lake.merge("core.builds", one).changed == 1
    assert lake.query("select count(note) from core.builds").item() == 1
    same(lake, said)


def test_upkeep_changes_no_row(old: Path, said: dict[str, Any]) -> None:
    lake = Lake(old / "lake")
    for table in lake.tables():
        lake.compact(table)
    lake.vacuum(timedelta(0))
    same(lake, said)
    lake.forget_past()
    same(lake, said)


def test_it_is_backed_up_and_restored(old: Path, said: dict[str, Any], tmp_path: Path) -> None:
    backup.make(old, tmp_path / "old.tar")
    backup.restore(tmp_path / "old.tar", tmp_path / "new", tmp_path)
    same(Lake(tmp_path / "new" / "lake"), said)


def test_a_person_of_it_is_erased(old: Path) -> None:
    names = ["ada@example.org", "Ada Lovelace"]
    assert prove(old, names).left
    known.add(old / "lake", names)
    erase(old)
    Lake(old / "lake").forget_past()
    assert prove(old, names).left == {}


def test_a_lake_of_a_later_format_is_refused_untouched(old: Path) -> None:
    (old / "lake" / "_format.json").write_text('{"format": 2}')
    before = sorted(old.rglob("*"))
    with pytest.raises(LakeVersionError, match="Update GoLive"):
        Lake(old / "lake")
    assert sorted(old.rglob("*")) == before


@pytest.mark.slow
def test_the_commands_go_on_from_it(
    golive: Run, old: Path, said: dict[str, Any], tmp_path: Path
) -> None:
    """`golive run` after the upgrade: all marts of today from the rows of then."""
    (tmp_path / "golive.toml").write_text('[project.shop]\nname = "Shop"\n')
    home = {"GOLIVE_HOME": str(old)}
    done = golive("run", **home)
    assert done.code == 0, done.err
    lake = Lake(old / "lake")
    same(lake, {name: one for name, one in said.items() if name.startswith(("raw.", "core."))})
    tables = set(lake.tables())
    assert {"marts.test_health", "marts.build_health_daily"} <= tables
    assert len([name for name in tables if name.startswith("marts.")]) > len(
        [name for name in said if name.startswith("marts.")]
    )
