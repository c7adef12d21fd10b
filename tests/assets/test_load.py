"""Pull and conform keep what came, understand it once, and survive being stopped anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tiny_source import AT, Tiny, build, write

from assets.load import Step, conform, ingest, ingest_all, pull
from golive_core.errors import SourceDataError, SourceError, SourceUnreachableError
from golive_core.lake import Lake
from golive_core.window import Window
from ingest.source import Context, Cursor, Instance, Pulled

Make = Callable[..., tuple[Tiny, Instance]]
Rows = Callable[[str], int]


def files(lake: Lake) -> set[Path]:
    return {path for path in lake.root.rglob("*") if path.is_file()}


def test_a_first_ingest_fills_raw_and_core(lake: Lake, tiny: Make, rows: Rows) -> None:
    source, instance = tiny()
    for number in range(3):
        write(source.folder, f"a{number}", number)
    done = ingest(lake, source, instance)
    assert done.error is None
    assert (done.pull.new, done.pull.requests) == ({"files": 3}, 3)
    assert done.conform.tables["core.builds"].new == 3
    assert done.conform.tables["core.test_results"].new == 9
    assert (rows("raw.tiny"), rows("core.builds"), rows("core.tests")) == (3, 3, 3)
    assert lake.query("select distinct instance, project_id, stream from raw.tiny").rows() == [
        ("tiny", "shop", "files")
    ]


def test_sequences_grow_with_every_batch_and_the_watermark_follows(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    for number in range(3):
        write(source.folder, f"a{number}", number)
    ingest(lake, source, instance)
    assert lake.query("select uri, sequence from raw.tiny order by 1").rows() == [
        ("a0.json", 1), ("a1.json", 2), ("a2.json", 3),
    ]  # fmt: skip
    marks = lake.query("select role, sequence, cursor from ops.cursors order by 1").rows()
    assert marks == [("conform", 3, None), ("pull", 3, '{"name": "a2.json"}')]


def test_a_run_without_news_writes_no_file_and_is_fast(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    write(source.folder, "a", 1)
    ingest(lake, source, instance)
    before, version = files(lake), lake.version()
    started = time.process_time()
    done = ingest(lake, source, instance)
    assert time.process_time() - started < 0.1
    assert done.conform.tables == {}
    assert (files(lake), lake.version()) == (before, version)


def test_first_and_last_seen_do_not_depend_on_the_order_of_files(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    for name, number in (("a", 5), ("b", 1)):
        write(source.folder, name, number)
    ingest(lake, source, instance)
    for name, number in (("c", 9), ("d", 3), ("e", 0)):
        write(source.folder, name, number)
        ingest(lake, source, instance)
    seen = lake.query("select distinct first_seen_at, last_seen_at from core.tests").rows()
    assert seen == [(AT, AT.replace(hour=21))]


def test_the_later_payload_wins_whatever_process_parsed_it(
    lake: Lake, tiny: Make, context: Context
) -> None:
    source, instance = tiny()
    for number in range(20):
        write(source.folder, f"a{number:02}", 1, status="running" if number < 19 else "passed")
    done = pull(lake, source, instance)
    assert done.batches == 20
    conform(lake, source, instance, context=context, processes=2)
    assert lake.query("select status from core.builds").rows() == [("passed",)]


def test_what_cannot_be_parsed_is_kept_with_its_reason_and_the_rest_goes_on(
    lake: Lake, tiny: Make, rows: Rows
) -> None:
    source, instance = tiny()
    for name in ("broken", "damaged", "bug"):
        (source.folder / f"{name}.json").write_text(name)
    write(source.folder, "z", 1)
    done = ingest(lake, source, instance)
    assert (done.error, done.conform.rejected, rows("core.builds")) == (None, 3, 1)
    kept = lake.query("select uri, line, reason from ops.quarantine order by uri").rows()
    assert kept[0] == ("broken.json", 1, "not JSON")
    assert "KeyError" in kept[1][2]
    assert kept[2][2] == "damaged.json: a damaged file"
    assert lake.query("select status from ops.source_health").item() == "degraded"


def test_a_row_that_breaks_a_rule_is_quarantined_whole(lake: Lake, tiny: Make, rows: Rows) -> None:
    source, instance = tiny()
    bad = build(2, status="exploded", duration_s=-1.0)
    content = {"core.builds": [build(1), bad]}
    (source.folder / "a.json").write_text(json.dumps(content))
    done = ingest(lake, source, instance)
    assert (rows("core.builds"), done.conform.quarantined) == (1, 1)
    kept = lake.query("select * from ops.quarantine").row(0, named=True)
    assert kept["reason"] == "status is not one of STATUSES; finished before it started"
    assert (kept["table_name"], kept["uri"]) == ("core.builds", "a.json")
    assert json.loads(kept["content"])["build_id"] == "ci#2"


def test_reading_everything_again_changes_no_core_row(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    for number in range(3):
        write(source.folder, f"a{number}", number)
    (source.folder / "b.json").write_text("broken")
    ingest(lake, source, instance)
    done = ingest(lake, source, instance, full=True)
    assert done.pull.known == {"files": 4}
    assert {(one.new, one.changed) for one in done.conform.tables.values()} == {(0, 0)}
    assert lake.query("select count(*) from raw.tiny").item() == 4
    assert lake.query("select count(*) from ops.quarantine").item() == 1


def test_a_window_run_reads_again_and_leaves_the_cursor_alone(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    write(source.folder, "a", 1)
    ingest(lake, source, instance)
    write(source.folder, "b", 2)
    window = Window(AT, datetime.now(UTC))
    done = ingest(lake, source, instance, window=window)
    assert (done.pull.new["files"], done.pull.known["files"]) == (1, 1)
    assert done.conform.tables["core.builds"].new == 1
    cursor = lake.query("select cursor from ops.cursors where role = 'pull'").item()
    assert cursor == '{"name": "a.json"}'


def test_a_payload_that_comes_back_is_understood_again(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    write(source.folder, "a", 1, status="running")
    ingest(lake, source, instance)
    write(source.folder, "b", 1, status="failed")
    ingest(lake, source, instance)
    write(source.folder, "c", 1, status="running")
    ingest(lake, source, instance)
    assert lake.query("select status from core.builds").item() == "running"


def test_one_instance_that_fails_does_not_stop_the_others(lake: Lake, tiny: Make) -> None:
    broken, first = tiny("one")
    good, second = tiny("two")
    write(broken.folder, "a", 1, pipeline="early")
    (broken.folder / "b.json").write_text("unreachable")
    write(good.folder, "a", 2)
    one, two = ingest_all(lake, [(first, broken), (second, good)])
    assert isinstance(one.error, SourceUnreachableError)
    assert two.error is None
    assert one.conform.tables["core.builds"].new == 1
    health = lake.query("select instance, status, error, hint from ops.source_health order by 1")
    assert health.rows() == [
        ("one", "failed", "one: no answer. Wait", "Wait"),
        ("two", "ok", None, None),
    ]


class Halved(Tiny):
    """Its first stream cannot be read; `wrong` says why."""

    streams = tuple(reversed(Tiny.streams))
    wrong: SourceError = SourceDataError("no such list", where="tiny", hint="Look")

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        if stream == "notes":
            raise self.wrong
        yield from super().pull(stream, cursor=cursor, window=window)


def test_a_stream_that_cannot_be_read_stops_no_other(
    lake: Lake, tiny: Make, context: Context
) -> None:
    _, instance = tiny()
    source = Halved(instance, context)
    write(source.folder, "a", 1)
    done = ingest(lake, source, instance)
    assert done.error is source.wrong
    assert done.conform.tables["core.builds"].new == 1


def test_a_server_that_is_away_is_left_alone(lake: Lake, tiny: Make, context: Context) -> None:
    _, instance = tiny()
    source = Halved(instance, context)
    source.wrong = SourceUnreachableError("no answer", where="tiny")
    write(source.folder, "a", 1)
    assert ingest(lake, source, instance).error is source.wrong
    assert not lake.exists("core.builds")


def test_health_is_written_again_only_when_it_changes(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    write(source.folder, "a", 1)
    ingest(lake, source, instance)
    version = lake.version()
    ingest(lake, source, instance)
    assert lake.version() == version
    (source.folder / "b.json").write_text("unreachable")
    ingest(lake, source, instance)
    assert lake.query("select status, rows_new from ops.source_health").rows() == [("failed", 7)]


def test_progress_counts_payloads_and_rows(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    for number in range(3):
        write(source.folder, f"a{number}", number)
    steps: list[Step] = []
    ingest(lake, source, instance, progress=steps.append)
    pulled = [step.payloads for step in steps if step.phase == "pull" and step.stream == "files"]
    assert pulled == [0, 1, 2, 3]
    last = [step for step in steps if step.phase == "conform"][-1]
    assert (last.payloads, last.total, last.rows) == (3, 3, 21)


KILLED = """
import os, sys, json
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])
from tiny_source import Tiny
from assets import load
from golive_core.lake import Lake
from ingest.source import Context, Cursor, Instance, Pulled
base, at = Path(sys.argv[2]), int(sys.argv[3])
instance = Instance("tiny", "tiny", "shop", {"folder": str(base / "tiny")})
lake = Lake(base / ".golive" / "lake")
commits = 0
real = Lake.transaction
import contextlib
@contextlib.contextmanager
def counted(self, note=""):
    global commits
    with real(self, note) as txn:
        yield txn
        if commits == at and "before" in sys.argv[4]:
            os.kill(os.getpid(), 9)
    if commits == at:
        os.kill(os.getpid(), 9)
    commits += 1
Lake.transaction = counted
load.ingest(lake, Tiny(instance, Context(base / ".golive", base)), instance)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", [0, 1, 2, 3])
def test_a_kill_around_any_commit_loses_and_doubles_nothing(
    lake: Lake, tiny: Make, tmp_path: Path, rows: Rows, commit: int, moment: str
) -> None:
    source, instance = tiny()
    for number in range(3):
        write(source.folder, f"a{number}", number)
    arguments = [json.dumps(sys.path), str(tmp_path), str(commit), moment]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert ended.returncode == -9
    ingest(lake, source, instance)
    counts = [rows(name) for name in ("raw.tiny", "core.builds", "core.tests", "core.test_results")]
    assert counts == [3, 3, 3, 9]
    assert lake.query("select count(distinct build_id) from core.builds").item() == 3


def test_nothing_is_pulled_twice_after_a_clean_end(lake: Lake, tiny: Make) -> None:
    source, instance = tiny()
    write(source.folder, "a", 1)
    assert pull(lake, source, instance).batches == 1
    assert pull(lake, source, instance).batches == 0
    assert isinstance(lake.query("select * from core.builds"), pl.DataFrame)
    assert conform(lake, source, instance).payloads == 1
    assert conform(lake, source, instance).payloads == 0
