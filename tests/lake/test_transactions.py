"""Several tables change together or not at all, whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import LakeConflictError, LakeError, LakeVersionError
from golive_core.lake import Lake, commit, manifest
from golive_core.lake.layout import Layout
from tests.lake.rows import builds, results

DAY = date(2024, 1, 1)
ROOT = Path(__file__).resolve().parents[2]


def both(lake: Lake) -> tuple[int, int]:
    """Return the rows of the two tables that one query sees."""
    sql = "select (select count(*) from core.builds), (select count(*) from core.test_results)"
    return lake.query(sql).row(0)


def write_both(lake: Lake, number: int) -> None:
    """Write one build with ten results, in one transaction."""
    with lake.transaction(f"build {number}") as txn:
        txn.merge("core.builds", builds(DAY, range(number, number + 1)))
        txn.insert("core.test_results", results(DAY, 10, build=f"ci#{number}"))


def test_tables_change_together_under_one_number(lake: Lake) -> None:
    write_both(lake, 1)
    assert (lake.version(), both(lake)) == (1, (1, 10))


def test_results_name_each_table(lake: Lake) -> None:
    with lake.transaction("both") as txn:
        txn.merge("core.builds", builds(DAY, range(2)))
        txn.insert("core.test_results", results(DAY, 3))
    assert {result.table: result.new for result in txn.results} == {
        "core.builds": 2,
        "core.test_results": 3,
    }


def test_an_exception_in_the_block_leaves_nothing_behind(lake: Lake) -> None:
    def half() -> None:
        with lake.transaction("half") as txn:
            txn.insert("core.test_results", results(DAY, 3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert (lake.version(), lake.tables()) == (0, [])
    assert list(lake.root.rglob("*.parquet")) == []


def test_a_write_that_changes_nothing_makes_no_version(lake: Lake) -> None:
    write_both(lake, 1)
    files = sorted(lake.root.rglob("*"))
    write_both(lake, 1)
    assert (lake.version(), sorted(lake.root.rglob("*"))) == (1, files)


def test_an_empty_transaction_is_nothing(lake: Lake) -> None:
    with lake.transaction("empty") as txn:
        txn.insert("core.test_results", results(DAY, 0))
    assert (lake.version(), lake.root.exists()) == (0, False)


def test_one_table_takes_one_kind_of_write(lake: Lake) -> None:
    with lake.transaction() as txn:
        txn.insert("core.builds", builds(DAY, range(1)))
        with pytest.raises(LakeError, match="one kind"):
            txn.merge("core.builds", builds(DAY, range(1)))


def test_a_mart_has_no_key_to_merge_on(lake: Lake) -> None:
    with pytest.raises(LakeError, match="needs a key"), lake.transaction() as txn:
        txn.merge("marts.x", pl.DataFrame({"a": [1]}))


def test_a_merge_that_was_planned_before_another_commit_is_planned_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.merge("core.builds", builds(DAY, range(2), status="running"))
    prepare = commit.prepare

    def meanwhile(layout: Layout) -> None:
        monkeypatch.setattr(commit, "prepare", prepare)
        lake.merge("core.builds", builds(DAY, range(1, 4)))
        prepare(layout)

    monkeypatch.setattr(commit, "prepare", meanwhile)
    lake.merge("core.builds", builds(DAY, range(1)))
    found = lake.query("select number, status from core.builds order by 1").rows()
    assert found == [(number, "passed") for number in range(4)]
    assert len(list(lake.root.rglob("*/month=*/*.parquet"))) == 3


def test_time_travel_shows_all_tables_as_they_were(lake: Lake) -> None:
    write_both(lake, 1)
    between = datetime.now(UTC)
    write_both(lake, 2)
    sql = "select (select count(*) from core.builds), (select count(*) from core.test_results)"
    assert lake.query(sql, as_of=between).row(0) == (1, 10)
    assert lake.query(sql, as_of=between - timedelta(days=1)).row(0) == (0, 0)
    assert both(lake) == (2, 20)


def test_manifest_times_never_run_backwards(lake: Lake) -> None:
    layout = Layout(lake.root)
    write_both(lake, 1)
    future = manifest.newest(layout).after("ahead", datetime(2100, 1, 1, tzinfo=UTC), {})
    manifest.publish(layout, future)
    write_both(lake, 2)
    times = [manifest.read(layout, n) for n in manifest.numbers(layout)]
    stamps = [found.committed_at for found in times if found]
    assert stamps == sorted(stamps)
    assert (
        lake.query(
            "select count(*) from core.builds", as_of=datetime(2050, 1, 1, tzinfo=UTC)
        ).item()
        == 1
    )


def test_the_newest_manifest_is_found_when_the_hint_lags_or_is_lost(lake: Lake) -> None:
    for number in range(4):
        write_both(lake, number)
    hint = lake.root / "_manifests" / "latest"
    hint.write_text(json.dumps({"n": 2}))
    assert lake.version() == 4
    hint.unlink()
    assert lake.version() == 4


def test_another_process_that_keeps_the_lock_is_named(lake: Lake) -> None:
    with (
        commit.locked(Layout(lake.root)),
        pytest.raises(LakeConflictError, match="keeps the lake locked"),
        commit.locked(Layout(lake.root), patience_s=0.05),
    ):
        pass


STEPS = {
    "before the promise": "manifest.write_json",
    "after the promise": "commit.fulfil",
    "after the first table": "delta.apply",
    "before the manifest": "manifest.publish",
}
CRASH = """
import os, sys
from datetime import date
from golive_core.lake import Lake, commit, delta, manifest
from tests.lake.rows import builds, results
owner, name = sys.argv[2].split(".")
module = {"commit": commit, "delta": delta, "manifest": manifest}[owner]
original, calls = getattr(module, name), []
def dies(*arguments, **named):
    calls.append(name)
    if name == "write_json" and arguments[0].name != "intent.json":
        return original(*arguments, **named)
    if name == "apply" and len(calls) == 1:
        return original(*arguments, **named)
    os._exit(9)
setattr(module, name, dies)
lake = Lake(sys.argv[1])
with lake.transaction("doomed") as txn:
    txn.merge("core.builds", builds(date(2024, 1, 1), range(2, 3)))
    txn.insert("core.test_results", results(date(2024, 1, 1), 10, build="ci#2"))
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_writer_that_dies_halfway_loses_and_doubles_nothing(lake: Lake, step: str) -> None:
    write_both(lake, 1)
    command = [sys.executable, "-c", CRASH, str(lake.root), STEPS[step]]
    died = subprocess.run(
        command, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert died.returncode == 9
    assert both(lake) == (1, 10)
    write_both(lake, 3)
    assert both(lake) in ((2, 20), (3, 30))
    write_both(lake, 2)
    assert both(lake) == (3, 30)
    assert lake.changed_days("core.builds") == {DAY}


def test_a_promise_that_cannot_be_kept_does_not_stop_the_next_writer(lake: Lake) -> None:
    write_both(lake, 1)
    adds = [["month=2024-01/gone.parquet", 1, "2024-01", "{}"]]
    lost = {"table": "core.builds", "base": 0, "adds": adds, "removes": [],
            "columns": {}, "partition": "month", "replaces": False,
            "data_change": True, "info": {}}  # fmt: skip
    promise = {"format": 1, "n": 2, "note": "lost", "commits": [lost]}
    (lake.root / "_manifests" / "intent.json").write_text(json.dumps(promise))
    with pytest.raises(LakeError, match="No such file"):
        write_both(lake, 2)
    write_both(lake, 2)
    assert both(lake) == (2, 20)


@pytest.mark.parametrize(
    "name", ["_format.json", "_manifests/00000000000000000001.json", "_manifests/intent.json"]
)
def test_a_lake_of_a_newer_version_is_refused(lake: Lake, name: str) -> None:
    write_both(lake, 1)
    path = lake.root / name
    found = json.loads(path.read_text()) if path.exists() else {"n": 2, "commits": []}
    path.write_text(json.dumps({**found, "format": 99}))
    with pytest.raises(LakeVersionError, match="Update GoLive"):
        write_both(Lake(lake.root), 2)


def test_a_table_of_a_newer_delta_protocol_is_refused(lake: Lake) -> None:
    write_both(lake, 1)
    log = next((lake.root / "core" / "builds" / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 99, "minWriterVersion": 99}
    log.write_text("\n".join(json.dumps(action) for action in actions))
    script = (
        "import sys; from golive_core.lake import Lake; Lake(sys.argv[1]).query('from core.builds')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(lake.root)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "LakeVersionError" in ended.stderr


def test_a_broken_manifest_is_named(lake: Lake) -> None:
    write_both(lake, 1)
    (lake.root / "_manifests" / "00000000000000000001.json").write_text("{")
    with pytest.raises(LakeError, match="not JSON"):
        lake.tables()
