"""Deliveries are durable before they are acknowledged, come once, and survive any kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from golive_core.errors import GoLiveError
from golive_core.inbox import Delivery, Inbox, Writer

LOAD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from golive_core.inbox import Delivery, Inbox, Writer

writer = Writer(Inbox(Path(sys.argv[1])))
first = int(sys.argv[2])

def put(number):
    writer.put(Delivery("hub", str(number), "webhook", b"x" * 2000)).result()
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()

with ThreadPoolExecutor(8) as threads:
    list(threads.map(put, range(first, first + 100_000)))
"""


def delivery(number: int, **more: object) -> Delivery:
    return Delivery("hub", str(number), "webhook", b"{}", **more)  # type: ignore[arg-type]


def test_what_was_put_waits_in_order_until_it_is_done(remembering: Path) -> None:
    inbox = Inbox(remembering)
    assert (inbox.depth(), inbox.waiting()) == (0, [])
    assert not (remembering / "inbox.db").exists()
    told = [delivery(number, headers={"x-event": "push"}) for number in (3, 1, 2)]
    assert inbox.put(told) == [True] * 3
    waiting = inbox.waiting()
    assert [one.delivery_id for one in waiting] == ["3", "1", "2"]
    assert waiting[0].headers == {"x-event": "push"}
    assert waiting[0].body == b"{}"
    inbox.done([waiting[0].sequence])
    assert [one.delivery_id for one in Inbox(remembering).waiting()] == ["1", "2"]


def test_a_delivery_comes_once_for_as_long_as_its_id_is_known(remembering: Path) -> None:
    inbox = Inbox(remembering)
    assert inbox.put([delivery(1), delivery(1)]) == [True, False]
    inbox.done(one.sequence for one in inbox.waiting())
    assert inbox.put([delivery(1)]) == [False]
    assert inbox.put([Delivery("other", "1", "webhook", b"")]) == [True]
    assert inbox.prune(before=time.time() + 1) == 2
    assert inbox.put([delivery(1)]) == [True]


def test_what_cannot_be_understood_is_kept_aside(remembering: Path) -> None:
    inbox = Inbox(remembering)
    inbox.put([delivery(1), delivery(2)])
    inbox.refuse(inbox.waiting()[0].sequence, "no JSON")
    assert [one.delivery_id for one in inbox.waiting()] == ["2"]
    assert [(one.delivery_id, one.reason) for one in inbox.refused()] == [("1", "no JSON")]
    assert inbox.depth() == 1


def test_many_threads_share_commits_and_every_one_is_told(remembering: Path) -> None:
    writer = Writer(Inbox(remembering))
    with ThreadPoolExecutor(16) as threads:
        told = list(threads.map(lambda n: writer.put(delivery(n % 50)).result(), range(200)))
    writer.close()
    assert sum(told) == 50
    assert Inbox(remembering).depth() == 50


def test_a_disk_that_cannot_be_written_is_told_to_every_sender(tmp_path: Path) -> None:
    (tmp_path / "inbox.db").mkdir()
    writer = Writer(Inbox(tmp_path))
    waiting = [writer.put(delivery(number)) for number in range(3)]
    for one in waiting:
        with pytest.raises(GoLiveError, match="inbox cannot be used") as caught:
            one.result(timeout=30)
        assert caught.value.hint
    writer.close()


def test_what_was_acknowledged_is_there_after_every_kill(remembering: Path) -> None:
    acknowledged: set[str] = set()
    for turn in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", LOAD, str(remembering), str(turn * 1_000_000)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(40)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged |= {line.strip() for line in [*lines, *process.stdout] if line.endswith("\n")}
        process.wait()
        process.stdout.close()
    stored = [one.delivery_id for one in Inbox(remembering).waiting(limit=1_000_000)]
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)
    assert len(acknowledged) >= 200
