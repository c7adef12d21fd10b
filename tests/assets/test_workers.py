"""Parser processes keep the order, carry errors across, and end with their parent."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from tiny_source import Tiny, write

from assets import workers
from assets.load import conform, ingest, pull
from assets.workers import Job, Parsers, serve
from golive_core.lake import Lake
from ingest.source import Context, Instance, Unit

Make = Callable[..., tuple[Tiny, Instance]]


def unit(body: bytes, uri: str = "a.json") -> Unit:
    return Unit("files", pl.DataFrame({"body": [body], "uri": [uri], "payload_id": [uri]}))


def test_outcomes_come_in_the_order_of_the_units(
    lake: Lake, tiny: Make, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WORTH_BYTES", 0)
    source, instance = tiny()
    units = [unit(b"broken", f"{number:03}") for number in range(40)]
    job = Job(lake, Tiny, instance, context)
    with Parsers(lake, source, job, instance, processes=3) as parsers:
        outcomes = list(parsers.run(units))
    assert [one.quarantine[0]["uri"].item() for one in outcomes] == [
        one.payloads["uri"][0] for one in units
    ]


def test_a_unit_that_kills_its_process_is_rejected_and_the_rest_goes_on(
    lake: Lake, tiny: Make, context: Context
) -> None:
    _, instance = tiny()
    helper = workers._Helper(
        Job(lake, Tiny, instance, context),
        tasks := workers.SimpleQueue(),
        done := workers.SimpleQueue(),
    )
    for index, body in enumerate((b"deadly", b"broken")):
        tasks.put((index, unit(body)))
    first, second = done.get(timeout=60)[1], done.get(timeout=60)[1]
    tasks.put(None)
    helper.join()
    assert "died 2 times (exit 9)" in first.quarantine[0]["reason"].item()
    assert second.rejected == 1


def test_a_source_that_cannot_start_is_an_error_and_not_a_bad_payload(
    lake: Lake, tiny: Make, context: Context
) -> None:
    bad = Instance("bad", "tiny", "shop", {})
    tasks, done = workers.SimpleQueue(), workers.SimpleQueue()
    helper = workers._Helper(Job(lake, Tiny, bad, context), tasks, done)
    tasks.put((0, unit(b"broken")))
    error = done.get(timeout=60)[1]
    tasks.put(None)
    helper.join()
    assert "bad: a parser process failed: 1 validation error" in str(error)


def test_small_plans_start_no_process(
    lake: Lake, tiny: Make, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(workers, "_Helper", refuse)
    source, instance = tiny()
    write(source.folder, "a", 1)
    assert ingest(lake, source, instance, context=context, processes=8).error is None


def test_workers_give_the_rows_that_the_parent_gives(
    lake: Lake, tiny: Make, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, instance = tiny()
    for number in range(30):
        write(source.folder, f"a{number:02}", number)
    monkeypatch.setattr(workers, "WORTH_BYTES", 0)
    pull(lake, source, instance)
    result = conform(lake, source, instance, context=context, processes=2)
    assert result.tables["core.test_results"].new == 90
    alone = Lake(lake.root.parent / "other")
    ingest(alone, source, instance)
    query = "select * from core.test_results order by build_id, test_id"
    assert lake.query(query).equals(alone.query(query))


def test_serving_ends_with_the_socket(lake: Lake, tiny: Make, context: Context) -> None:
    _, instance = tiny()
    ours, theirs = Pipe()
    thread = Thread(target=serve, args=(theirs,))
    thread.start()
    ours.send(Job(lake, Tiny, instance, context))
    assert ours.recv() is None
    ours.send(unit(b"broken"))
    assert ours.recv().rejected == 1
    ours.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


ORPHAN = """
import sys
sys.path[:0] = {path!r}
from assets.child import Child
child = Child("assets.workers:serve")
print(child._process.pid, flush=True)
import os; os.kill(os.getpid(), 9)
"""


def test_a_worker_does_not_outlive_a_killed_parent() -> None:
    code = ORPHAN.format(path=sys.path)
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    stat = Path(f"/proc/{int(ended.stdout)}/stat")
    for _ in range(200):
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the worker lives on")
