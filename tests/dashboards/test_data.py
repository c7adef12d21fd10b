"""What pages read: SQL that can be run again, cached until the lake changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from dashboards import behind, data, theme
from golive_core.errors import LakeError
from golive_core.lake import Lake, literals
from golive_core.schema import STATUSES, TEST_STATUSES

PROJECTS = "select project_id from core.projects where project_id = $project"


def projects(lake: Lake, *names: str) -> None:
    lake.merge("core.projects", pl.DataFrame({"project_id": list(names)}))


def test_rows_carry_the_sql_that_made_them(lake: Lake) -> None:
    projects(lake, "o'shop")
    found = data.rows(PROJECTS, project="o'shop")
    assert found.dicts() == [{"project_id": "o'shop"}]
    assert found.sql.endswith("where project_id = 'o''shop'")
    assert lake.query(found.sql).equals(found.frame)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (3, "3"), (True, "true"), ("a'b", "'a''b'"),
        (date(2026, 3, 2), "date '2026-03-02'"),
        (["a", "b"], "['a', 'b']"),
        (datetime(2026, 3, 2, tzinfo=UTC), "timestamptz '2026-03-02T00:00:00+00:00'"),
    ],
)  # fmt: skip
def test_a_literal_is_what_the_parameter_was(lake: Lake, value: literals.Value, text: str) -> None:
    assert literals.literal(value) == text
    asked = data.rows("select $value as value", value=value)
    assert lake.query(f"select {text} as value").equals(asked.frame, null_equal=True)


def test_rows_are_asked_again_once_the_lake_has_changed(lake: Lake) -> None:
    projects(lake, "a")
    assert data.rows("select count(*) as n from core.projects").first() == {"n": 1}
    projects(lake, "b")
    assert data.rows("select count(*) as n from core.projects").first() == {"n": 2}


def test_a_mart_that_nobody_computed_has_no_rows(lake: Lake) -> None:
    found = data.rows("select count(*) from marts.nothing_yet")
    assert found.is_empty
    assert found.first() == {}
    assert data.missing(["marts.nothing_yet"]) == ["marts.nothing_yet"]


def test_a_declared_table_that_nobody_wrote_is_empty(lake: Lake) -> None:
    assert data.rows("select build_id from core.builds").is_empty


def test_wrong_sql_is_an_error_of_ours(lake: Lake) -> None:
    with pytest.raises(LakeError):
        data.rows("select nonsense from core.projects")


def test_sizes_are_those_on_disk(lake: Lake) -> None:
    projects(lake, "a")
    (size,) = data.table_sizes()
    on_disk = [path.stat().st_size for path in lake.root.rglob("*.parquet")]
    assert (size.table, size.rows, size.files) == ("core.projects", 1, len(on_disk))
    assert size.size_bytes == sum(on_disk)


def test_broken_settings_leave_the_default_rates(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "golive.toml").write_text("[rates]\nusd_per_machine_minute = 0.5")
    monkeypatch.setenv("GOLIVE_BASE", str(home))
    assert data.rates().usd_per_machine_minute == 0.5
    (home / "golive.toml").write_text("[rates")
    data._settings.clear()
    assert data.rates().usd_per_machine_minute == 0.008
    assert data.dagster_url() == "http://127.0.0.1:3000"


def test_downloads_hold_every_row() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [["x", "y"], None]})
    assert behind.csv(frame).decode() == "a,b\n1,x; y\n2,\n"
    assert pl.read_parquet(behind.parquet(frame)).equals(frame)


def test_every_status_has_a_colour_and_a_symbol_of_its_own() -> None:
    assert set(STATUSES) | set(TEST_STATUSES) == set(theme.STATUS)
    assert set(theme.STATUS) <= set(theme.SYMBOL)
    assert len(set(theme.STATUS.values())) == len(theme.STATUS)


def test_text_from_outside_cannot_become_html() -> None:
    hostile = "<script>alert(1)</script>"
    for html in (theme.chip(hostile, "#fff"), theme.code(hostile), theme.aside(hostile)):
        assert "<script>" not in html
    assert "<script>" not in theme.legend({hostile: "#fff"})
