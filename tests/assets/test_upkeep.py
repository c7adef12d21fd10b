"""Upkeep makes files fewer, forgets what is too old, and changes no row of core."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from tiny_source import Tiny, write

from assets import upkeep
from assets.load import ingest
from golive_core import schema
from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from ingest.source import Instance

Make = Callable[..., tuple[Tiny, Instance]]


def parquet(lake: Lake, table: str) -> int:
    return len(list((lake.root / table.replace(".", "/")).rglob("*.parquet")))


def raw_row(days_ago: int, payload: str, artifact: str | None = None) -> pl.DataFrame:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    row = {
        "instance": "a", "stream": "s", "payload_id": payload, "sequence": 1, "day": at.date(),
        "fetched_at": at, "artifact": artifact,
    }  # fmt: skip
    return schema.conform(schema.raw_table("tiny"), pl.DataFrame([row]))


def test_small_files_are_joined_and_the_rows_stay(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    for number in range(5):
        write(source.folder, f"a{number}", number)
        ingest(lake, source, instance)
    before = lake.query("select * from core.test_results order by build_id, test_id")
    assert "core.test_results" in upkeep.compact(lake)
    upkeep.vacuum(lake, hours=0)
    assert parquet(lake, "core.test_results") == 1
    assert lake.query("select * from core.test_results order by build_id, test_id").equals(before)
    assert ingest(lake, source, instance).conform.payloads == 0


def test_old_raw_payloads_go_and_young_ones_stay(lake: Lake) -> None:
    for days_ago, payload in ((400, "old"), (366, "older"), (10, "young")):
        lake.insert("raw.tiny", raw_row(days_ago, payload))
    assert upkeep.prune_raw(lake, days=365).count == 2
    assert lake.query("select payload_id from raw.tiny")["payload_id"].to_list() == ["young"]
    assert upkeep.prune_raw(lake, days=365).count == 0


def test_artifacts_that_nothing_names_go_once_they_are_a_day_old(lake: Lake, home: Path) -> None:
    store = ArtifactStore(home)
    kept, gone, fresh = (store.put_bytes(body) for body in (b"kept", b"gone", b"fresh"))
    lake.insert("raw.tiny", raw_row(1, "p", kept))
    yesterday = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for sha in (kept, gone):
        os.utime(store.path(sha), (yesterday, yesterday))
    pruned = upkeep.prune_artifacts(lake, home)
    assert (pruned.count, pruned.size_bytes > 0) == (1, True)
    assert (kept in store, gone in store, fresh in store) == (True, False, True)


def test_upkeep_of_nothing_is_nothing(lake: Lake, home: Path) -> None:
    assert upkeep.compact(lake) == []
    upkeep.vacuum(lake, hours=1)
    assert upkeep.prune_raw(lake, days=1).count == 0
    assert upkeep.prune_artifacts(lake, home).count == 0
