"""GoLive reads a real Buildbot end to end: what ran, why it failed, what waits, what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buildbot_master import PASSWORD, Master, waited

from assets.load import IngestResult, conform, ingest
from golive_core.errors import SourceAuthError
from golive_core.http import Http
from golive_core.lake import Lake
from ingest.sources.buildbot import Buildbot

pytestmark = pytest.mark.slow
Ask = Callable[[str], list[tuple[object, ...]]]
Make = Callable[..., Buildbot]
REVISION = "a" * 40


@pytest.fixture(scope="session")
def ran(master: Master) -> dict[str, dict]:
    """Return one ended build of each builder that ends by itself."""
    given = {"reason": "by hand", "branch": "refs/heads/main", "revision": REVISION}
    requests = {name: master.force(name, **given) for name in ("pass", "fail", "warn")}
    builds = {name: master.ended(request) for name, request in requests.items()}
    master.change(
        author="ann <ann@example.org>", revision="b" * 40, branch="main", comments="mend",
        files="[]", repository="https://git.example.org/shop.git", project="shop",
    )  # fmt: skip
    builds["push"] = waited(lambda: newest(master, "push"), "the change is built")
    return builds


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many requests each client has sent that was closed since."""
    counts: list[int] = []
    close = Http.close

    def counting(self: Http) -> None:
        counts.append(self.requests)
        close(self)

    monkeypatch.setattr(Http, "close", counting)
    return counts


def newest(master: Master, builder: str) -> dict | None:
    found = master.get(f"builders/{builder}/builds?order=-number&limit=1")["builds"]
    return found[0] if found and found[0]["complete"] else None


@pytest.fixture
def slow(master: Master) -> Iterator[int]:
    """Return the request of a build that runs until `master.go` is there."""
    master.go.unlink(missing_ok=True)
    request = master.force("slow")
    master.started(request)
    yield request
    master.go.touch()
    master.ended(request)


def run(lake: Lake, source: Buildbot) -> IngestResult:
    done = ingest(lake, source, source.instance, processes=1)
    assert done.error is None
    assert (done.conform.rejected, done.conform.quarantined) == (0, 0)
    return done


def test_builds_land_with_why_they_ran_and_how_they_ended(
    lake: Lake, ran: dict[str, dict], source: Make, ask: Ask
) -> None:
    run(lake, source())
    rows = ask(
        "select pipeline_id, status, note, trigger, triggered_by, commit_sha, branch, runner, "
        "queue_s >= 0 and duration_s >= 0 and started_at >= queued_at from core.builds "
        "where number = 1 and pipeline_id <> 'bb:slow' order by 1"
    )
    failed = ran["fail"]["state_string"]
    assert rows == [
        ("bb:fail", "failed", failed, "manual", "bot", REVISION, "main", "local", True),
        ("bb:pass", "passed", None, "manual", "bot", REVISION, "main", "local", True),
        ("bb:push", "passed", None, "push", "ann <ann@example.org>", "b" * 40, "main", "local",
         True),
        ("bb:warn", "passed", rows[3][2], "manual", "bot", REVISION, "main", "local", True),
    ]  # fmt: skip
    assert str(rows[3][2]).startswith("warnings ")
    pipelines = "select name from core.pipelines where not is_deleted order by 1"
    assert [name for (name,) in ask(pipelines)] == ["fail", "pass", "push", "slow", "warn"]
    runners = "select name, is_online, is_deleted from core.runners"
    assert ask(runners) == [("local", True, False)]


def test_a_failure_is_told_by_its_stages_and_its_log(
    lake: Lake, ran: dict[str, dict], source: Make, ask: Ask
) -> None:
    run(lake, source())
    assert ask("select name, status from core.stages where build_id = 'bb:fail#1'") == [
        ("worker_preparation", "passed"), ("compile", "passed"), ("test", "failed"),
    ]  # fmt: skip
    lines = ask(
        "select service, message, level, attributes ->> 'stream' from core.log_lines "
        "where build_id = 'bb:fail#1' and message like 'ValueError%'"
    )
    assert lines == [("fail/test", "ValueError: no rate for XX", "error", "stderr")]
    numbers = ask("select count(*), min(line), max(line) from core.log_lines")
    assert numbers[0][0] == numbers[0][2]
    assert numbers[0][1] == 1


def test_a_report_that_a_step_kept_as_a_log_gives_results(
    lake: Lake, ran: dict[str, dict], source: Make, ask: Ask
) -> None:
    run(lake, source())
    results = ask(
        "select t.name, r.status, f.message, r.commit_sha from core.test_results r "
        "join core.tests t using (test_id) left join core.failures f using (failure_id) "
        "where r.build_id = 'bb:pass#1' order by 1"
    )
    assert results == [
        ("test_sum", "passed", None, REVISION), ("test_tax", "failed", "1 != 2", REVISION),
    ]  # fmt: skip


def test_a_second_run_costs_a_sign_in_and_three_requests_and_writes_nothing(
    lake: Lake, ran: dict[str, dict], source: Make, asked: list[int], ask: Ask
) -> None:
    run(lake, source())
    version, first = lake.version(), sum(asked)
    asked.clear()
    run(lake, source())
    assert sum(asked) == 4 < first / 3
    assert lake.version() == version
    asked.clear()
    cursors = ask("select stream, cursor from ops.cursors where role = 'pull'")
    assert not any(source().has_news(str(name), json.loads(str(at))) for name, at in cursors)
    assert asked == [2]


def test_a_build_is_seen_to_run_and_to_end_and_its_log_is_stored_once(
    lake: Lake, master: Master, source: Make, ask: Ask, request: pytest.FixtureRequest
) -> None:
    every = source(logs="all", state_minutes=0)
    run(lake, every)
    waiting = request.getfixturevalue("slow")
    cursor = ask("select cursor from ops.cursors where stream = 'builds' and role = 'pull'")
    assert every.has_news("builds", json.loads(str(cursor[0][0]))) is True
    queued = master.force("pass")
    build = master.build_of(waiting)
    waited(lambda: "waits" in master.log(build, "wait"), "the worker sends what was printed")
    run(lake, every)
    number = build["number"]
    status = (
        f"select status, finished_at is null from core.builds where build_id = 'bb:slow#{number}'"
    )
    item = f"select pipeline_id, left_at from core.queue_items where queue_item_id = 'bb:{queued}'"
    assert ask(status) == [("running", True)]
    waits = f"select count(*) from core.log_lines where build_id = 'bb:slow#{number}'"
    early = ask(waits)[0][0]
    assert ask(f"{waits} and message = 'waits'") == [(1,)]
    assert ask(item) == [("bb:pass", None)]
    master.go.touch()
    master.ended(queued)
    run(lake, every)
    assert ask(status) == [("passed", False)]
    assert ask(item)[0][1] is not None
    lines = (
        "select service, build_id, count(*), count(distinct line) from core.log_lines group by all"
    )
    before = sorted(ask(lines))
    assert all(rows == distinct for _, _, rows, distinct in before)
    assert ask(waits)[0][0] > early
    chunks = "select count(*) from raw.buildbot where context ->> 'service' = 'slow/wait'"
    assert ask(f"{chunks} and context ->> 'build' = 'bb:slow#{number}'") == [(2,)]
    run(lake, source(logs="all"))
    assert sorted(ask(lines)) == before
    conform(lake, every, every.instance, full=True, processes=1)
    assert ask(status) == [("passed", False)]


def test_a_cancelled_build_is_cancelled(
    lake: Lake, master: Master, slow: int, source: Make, ask: Ask
) -> None:
    build = master.build_of(slow)
    master.post(f"builds/{build['buildid']}", "stop", reason="enough")
    assert master.ended(slow)["results"] == 6
    run(lake, source())
    status = "select status, note from core.builds where build_id = 'bb:slow#{}'"
    assert ask(status.format(build["number"]))[0][0] == "cancelled"


def test_many_ended_builds_are_read_page_by_page_from_the_real_server(
    lake: Lake, ran: dict[str, dict], source: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sources.buildbot.PAGE", 2)
    monkeypatch.setattr("ingest.sources.buildbot.LINES", 7)
    run(lake, source(log_lines=20))
    assert ask("select count(*) >= 4, count(*) = count(distinct build_id) from core.builds") == [
        (True, True)
    ]
    kept = ask("select count(*), max(line) > 20 from core.log_lines where build_id = 'bb:fail#1'")
    assert kept == [(20, True)]


def test_doctor_knows_whom_the_server_knows(source: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one.check: one for one in source().check()}
    assert {one.state for one in found.values()} == {"ok"}
    assert found["user"].detail == "as bot"
    assert found["version"].detail.startswith("Buildbot 4.")
    assert found["builders"].detail == "5 of 5 builders"
    monkeypatch.setenv("BUILDBOT_PASSWORD", "hunter2")
    wrong = list(source().check())
    assert [(one.check, one.state) for one in wrong] == [("authorised", "failed")]
    assert "hunter2" not in str(wrong)


def test_who_is_not_signed_in_is_told_so(lake: Lake, source: Make) -> None:
    anonymous = source(user="", token="")
    done = ingest(lake, anonymous, anonymous.instance, processes=1)
    assert isinstance(done.error, SourceAuthError)
    assert done.error.hint


def test_the_command_line_shows_the_failure(
    master: Master, ran: dict[str, dict], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.parent
    (folder / "golive.toml").write_text(
        '[project.shop]\nname = "Shop"\n[source.bb]\ntype = "buildbot"\nproject = "shop"\n'
        f'url = "{master.url}"\nuser = "bot"\ntoken = "env:BUILDBOT_PASSWORD"\n'
    )
    monkeypatch.setenv("BUILDBOT_PASSWORD", PASSWORD)
    golive = [sys.executable, "-c", "from golive_cli.main import main; main()"]
    subprocess.run([*golive, "ingest", "bb"], cwd=folder, check=True, timeout=60)
    query = "select message from core.log_lines where level = 'error' and build_id = 'bb:fail#1'"
    shown = subprocess.run(
        [*golive, "sql", query], cwd=folder, check=True, timeout=60, capture_output=True, text=True
    )
    assert "ValueError: no rate for XX" in shown.stdout


def test_a_client_that_could_not_sign_in_is_closed(
    source: Make, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    monkeypatch.setenv("BUILDBOT_PASSWORD", "hunter2")
    with pytest.raises(SourceAuthError):
        source().http()
    assert asked == [1]
