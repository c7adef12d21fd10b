"""GoLive's answers in a run: quarantine, order, selection, retries; and other plugins beside."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from golive_cli import quarantine

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).date()
FLAKY = """
import pathlib

def again(name, times):
    path = pathlib.Path(name)
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    assert len(path.read_text()) > times

def test_flaky(): again("flaky", 2)
def test_never_flaky(): again("never", 1)
def test_passes(): pass
"""


def entry(name: str, days: int = 5, project: str = "shop") -> dict:
    test = {"suite": "pytest", "class": "test_a", "name": name, "parameters": "", "file": ""}
    return {
        "project": project, "test": test, "owner": "@carts", "reason": "flaky",
        "since": TODAY, "expires": TODAY + timedelta(days=days), "ticket": "SHOP-7", "keep": False,
    }  # fmt: skip


def plan(suite, *tests: tuple[str, float], left_out: tuple[str, ...] = ()) -> str:
    """Write a plan of tests of test_a with their probability of being flaky, by rank."""

    def row(name: str) -> dict:
        name, _, parameters = name.partition("[")
        return {"class_name": "test_a", "name": name, "parameters": parameters[:-1] or None}

    said = {
        "tests": [
            {**row(name), "rank": rank, "flaky_probability": flaky}
            for rank, (name, flaky) in enumerate(tests, start=1)
        ],
        "left_out": [{**row(name), "flaky_probability": None} for name in left_out],
    }
    (suite.root / "plan.json").write_text(json.dumps(said))
    return "--golive-plan=plan.json"


def set_aside(suite, *entries: dict, form: str = "yaml") -> None:
    path = suite.root / f"golive-quarantine.{form}"
    path.write_text(quarantine.write(entries, form))


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_failure_in_quarantine_is_recorded_and_shown_and_does_not_count(suite, form) -> None:
    suite.write(test_a="def test_lies(): assert 1 == 2\ndef test_passes(): pass")
    set_aside(suite, entry("test_lies"), entry("test_passes"), form=form)
    ran = suite.run("--golive-project=shop", "--maxfail=1", "--junitxml=junit.xml")
    assert ran.code == 0, ran.out
    assert ran.counts == {"passed": 1, "quarantined": 1}
    told = (
        f"test_a.py::test_lies (until {TODAY + timedelta(days=5)}, @carts, SHOP-7): assert 1 == 2"
    )
    assert told in ran.out
    assert suite.told() == [("test_lies", "failed"), ("test_passes", "passed")]
    [one] = ET.parse(suite.root / "junit.xml").iter("skipped")
    assert one.get("message", "").startswith("quarantined: until")


def test_what_is_not_in_quarantine_counts(suite) -> None:
    suite.write(
        test_a="import pytest\n@pytest.fixture\ndef bad(): raise OSError\n"
        "def test_late(): assert 0\ndef test_theirs(): assert 0\ndef test_mine(bad): pass"
    )
    set_aside(suite, entry("test_late", 0), entry("test_theirs", project="web"), entry("test_mine"))
    ran = suite.run("--golive-project=shop")
    assert ran.code == 1
    assert ran.counts == {"failed": 2, "quarantined": 1}
    assert "quarantine of test_a::test_late ran out" in ran.out
    assert ("test_mine", "error") in suite.told()
    assert suite.run("--golive-project=shop", "--golive-quarantine=none").counts["failed"] == 2


def test_only_what_the_model_calls_flaky_is_retried_each_time_an_attempt(suite) -> None:
    suite.write(test_a=FLAKY)
    option = plan(suite, ("test_flaky", 0.9), ("test_never_flaky", 0.1))
    ran = suite.run(option, "--golive-retries=3")
    assert ran.code == 1
    assert ran.counts == {"failed": 1, "passed": 2, "rerun": 2}
    assert suite.told() == [
        ("test_flaky", "failed"), ("test_flaky", "failed"), ("test_flaky", "passed"),
        ("test_never_flaky", "failed"), ("test_passes", "passed"),
    ]  # fmt: skip


def test_retries_end_and_the_last_failure_counts_unless_it_is_in_quarantine(suite) -> None:
    suite.write(test_a=FLAKY)
    option = plan(suite, ("test_flaky", 0.9), ("test_never_flaky", 0.5))
    ran = suite.run(option, "--golive-retries=1", "--golive-flaky-at=0.5")
    assert ran.counts == {"failed": 1, "passed": 2, "rerun": 2}
    (suite.root / "flaky").unlink()
    set_aside(suite, entry("test_flaky"))
    ran = suite.run(option, "--golive-retries=1", "--golive-project=shop")
    assert ran.counts == {"passed": 2, "quarantined": 1, "rerun": 1}
    assert ran.code == 0


FRESH = """
import pathlib, pytest

@pytest.fixture
def fresh(tmp_path): return tmp_path

@pytest.fixture(scope="module")
def shared():
    path = pathlib.Path("n")
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    assert len(path.read_text()) > 1

def test_a(fresh, shared):
    assert not (fresh / "left").exists()
    (fresh / "left").touch()
"""


def test_a_retry_sets_everything_up_anew(suite) -> None:
    suite.write(test_a=FRESH)
    ran = suite.run(plan(suite, ("test_a", 0.99)), "--golive-retries=1")
    assert ran.counts == {"passed": 1, "rerun": 1}, ran.out
    assert suite.told() == [("test_a", "error"), ("test_a", "passed")]


ORDERED = """
import pytest
def test_safe(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_some(n): pass
def test_new(): pass
def test_risky(): pass
"""


def test_the_plan_orders_new_tests_first_and_leaves_out_what_it_left_out(suite) -> None:
    suite.write(test_a=ORDERED)
    option = plan(
        suite, ("test_risky", 0), ("test_some[2]", 0), left_out=("test_safe", "test_some[1]")
    )
    suite.run(option, "--golive-order")
    order = ["test_new", "test_risky", "test_some[2]", "test_safe", "test_some[1]"]
    assert [name for name, _ in suite.told()] == order
    ran = suite.run(option, "--golive-select")
    assert ran.counts == {"passed": 3, "deselected": 2}


def test_a_plan_from_the_lake_is_asked_once(suite, lake, monkeypatch) -> None:
    suite.write(test_a="def test_ok(): pass\ndef test_bad(): assert 0")
    home = {"GOLIVE_HOME": str(lake.root.parent)}
    suite.run("--golive-project=shop", "--golive-build=1", "--golive-no-record")
    ran = suite.run("--golive-plan=lake", "--golive-order", **home)
    assert ran.code == 4
    assert "there are no test results yet" in ran.out
    from golive_cli.main import build

    suite.run("--junitxml=junit.xml", "--golive-no-record")
    words = ["ingest", "junit", str(suite.root / "junit.xml"), "--project", "shop"]
    monkeypatch.chdir(suite.root)
    build()(words, standalone_mode=False)
    suite.beside = ("xdist",)
    ran = suite.run("--golive-plan=lake", "--golive-order", "--golive-retries=1", "-n2", **home)
    assert ran.counts == {"failed": 1, "passed": 1}, ran.out


MANY = """
import asyncio, pathlib, pytest

def again(name):
    path = pathlib.Path(name)
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    assert len(path.read_text()) > 1

@pytest.mark.parametrize("n", range(20))
def test_many(n): pass
def test_flaky(): again("flaky")
def test_lies(): assert 0
def test_fails(): assert 0
"""
ASYNC = """
import asyncio, pathlib, pytest

@pytest.mark.asyncio
async def test_waits(): await asyncio.sleep(0)
@pytest.mark.asyncio
async def test_flaky():
    path = pathlib.Path("async")
    seen = path.exists()
    path.touch()
    await asyncio.sleep(0)
    assert seen
"""
USUAL = {"passed": 21, "failed": 1, "quarantined": 1, "rerun": 1}


@pytest.mark.parametrize(
    ("beside", "options"),
    [
        (("xdist",), ("-n2",)),
        (("xdist",), ("-n2", "--dist=loadfile", "--maxfail=9")),
        (("randomly",), ("-p", "randomly")),
        (("xdist", "randomly", "timeout", "rerunfailures"), ("-n2", "--timeout=60")),
    ],
    ids=["xdist", "loadfile", "randomly", "all"],
)
def test_beside_others_every_attempt_is_recorded_once(suite, beside, options) -> None:
    suite.beside = beside
    suite.write(test_a=MANY)
    set_aside(suite, entry("test_lies"))
    option = plan(suite, ("test_flaky", 0.9))
    ran = suite.run(option, "--golive-retries=1", "--golive-project=shop", "--golive-order",
                    *[one for one in options if one not in ("-p", "randomly")])  # fmt: skip
    assert ran.counts == USUAL, ran.out
    assert ran.code == 1
    told = suite.told()
    assert len(told) == 24
    assert [status for name, status in told if name == "test_flaky"] == ["failed", "passed"]
    assert dict(told)["test_lies"] == "failed"
    if "xdist" not in beside:  # ours sorts behind the shuffle: what the plan does not know is first
        assert told[-1][0] == "test_flaky"


@pytest.mark.parametrize("with_xdist", [False, True])
def test_beside_rerunfailures_its_reruns_are_attempts_and_not_ours(suite, with_xdist) -> None:
    suite.beside = (*(("xdist",) if with_xdist else ()), "rerunfailures")
    suite.write(test_a=FLAKY)
    option = plan(suite, ("test_flaky", 0.9))
    ran = suite.run(option, "--golive-retries=5", "--reruns=2", *(("-n2",) if with_xdist else ()))
    assert ran.code == 0, ran.out
    assert ran.counts == {"passed": 3, "rerun": 3}
    told = suite.told()
    flaky = [status for name, status in told if name == "test_flaky"]
    never = [status for name, status in told if name == "test_never_flaky"]
    assert (flaky, never, len(told)) == (["failed", "failed", "passed"], ["failed", "passed"], 6)


def test_beside_asyncio_coroutines_are_retried_like_any_other(suite) -> None:
    suite.beside = ("asyncio",)
    suite.write(test_a=ASYNC)
    ran = suite.run(plan(suite, ("test_flaky", 0.9)), "--golive-retries=1")
    assert ran.counts == {"passed": 2, "rerun": 1}, ran.out
    assert sorted(suite.told()) == [
        ("test_flaky", "failed"), ("test_flaky", "passed"), ("test_waits", "passed")
    ]  # fmt: skip


def test_a_worker_that_crashes_is_an_attempt_too(suite) -> None:
    suite.beside = ("xdist",)
    suite.write(test_a="import os\ndef test_ok(): pass\ndef test_dies(): os._exit(3)")
    ran = suite.run("-n1")
    assert ran.counts["failed"] == 1
    told = dict(suite.told())
    assert told == {"test_ok": "passed", "test_dies": "error"}


def test_a_suite_that_forks_under_strict_warnings_stays_as_it_is(suite, gateway) -> None:
    suite.write(
        test_a="import os\ndef test_a():\n    child = os.fork()\n    if not child: os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0"
    )
    gateway.start()
    options = ("--golive-url", gateway.url, "--golive-project=shop")
    ran = suite.run(*options, GOLIVE_TOKEN=gateway.token)
    assert ran.code == 0, ran.out
    assert "golive: 1 attempts sent" in ran.out


def test_subtests_belong_to_the_attempt_of_their_test(suite) -> None:
    suite.write(
        test_a="def test_a(subtests):\n    for n in (1, 2):\n"
        "        with subtests.test(n=n):\n            assert n == 1\n"
    )
    suite.run()
    [one] = suite.attempts()
    assert (one["status"], one["message"]) == ("failed", "assert 2 == 1")


def test_a_suite_that_is_interrupted_tells_what_ended_only(suite) -> None:
    suite.write(test_a="def test_a(): pass\ndef test_b(): raise KeyboardInterrupt")
    assert suite.run().code == 2
    assert suite.told() == [("test_a", "passed")]
