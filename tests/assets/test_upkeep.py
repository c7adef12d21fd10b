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
    pruned = upkeep.prune_artifacts(lake, home, evidence_days=30)
    assert (pruned.count, pruned.size_bytes > 0) == (1, True)
    assert (kept in store, gone in store, fresh in store) == (True, False, True)


def test_evidence_of_tests_goes_when_it_is_old_enough(lake: Lake, home: Path) -> None:
    store = ArtifactStore(home)
    shas = {days: store.put_bytes(f"{days} days old".encode()) for days in (1, 29, 31)}
    now = datetime.now(UTC)
    lake.insert("core.test_artifacts", pl.DataFrame([
        {"project_id": "shop", "build_id": f"b{days}", "test_id": 1, "environment": "",
         "attempt": 1, "ordinal": -1, "nth": 0, "day": (now - timedelta(days=days)).date(),
         "kind": "trace", "name": "trace.zip", "media": "application/zip", "sha256": sha,
         "size_bytes": 1}
        for days, sha in shas.items()
    ]))  # fmt: skip
    old = (now - timedelta(days=40)).timestamp()
    for sha in shas.values():
        os.utime(store.path(sha), (old, old))
    assert upkeep.prune_artifacts(lake, home, evidence_days=30).count == 1
    assert [days for days, sha in shas.items() if sha in store] == [1, 29]


def test_pictures_that_somebody_decided_about_stay_however_old_they_are(
    lake: Lake, home: Path
) -> None:
    store, now = ArtifactStore(home), datetime.now(UTC)
    states = ("first", "approved", "rejected", "waiting")
    shas = {state: store.put_bytes(state.encode()) for state in states}
    lake.merge("ops.baselines", pl.DataFrame([
        {"project_id": "shop", "look_id": "a1", "sha256": sha, "decided_by": "ada",
         "state": "rejected" if name == "rejected" else "approved",
         "decided_at": now - timedelta(days=400 if name == "first" else 300)}
        for name, sha in shas.items()
        if name != "waiting"
    ]))  # fmt: skip
    old = (now - timedelta(days=300)).timestamp()
    for sha in shas.values():
        os.utime(store.path(sha), (old, old))
    upkeep.prune_artifacts(lake, home, evidence_days=30)
    assert [name for name, sha in shas.items() if sha in store] == ["first", "approved", "rejected"]


def test_upkeep_of_nothing_is_nothing(lake: Lake, home: Path) -> None:
    assert upkeep.compact(lake) == []
    upkeep.vacuum(lake, hours=1)
    assert upkeep.prune_raw(lake, days=1).count == 0
    assert upkeep.prune_artifacts(lake, home, evidence_days=30).count == 0
