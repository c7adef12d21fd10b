"""Attempts on their way: live, kept when the gateway is away, neither lost nor doubled."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from golive_core.inbox import Inbox
from golive_runner.outbox.folder import Outbox
from golive_runner.outbox.sender import Sender, post

pytestmark = pytest.mark.slow

MIXED = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_passes(n): pass

def test_fails(): assert [1, 2] == [1, 3]

def test_skips(): pytest.skip("not here")

@pytest.mark.xfail(reason="known")
def test_expected(): raise ValueError

@pytest.fixture
def broken(): raise RuntimeError("no database")

def test_errors(broken): pass

@pytest.fixture
def leaky():
    yield
    raise RuntimeError("still open")

def test_tears_down(leaky): pass
"""
MIXED_TOLD = {
    ("test_passes[1]", "passed"), ("test_passes[2]", "passed"), ("test_fails", "failed"),
    ("test_skips", "skipped"), ("test_expected", "skipped"), ("test_errors", "error"),
    ("test_tears_down", "error"),
}  # fmt: skip
WAITS = """
import pathlib, time

def test_first(): pass

def test_waits():
    until = time.monotonic() + 60
    while not pathlib.Path("go").exists() and time.monotonic() < until:
        time.sleep(0.02)
"""


def to(gateway, *more: str) -> tuple[str, ...]:
    return "--golive-url", gateway.url, "--golive-project", "shop", *more


def wait_for(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_without_a_gateway_attempts_stay_in_a_report_that_ingest_takes(suite, gateway) -> None:
    suite.write(test_mixed=MIXED)
    ran = suite.run("--golive-project", "shop", "--golive-build", "7")
    assert ran.code == 1
    assert set(suite.told()) == MIXED_TOLD
    command = ran.line("7 attempts recorded.").partition("golive ingest reports ")[2].split()
    assert command[1:] == ["--build", "7", "--project", "shop"]
    from golive_cli.main import build

    build()(
        ["ingest", "reports", str(suite.root / command[0]), *command[1:]], standalone_mode=False
    )
    assert {(name, status) for name, _, status in gateway.results()} == MIXED_TOLD
    rows = gateway.lake().query(
        """select message, class_name, file, suite from core.test_results
        inner join core.tests using (test_id) inner join core.failures using (failure_id)
        where name = 'test_errors'"""
    )
    assert rows.row(0) == (
        'failed on setup with "RuntimeError: no database"', "test_mixed", "test_mixed.py", "pytest"
    )  # fmt: skip


def test_the_tests_are_those_of_pytests_own_junit_xml(suite, gateway) -> None:
    suite.write(test_mixed=MIXED)
    from golive_cli.main import build

    suite.run("--golive-project", "shop", "--junitxml", "junit.xml")
    for kind, path in (("reports", ".golive/pytest"), ("junit", "junit.xml")):
        words = ["ingest", kind, str(suite.root / path), "--build", "1"]
        build()(words, standalone_mode=False)
    found = gateway.lake().query(
        "select name, count(*), count(distinct status) from core.test_results "
        "inner join core.tests using (test_id) group by test_id, name"
    )
    assert set(found.rows()) == {(name.partition("[")[0], 2, 1) for name, _ in MIXED_TOLD}


def test_attempts_are_sent_while_the_suite_runs(suite, gateway) -> None:
    suite.write(test_waits=WAITS)
    gateway.start()
    running = suite.start(*to(gateway), GOLIVE_TOKEN=gateway.token)
    wait_for(lambda: Inbox(gateway.base / ".golive").depth())
    assert gateway.results() == [("test_first", 1, "passed")]
    (suite.root / "go").touch()
    out = running.communicate(timeout=60)[0]
    assert running.returncode == 0, out
    assert f"golive: 2 attempts sent to {gateway.url}" in out
    assert gateway.results() == [("test_first", 1, "passed"), ("test_waits", 1, "passed")]
    assert list((suite.root / ".golive" / "pytest").iterdir()) == []


def test_what_a_gateway_that_is_away_missed_is_sent_by_the_next_run(suite, gateway) -> None:
    suite.write(test_mixed=MIXED)
    ran = suite.run(*to(gateway, "--golive-build", "1"), GOLIVE_TOKEN=gateway.token)
    assert (ran.code, ran.counts["failed"], ran.counts["errors"]) == (1, 1, 2)
    assert "Connection refused" in ran.line("7 of 7 attempts are not at the gateway yet")
    assert set(suite.told()) == MIXED_TOLD
    gateway.start()
    suite.run(*to(gateway, "--golive-build", "2"), GOLIVE_TOKEN=gateway.token)
    assert len(gateway.results()) == 14
    builds = gateway.lake().query("select number, status from core.builds order by number")
    assert builds.rows() == [(1, "failed"), (2, "failed")]
    assert suite.told() == []


@pytest.mark.parametrize(
    ("token", "why"), [("", "GOLIVE_TOKEN is not set"), ("glv_000000000000_x", "answered 401")]
)
def test_a_gateway_that_refuses_changes_nothing_of_the_suite(suite, gateway, token, why) -> None:
    suite.write(test_mixed="def test_a(): pass")
    gateway.start()
    ran = suite.run(*to(gateway), GOLIVE_TOKEN=token)
    assert ran.code == 0
    assert why in ran.line("1 of 1 attempts are not at the gateway yet")
    assert suite.told() == [("test_a", "passed")]


def test_a_suite_that_is_killed_has_sent_what_it_ran(suite, gateway) -> None:
    suite.write(test_killed="import os\ndef test_a(): pass\ndef test_b(): os.kill(os.getpid(), 9)")
    gateway.start()
    ran = suite.run(*to(gateway), GOLIVE_TOKEN=gateway.token)
    assert ran.code == -signal.SIGKILL
    wait_for(lambda: not list((suite.root / ".golive" / "pytest").iterdir()))
    assert gateway.results() == [("test_a", 1, "passed")]


def test_a_run_that_is_killed_with_its_sender_is_taken_up_by_the_next(suite, gateway) -> None:
    suite.write(test_waits=WAITS)
    running = suite.start(*to(gateway), GOLIVE_TOKEN=gateway.token)
    folder = suite.root / ".golive" / "pytest"
    wait_for(lambda: list(folder.glob("*/journal.jsonl")))
    wait_for(lambda: next(folder.glob("*/journal.jsonl")).stat().st_size)
    running.kill()
    running.communicate()
    [died] = folder.iterdir()
    wait_for((died / "report-001.jsonl").exists)  # the sender gave up by itself
    (suite.root / "go").touch()
    gateway.start()
    suite.run(*to(gateway), GOLIVE_TOKEN=gateway.token)
    assert sorted(name for name, _, _ in gateway.results()) == ["test_first"] * 2 + ["test_waits"]


def line(number: int) -> bytes:
    return (
        b'{"golive_attempt":{"suite":"s","name":"test_%d","status":"passed","file":"a.py",'
        b'"started_at":"2026-03-01T12:00:0%d+00:00","duration_s":0.1}}\n' % (number, number)
    )


def test_a_batch_whose_answer_was_lost_is_sent_again_with_the_same_bytes(
    tmp_path: Path, gateway
) -> None:
    gateway.start()
    outbox = Outbox(tmp_path / "out" / "run")
    query = {"project": "shop", "build": "5"}
    outbox.describe(gateway.url, query)
    outbox.journal.write_bytes(line(1))
    _, body = outbox.batch()
    assert post(gateway.url, query, gateway.token, body).why == ""  # and nobody heard of it
    with outbox.journal.open("ab") as journal:
        journal.write(line(2) + line(3)[:40])  # torn: the machine went down
    sender = Sender(Outbox(tmp_path / "out" / "other"), gateway.token)
    sender.outbox.describe(gateway.url, query)
    assert outbox.batch()[1] == body
    sender.adopt()
    assert gateway.results() == [("test_1", 1, "passed"), ("test_2", 1, "passed")]
    assert not outbox.folder.exists()


def test_a_folder_that_somebody_works_in_is_left_alone(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "out" / "run")
    outbox.describe("http://127.0.0.1:9", {})
    outbox.journal.write_bytes(line(1))
    with outbox.held():
        sender = Sender(Outbox(tmp_path / "out" / "other"), "")
        sender.outbox.describe("http://127.0.0.1:9", {})
        sender.adopt()
        assert outbox.journal.read_bytes() == line(1)


def test_a_line_that_a_full_disk_tore_costs_itself_only(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "run")
    outbox.describe("", {})
    outbox.journal.write_bytes(line(1) + line(2)[:30] + line(3) + line(4))
    assert outbox.cut() == 2
    assert [path.name for path in outbox.reports()] == ["report-001.jsonl"]
    assert outbox.cut() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--golive-url", "ftp://x"), "for example http://127.0.0.1:8000"),
        (("--golive-url", "http://127.0.0.1:9"), "needs --golive-project"),
        (("--golive-retries", "two"), "not a number"),
        (("--golive-order",), "need --golive-plan"),
        (("--golive-plan", "gone.json"), "No such file"),
        (("--golive-plan", "pytest.ini"), "is no plan"),
        (("--golive-quarantine", "gone.yaml"), "there is no file"),
        (("--golive-quarantine", "pytest.ini"), "is no quarantine file"),
    ],
)
def test_wrong_use_is_told_in_a_line(suite, options, said) -> None:
    ran = suite.write(test_a="def test_a(): pass").run(*options)
    assert ran.code == 4
    assert said in ran.out
    assert "Traceback" not in ran.out


def test_a_folder_that_cannot_be_written_stops_no_suite(suite) -> None:
    suite.write(test_a="def test_a(): pass")
    (suite.root / ".golive").write_text("a file")
    (suite.root / "pytest.ini").write_text("[pytest]\naddopts = -q\n")
    ran = suite.run()
    assert ran.code == 0, ran.out
    assert "golive records nothing" in ran.out


def test_the_token_is_masked_in_what_failures_say(suite) -> None:
    suite.write(test_a="import os\ndef test_a(): assert os.environ['GOLIVE_TOKEN'] == ''")
    suite.run(GOLIVE_TOKEN="glv_very_secret")
    [one] = suite.attempts()
    assert one["message"].startswith("AssertionError: assert '***' == ''")
    assert "very_secret" not in str(one)


def test_loading_it_brings_none_of_the_heavy_libraries(suite) -> None:
    suite.write(
        test_a="import sys\ndef test_a():\n    assert not {'polars', 'duckdb', 'numpy', 'yaml', "
        "'httpx', 'pydantic'} & set(sys.modules)"
    )
    assert suite.run().code == 0


def test_it_can_record_nothing(suite) -> None:
    suite.write(test_a="def test_a(): pass").run("--golive-no-record")
    suite.run("--collect-only")
    assert not (suite.root / ".golive").exists()


def test_a_job_that_runs_again_in_the_same_build_adds_attempts(suite, gateway) -> None:
    suite.write(test_a="def test_a(): pass")
    gateway.start()
    for _ in range(2):
        suite.run(*to(gateway, "--golive-build", "5"), GOLIVE_TOKEN=gateway.token)
        gateway.results()
    assert gateway.results() == [("test_a", 1, "passed"), ("test_a", 2, "passed")]


def test_the_session_can_stand_in_a_set_as_pytest_wants_of_plugins() -> None:
    from golive_runner.pytest_plugin.live import Live

    assert Live.__hash__ is not None
