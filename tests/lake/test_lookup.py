"""Few rows are found without DuckDB, in the files that may hold them, as a query finds them."""

from __future__ import annotations

import polars as pl
import pytest

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import Lake, snapshot, stage

CURSORS = schema.CURSORS
RAW = schema.raw_table("junit")


@pytest.fixture
def lake(lake: Lake) -> Lake:
    """A lake with cursors of three instances in three files, and a payload of each in raw."""
    for number, name in enumerate(("ant", "bee", "cat"), start=1):
        mark = {"instance": name, "stream": "files", "role": "pull", "sequence": number}
        lake.merge("ops.cursors", schema.conform(CURSORS, pl.DataFrame([mark])))
        payload = {
            "instance": name, "stream": "files", "sequence": number, "payload_id": f"id{number}",
            "day": pl.select(pl.date(2024, number, 1)).item(), "body": b"x" * number,
        }  # fmt: skip
        lake.insert("raw.junit", schema.conform(RAW, pl.DataFrame([payload])))
    return lake


def test_the_rows_are_those_of_a_query(lake: Lake) -> None:
    found = lake.lookup("ops.cursors", instance="bee", role="pull")
    assert found.equals(lake.query("select * from ops.cursors where instance = 'bee'"))
    assert lake.lookup("ops.cursors", instance="bee", role="conform").is_empty()


def test_what_was_found_once_is_neither_stale_nor_changed_by_who_asked(lake: Lake) -> None:
    before = lake.lookup("ops.cursors", instance="bee")
    before.drop_in_place("sequence")
    assert lake.lookup("ops.cursors", instance="bee")["sequence"].to_list() == [2]
    mark = {"instance": "bee", "stream": "files", "role": "pull", "sequence": 9}
    lake.merge("ops.cursors", schema.conform(CURSORS, pl.DataFrame([mark])))
    assert lake.lookup("ops.cursors", instance="bee")["sequence"].to_list() == [9]


def test_files_with_columns_of_their_own_are_read_as_the_table_says(lake: Lake) -> None:
    paths = sorted((lake.root / "ops" / "cursors").glob("*.parquet"))
    odd = pl.read_parquet(paths[0]).drop("cursor").with_columns(pl.lit(1).alias("extra"))
    odd.with_columns(pl.col("sequence").cast(pl.Int32)).write_parquet(paths[0])
    held = snapshot.snapshot("ops.cursors", paths[0].parent, 2)
    rows = stage.read_rows(CURSORS, held, held.files)
    assert rows.schema == CURSORS.schema
    assert sorted(rows["instance"]) == ["ant", "bee", "cat"]
    paths[0].write_bytes(b"no parquet")
    with pytest.raises(LakeError):
        stage.read_rows(CURSORS, held, held.files)


def test_a_table_that_was_never_written_has_no_rows(lake: Lake) -> None:
    assert lake.lookup("ops.source_health", instance="ant").schema == schema.SOURCE_HEALTH.schema
    assert lake.scan("raw.git", sequence=(0, 9)).collect().schema == schema.raw_table("git").schema


def test_only_files_that_may_hold_the_rows_are_read(lake: Lake) -> None:
    for path in (lake.root / "raw" / "junit").rglob("*.parquet"):
        if "month=2024-02" not in str(path):
            path.unlink()
    assert lake.scan("raw.junit", sequence=(2, 2)).collect()["body"].to_list() == [b"xx"]


def test_columns_that_a_file_lacks_are_null(lake: Lake) -> None:
    folder = lake.root / "raw" / "junit"
    old = next(path for path in folder.rglob("*.parquet") if "month=2024-01" in str(path))
    pl.read_parquet(old).drop("body").write_parquet(old)
    bodies = lake.scan("raw.junit").sort("sequence").collect()["body"].to_list()
    assert bodies == [None, b"xx", b"xxx"]
