"""Jenkins all the way into a lake: exact rows, nothing written twice, and kills in the middle."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jenkins_reader import Reader
from jenkins_server import TESTS, Jenkins, build, pipeline_build
from loopback import Asked, Reply

from assets.load import IngestResult, ingest
from golive_core.lake import Lake

Make = Callable[..., Reader]

CHILD = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
from assets import load
from golive_core.lake import Lake
from ingest import batch
from ingest.source import Context, Instance
from ingest.sources.jenkins import Jenkins
batch.FULL_PAYLOADS = 2
home = Path(sys.argv[2])
instance = Instance("ci", "jenkins", "shop", {"url": sys.argv[3]})
context = Context(home, home.parent)
print("ready", flush=True)
done = load.ingest(Lake(home / "lake"), Jenkins(instance, context), instance, processes=1)
print(done.error, flush=True)
"""


def busy(fake: Jenkins, builds: int = 2200) -> None:
    """Fill the server with jobs of every kind."""
    fake.job("shop/build", *(build(n) for n in range(1, builds + 1)))
    tested = fake.job("shop/test", *(build(n, "FAILURE", actions=[TESTS]) for n in range(1, 13)))
    case = {"className": "Cart", "name": "adds", "status": "FAILED", "duration": 1}
    for number in range(1, 13):
        tested.tests[number] = {"suites": [{"name": "unit", "cases": [case]}]}
        tested.logs[number] = b"one\nboom\n"
    staged = fake.job("shop/ship", *(pipeline_build(n) for n in range(1, 16)), build(16, None))
    for number in range(1, 16):
        stage = {"name": "ship", "status": "SUCCESS", "durationMillis": 5}
        staged.stages[number] = {"id": str(number), "stages": [stage]}


EXPECTED = {
    "core.pipelines": 3, "core.builds": 2200 + 12 + 16, "core.stages": 15,
    "core.test_results": 12, "core.tests": 1, "core.failures": 1, "core.log_lines": 24,
}  # fmt: skip


def run(lake: Lake, reader: Reader) -> IngestResult:
    return ingest(lake, reader.source, reader.source.instance, processes=1)


def counts(lake: Lake) -> dict[str, int]:
    return {
        table: lake.query(f"select count(*) from {table}").item()
        for table in EXPECTED
        if lake.exists(table)
    }


def assert_exact(lake: Lake) -> None:
    """Every row is there, once."""
    assert counts(lake) == EXPECTED
    assert lake.query("select count(distinct build_id) from core.builds").item() == 2228
    raw = lake.query("select count(*), count(distinct payload_id) from raw.jenkins").row(0)
    assert raw[0] == raw[1]


def test_everything_lands_in_the_lake_once(fake: Jenkins, reader: Make, lake: Lake) -> None:
    busy(fake)
    done = run(lake, reader())
    assert done.error is None
    assert done.conform.rejected == done.conform.quarantined == 0
    assert_exact(lake)


def test_a_second_run_asks_once_and_writes_no_file(fake: Jenkins, reader: Make, lake: Lake) -> None:
    busy(fake)
    run(lake, reader())
    before, version = sorted(lake.root.rglob("*")), lake.version()
    fake.seen.clear()
    done = run(lake, reader())
    assert len(fake.seen) == done.pull.requests == 1
    assert lake.version() == version
    assert sorted(lake.root.rglob("*")) == before


def test_a_running_build_becomes_its_result_in_the_lake(
    fake: Jenkins, reader: Make, lake: Lake
) -> None:
    busy(fake)
    run(lake, reader())
    fake.jobs["shop/ship"].finish(16, "UNSTABLE")
    done = run(lake, reader())
    assert done.conform.tables["core.builds"].changed == 1
    assert done.conform.tables["core.builds"].new == 0
    status = "select status, is_unstable from core.builds where build_id = 'ci:shop/ship#16'"
    assert lake.query(status).row(0) == ("failed", True)


def test_a_log_that_grows_is_stored_once_and_read_on(
    fake: Jenkins, reader: Make, lake: Lake
) -> None:
    job = fake.job("shop/x", build(1, None))
    job.growing, whole = {1}, [b"line %d\n" % number for number in range(1, 31)]
    for end in (10, 20, 30):
        job.logs[1] = b"".join(whole[:end])
        done = run(lake, reader(logs="all"))
        assert done.conform.tables["core.log_lines"].new == 10
    job.growing, _ = set(), job.finish(1)
    run(lake, reader(logs="all"))
    numbers = "select count(*), count(distinct line), min(line), max(line) from core.log_lines"
    assert lake.query(numbers).row(0) == (30, 30, 1, 30)
    starts = [path.rpartition("=")[2] for path in fake.asked("progressiveText")]
    assert starts == ["0", *(str(sum(map(len, whole[:end]))) for end in (10, 20, 30))]


def test_core_can_be_made_again_from_raw(fake: Jenkins, reader: Make, lake: Lake) -> None:
    from assets.load import conform

    busy(fake)
    ci = reader()
    run(lake, ci)
    order = "select * from core.builds order by build_id"
    before = lake.query(order)
    conform(lake, ci.source, ci.source.instance, full=True, processes=1)
    assert lake.query(order).equals(before)
    assert counts(lake) == EXPECTED


def test_what_came_before_an_error_is_in_core_and_health_tells(
    fake: Jenkins, reader: Make, lake: Lake
) -> None:
    busy(fake)
    fake.fault("job/shop/job/test/api", "400", times=99)
    done = run(lake, reader())
    assert done.error is not None
    assert lake.query("select count(*) from core.builds").item() == 2200 + 16
    status, error, hint = lake.query("select status, error, hint from ops.source_health").row(0)
    assert (status, "HTTP 400" in error, bool(hint)) == ("failed", True, True)
    fake.faults.clear()
    run(lake, reader())
    assert_exact(lake)


def killed(fake: Jenkins, home: Path, at_request: int) -> int:
    """Run an ingest in a process that is killed when its n-th request arrives."""
    command = [sys.executable, "-c", CHILD, json.dumps(sys.path), str(home), fake.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        real, seen = fake.answer, []

        def deadly(asked: Asked) -> Reply:
            seen.append(asked)
            if len(seen) == at_request:
                os.kill(child.pid, signal.SIGKILL)
            return real(asked)

        fake.answer = deadly
        child.wait(60)
        fake.answer = real
    return child.returncode


@pytest.mark.parametrize("at_request", [2, 4, 9, 25])
def test_a_kill_between_requests_loses_and_doubles_nothing(
    fake: Jenkins, reader: Make, lake: Lake, home: Path, at_request: int
) -> None:
    busy(fake)
    assert killed(fake, home, at_request) == -signal.SIGKILL
    run(lake, reader())
    assert_exact(lake)


@pytest.mark.slow
def test_ten_kills_in_a_row_lose_and_double_nothing(
    fake: Jenkins, reader: Make, lake: Lake, home: Path
) -> None:
    busy(fake)
    dice = random.Random(7)
    fake.latency_s = 0.01
    kills = sum(killed(fake, home, dice.randint(1, 6)) == -signal.SIGKILL for _ in range(10))
    assert kills > 2
    run(lake, reader())
    assert_exact(lake)
