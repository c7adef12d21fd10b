"""Lines get their templates once, and what was given stays; two processes do it one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets import log_templates
from assets.log_templates import mine_lines, template_asset
from assets.workspace import Workspace
from golive_core import schema
from golive_core.errors import LakeConflictError
from golive_core.lake import Lake
from golive_core.settings import Settings

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = ("amy", "bob", "cid", "dan", "eve", "fay")


@pytest.fixture
def log(lake: Lake) -> Callable[..., None]:
    """Return a writer that appends messages to a log, one a minute."""

    def write(*messages: str | None, first: int = 1, day: int = 0, service: str = "shop") -> None:
        times = [START + timedelta(days=day, minutes=first + i) for i in range(len(messages))]
        lines = pl.DataFrame({
            "source": "logs", "instance": "shop-logs", "service": service, "project_id": "shop",
            "line": range(first, first + len(messages)), "day": [at.date() for at in times],
            "at": times, "level": "info", "message": list(messages),
        }, schema_overrides={"message": pl.String, "line": pl.Int64})  # fmt: skip
        lake.insert("core.log_lines", schema.conform(schema.LOG_LINES, lines))

    return write


def logins(*names: str) -> list[str]:
    return [f"session of {name} from 10.0.0.{i} is open" for i, name in enumerate(names)]


def lines(lake: Lake) -> list[tuple[str, list[str]]]:
    """Return the template that stands for each line, and the line's parameters."""
    found = lake.query("""
        select standing.template, line.parameters from core.log_lines as line
        join core.log_templates as given using (template_id)
        join core.log_templates as standing
            on standing.template_id = coalesce(given.merged_into, given.template_id)
        order by line.service, line.line
    """)
    return list(found.iter_rows())


def files(lake: Lake) -> set[Path]:
    return {path for path in lake.root.rglob("*") if path.is_file() and "_locks" not in path.parts}


def test_every_line_gets_its_template_and_parameters(lake: Lake, log: Callable[..., None]) -> None:
    log(*logins(*NAMES), "took 12 ms\n  at f(x)", "", None)
    done = mine_lines(lake)
    assert (done.lines, done.new, done.changed) == (9, 3, 0)
    told = lines(lake)
    assert told[1] == ("session of <*> from <*> is open", ["bob", "10.0.0.1"])
    assert told[6] == ("took <*> ms", ["12"])
    assert told[7] == told[8] == ("", [])
    assert lake.query("select message from core.log_lines where line = 7").item() == (
        "took 12 ms\n  at f(x)"
    )


def test_templates_know_when_they_were_seen_and_how_often(
    lake: Lake, log: Callable[..., None]
) -> None:
    log("took 12 ms", "took 13 ms", day=1)
    mine_lines(lake)
    log("took 14 ms", service="other")
    mine_lines(lake)
    (row,) = lake.query("select * from core.log_templates").to_dicts()
    assert row["first_seen_at"] == START + timedelta(minutes=1)
    assert row["last_seen_at"] == START + timedelta(days=1, minutes=2)
    assert (row["number"], row["lines"], row["example"]) == (1, 3, "took 12 ms")


def test_a_run_without_news_touches_no_file(lake: Lake, log: Callable[..., None]) -> None:
    log(*logins(*NAMES))
    mine_lines(lake)
    before, version = files(lake), lake.version()
    assert mine_lines(lake) == log_templates.MinedLines()
    log(*logins(*NAMES))  # the same window again
    assert mine_lines(lake).lines == 0
    assert (files(lake), lake.version()) == (before, version)
    assert lake.rows("core.log_lines") == 6


def test_only_files_with_new_lines_are_written_again(lake: Lake, log: Callable[..., None]) -> None:
    log(*logins(*NAMES))
    log(*logins(*NAMES), day=1, first=1_001)
    mine_lines(lake)
    before = {path for path in files(lake) if "log_lines" in str(path) and path.suffix != ".json"}
    log("took 1 ms", first=2_000)
    mine_lines(lake)
    assert before <= files(lake)
    assert len(lines(lake)) == 13


def test_a_template_that_becomes_more_general_keeps_its_id(
    lake: Lake, log: Callable[..., None]
) -> None:
    log(*["session of root from 10.0.0.9 is open"] * 9)
    mine_lines(lake)
    (root,) = lake.query("select distinct template_id from core.log_lines")["template_id"]
    log(*logins(*NAMES), first=100)
    mine_lines(lake)
    assert {text for text, _ in lines(lake)} == {"session of <*> from <*> is open"}
    assert lake.query("select distinct template_id from core.log_lines")[
        "template_id"
    ].to_list() == [root]


def test_templates_that_become_one_say_which(lake: Lake, log: Callable[..., None]) -> None:
    log(*[line for name in ("root", "admin") for line in logins(*[name] * 20)], *logins("amy"))
    mine_lines(lake)
    assert lake.rows("core.log_templates") == 3
    before = lake.query("select template_id, parameters from core.log_lines order by line")
    log(*logins(*NAMES), first=100)
    done = mine_lines(lake)
    assert (done.new, done.changed) == (0, 3)
    after = lake.query(
        "select template_id, parameters from core.log_lines where line < 100 order by line"
    )
    assert after.equals(before)
    merged = lake.query("select merged_into, lines from core.log_templates order by number")
    first = lake.query("select template_id, lines from core.log_templates where number = 1")
    assert merged["merged_into"].to_list() == [None] + [first["template_id"][0]] * 2
    assert first["lines"].item() == 47
    assert {text for text, _ in lines(lake)} == {"session of <*> from <*> is open"}


def test_parts_come_to_the_same_as_all_at_once(lake: Lake, log: Callable[..., None]) -> None:
    for day in range(4):
        log(*logins(*NAMES[day:]), f"took {day} ms", day=day, first=day * 100 + 1)
    steps: list[int] = []
    mine_lines(lake, rows_at_once=5, progress=lambda step: steps.append(step.rows))
    assert len(steps) == 4
    assert {text for text, _ in lines(lake)} == {"session of <*> from <*> is open", "took <*> ms"}


def test_two_processes_take_turns(lake: Lake, log: Callable[..., None]) -> None:
    log(*logins(*NAMES))
    done: list[int] = []
    workers = [
        threading.Thread(target=lambda: done.append(mine_lines(Lake(lake.root)).lines))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(done) == [0, 0, 0, 6]
    assert lake.query("select sum(lines) from core.log_templates").item() == 6


def test_lines_that_come_meanwhile_and_compaction_cost_nothing(
    lake: Lake, log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    log("took 1 ms")
    log("took 2 ms", first=2)
    changed, calls = log_templates.changed, []

    def meanwhile(*frames: pl.DataFrame) -> pl.DataFrame:
        if not calls:
            lake.compact("core.log_lines")
            log("took 3 ms", first=3)
        calls.append(frames)
        return changed(*frames)

    monkeypatch.setattr(log_templates, "changed", meanwhile)
    assert mine_lines(lake).lines == 3
    assert lake.query("select lines from core.log_templates").item() == 3
    assert [parameters for _, parameters in lines(lake)] == [["1"], ["2"], ["3"]]


def test_a_file_that_is_gone_ends_the_transaction_and_changes_nothing(
    lake: Lake, log: Callable[..., None]
) -> None:
    log("took 1 ms")
    held = lake.unfilled("core.log_lines", "template_id")
    rows = lake.read("core.log_lines", held)
    mine_lines(lake)
    before = files(lake)
    with pytest.raises(LakeConflictError, match="replaced meanwhile"), lake.transaction() as txn:
        txn.rewrite("core.log_lines", [held[0].path], rows)
    assert files(lake) == before


def test_the_asset_mines_and_tells_how_much(
    lake: Lake, log: Callable[..., None], home: Path
) -> None:
    log(*logins(*NAMES))
    workspace = Workspace(Settings(base=home.parent, home=home), lake)
    asset = template_asset(workspace)
    done = dg.materialize([asset], resources={"workspace": workspace})
    (event,) = done.asset_materializations_for_node(asset.node_def.name)
    told = {name: value.value for name, value in event.metadata.items()}
    assert (told["lines_mined"], told["rows_new"], told["dagster/row_count"]) == (6, 1, 1)


TRACE = """request failed
Traceback (most recent call last):
  File "/srv/shop/cart.py", line {line}, in total
    return price(order)
shop.NoPrice: no price for order {order}"""


def test_a_stack_trace_is_a_failure_whose_signature_outlives_its_numbers(
    lake: Lake, log: Callable[..., None]
) -> None:
    log(*(TRACE.format(line=line, order=line * 100) for line in (7, 8)), "took\n1 ms")
    mine_lines(lake)
    told = lake.query("""
        select line.line, failure.type, failure.message, failure.signature_id,
            failure.first_seen_at
        from core.log_lines as line left join core.failures as failure using (failure_id)
        order by line.line
    """).rows()
    assert [row[1:3] for row in told] == [
        ("shop.NoPrice", "no price for order 700"),
        ("shop.NoPrice", "no price for order 800"),
        (None, None),
    ]
    assert told[0][3] == told[1][3] is not None
    assert told[0][4] == START + timedelta(minutes=1)


def test_a_failure_that_an_earlier_log_tells_of_was_seen_earlier(
    lake: Lake, log: Callable[..., None]
) -> None:
    text = TRACE.format(line=7, order=1)
    log(text, day=3)
    mine_lines(lake)
    log(text, day=1, service="other")
    mine_lines(lake)
    assert lake.query("select first_seen_at from core.failures")["first_seen_at"].to_list() == [
        START + timedelta(days=1, minutes=1)
    ]
