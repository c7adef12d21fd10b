"""Compaction, vacuum, history and the days that changed."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from golive_core.errors import LakeError
from golive_core.lake import Lake
from tests.lake.rows import builds, results

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
RESULTS, BUILDS = "core.test_results", "core.builds"
NOW = timedelta(0)


def parquet(lake: Lake) -> list[Path]:
    """Return the Parquet files of all tables, without checkpoints."""
    return [path for path in lake.root.rglob("*.parquet") if path.parent.name != "_delta_log"]


def everything(lake: Lake, table: str) -> pl.DataFrame:
    """Return a table in a fixed order."""
    return lake.query(f"select * from {table} order by all")


def test_compaction_joins_small_files_and_changes_no_row(lake: Lake) -> None:
    for number in range(6):
        day = MONDAY if number % 2 else TUESDAY
        lake.insert(RESULTS, results(day, 20, build=f"ci#{number}"))
    before = everything(lake, RESULTS)
    result = lake.compact(RESULTS)
    assert (result.files, result.unchanged, result.days) == (2, 120, frozenset())
    assert everything(lake, RESULTS).equals(before)
    assert len(DeltaTable(lake.root / "core" / "test_results").file_uris()) == 2


def test_compaction_keeps_the_order_inside_a_file(lake: Lake) -> None:
    for number in range(3):
        lake.insert(RESULTS, results(MONDAY, 20, build=f"ci#{number}"))
    lake.compact(RESULTS)
    (path,) = DeltaTable(lake.root / "core" / "test_results").file_uris()
    assert pl.read_parquet(path, hive_partitioning=False)["test_id"].is_sorted()


def test_compaction_is_no_change_to_those_who_follow_changes(lake: Lake) -> None:
    for number in range(3):
        lake.insert(RESULTS, results(MONDAY, 2, build=f"ci#{number}"))
    since = lake.version()
    lake.compact(RESULTS)
    assert lake.version() == since + 1
    assert lake.changed_days(RESULTS, since) == set()


def test_a_compacted_table_is_left_alone(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 2))
    assert lake.compact(RESULTS).files == 0
    assert lake.compact("core.commits").files == 0
    assert lake.version() == 1


def test_compaction_groups_files_up_to_the_target(lake: Lake) -> None:
    for number in range(4):
        lake.insert(RESULTS, results(MONDAY, 10, build=f"ci#{number}"))
    assert lake.compact(RESULTS, target_rows=20).files == 2
    assert lake.compact(RESULTS, target_rows=20).files == 0


def test_marts_and_tables_without_partitions_are_compacted_too(lake: Lake) -> None:
    for name in "abc":
        lake.merge("core.projects", pl.DataFrame({"project_id": [name]}))
    for day in (MONDAY, TUESDAY):
        lake.overwrite("marts.x", pl.DataFrame({"day": [day], "n": [1]}), [day])
    assert (lake.compact("core.projects").files, lake.compact("marts.x").files) == (1, 1)
    assert everything(lake, "marts.x")["day"].to_list() == [MONDAY, TUESDAY]


def test_merging_after_compaction_finds_its_keys(lake: Lake) -> None:
    for number in range(3):
        lake.merge(BUILDS, builds(MONDAY, range(number, number + 1), status="running"))
    lake.compact(BUILDS)
    assert lake.merge(BUILDS, builds(MONDAY, range(3))).changed == 3


def test_changed_days_are_those_of_the_commits_since(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 2))
    lake.merge(BUILDS, builds(MONDAY, range(1)))
    since = lake.version()
    lake.insert(RESULTS, results(TUESDAY, 2, build="ci#2"))
    assert lake.changed_days(RESULTS, since) == {TUESDAY}
    assert lake.changed_days(RESULTS) == {MONDAY, TUESDAY}
    assert lake.changed_days(BUILDS, since) == set()
    assert lake.changed_days("core.commits", since) == set()


def test_many_consecutive_days_are_noted_as_a_span(lake: Lake) -> None:
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(1000)]
    lake.overwrite("marts.long", pl.DataFrame({"day": days, "n": range(1000)}))
    log = lake.root / "marts" / "long" / "_delta_log" / f"{0:020d}.json"
    assert log.stat().st_size < 3000
    assert lake.changed_days("marts.long") == set(days)


def test_vacuum_removes_what_only_old_versions_need(lake: Lake) -> None:
    for status in ("queued", "running", "passed"):
        lake.merge(BUILDS, builds(MONDAY, range(3), status=status))
    before = everything(lake, BUILDS)
    removed = lake.vacuum(keep=NOW)
    assert (removed.files, removed.manifests, len(parquet(lake))) == (2, 2, 1)
    assert everything(lake, BUILDS).equals(before)


def test_vacuum_keeps_what_manifests_within_the_retention_need(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(3), status="running"))
    before = datetime.now(UTC)
    lake.merge(BUILDS, builds(MONDAY, range(3)))
    assert lake.vacuum(keep=timedelta(hours=1)).files == 0
    found = lake.query(f"select distinct status from {BUILDS}", as_of=before)
    assert found["status"].to_list() == ["running"]


def test_the_past_beyond_the_retention_is_refused_with_a_hint(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(3), status="running"))
    before = datetime.now(UTC)
    lake.merge(BUILDS, builds(MONDAY, range(3)))
    lake.vacuum(keep=NOW)
    with pytest.raises(LakeError, match="keep more history"):
        lake.query(f"from {BUILDS}", as_of=before)


def test_changes_since_a_forgotten_manifest_are_all_days(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 2))
    lake.insert(RESULTS, results(TUESDAY, 2, build="ci#2"))
    lake.merge(BUILDS, builds(MONDAY, range(1)))
    lake.vacuum(keep=NOW)
    assert lake.changed_days(RESULTS, since=2) == {MONDAY, TUESDAY}


def test_staged_files_survive_vacuum_until_they_count_as_abandoned(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 1))
    young = lake.stage(RESULTS, results(MONDAY, 5))
    (old,) = [item for item in lake.stage(RESULTS, results(TUESDAY, 5, build="ci#2")) if item.path]
    path = lake.root / "core" / "test_results" / old.path
    os.utime(path, (time.time() - 90_000,) * 2)
    assert lake.vacuum(keep=NOW).files == 1
    assert not path.exists()
    assert lake.insert(RESULTS, young).new == 4


def test_vacuum_of_an_empty_lake_is_nothing(lake: Lake) -> None:
    assert lake.vacuum(keep=NOW).files == 0
    assert not lake.root.exists()


def test_the_log_before_the_oldest_kept_version_is_trimmed(lake: Lake) -> None:
    for number in range(105):
        lake.merge("core.projects", pl.DataFrame({"project_id": ["a"], "name": [str(number)]}))
    removed = lake.vacuum(keep=NOW)
    assert removed.log_entries >= 99
    assert lake.query("select name from core.projects").item() == "104"
    assert DeltaTable(lake.root / "core" / "projects").version() == 104
    lake.merge("core.projects", pl.DataFrame({"project_id": ["b"]}))
    assert len(parquet(lake)) == 2
    assert lake.changed_days("core.projects") == set()


def test_history_tells_what_each_commit_did(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(2)))
    lake.merge(BUILDS, builds(MONDAY, range(1, 3), status="failed"))
    lake.compact(BUILDS)
    found = lake.history(BUILDS)
    assert found["note"].to_list() == [f"merge {BUILDS}", f"merge {BUILDS}"]
    assert found.select("new", "changed").rows() == [(1, 1), (2, 0)]
    assert found["days"].to_list() == [[MONDAY], [MONDAY]]
    assert lake.history(BUILDS, limit=1)["version"].to_list() == [1]
    assert lake.history("core.commits").height == 0
