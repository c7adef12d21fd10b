"""What every source of a server keeps, whatever it reads. A source passes only if all do."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from contract_stage import FILES, TOKEN, Stage, module

from assets.load import conform
from golive_core.errors import (
    SettingsError,
    SourceAuthError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)
from ingest import registry
from ingest.source import Context, Finding, Instance

FILE_SOURCES = {"git", "junit", "reports", "logs", "focus"}
"""Sources of files and repositories: no server, so no contract with one."""


def test_every_source_of_a_server_has_a_case() -> None:
    types = {module(path).CASE.source.type for path in FILES.values()}
    assert set(registry.sources()) - FILE_SOURCES <= types


def test_everything_lands_once(filled: Stage) -> None:
    done = filled.ingest()
    assert done.error is None
    assert (done.conform.rejected, done.conform.quarantined) == (0, 0), filled.lake.query(
        "select reason, uri from ops.quarantine"
    ).rows()
    assert filled.rows() == filled.world.expected()
    rows, payloads = filled.raw()
    assert rows == payloads > 0


def test_an_empty_account_is_no_error(stage: Stage) -> None:
    assert stage.ingest().error is None


def test_a_second_run_asks_little_and_writes_nothing(filled: Stage) -> None:
    filled.ingest()
    before, version = sorted(filled.lake.root.rglob("*")), filled.lake.version()
    filled.world.seen.clear()
    done = filled.ingest()
    assert done.error is None
    assert len(filled.world.seen) <= filled.case.second_run
    assert filled.lake.version() == version
    assert sorted(filled.lake.root.rglob("*")) == before


def test_news_are_seen_by_asking_cheaply(filled: Stage) -> None:
    source = filled.source()
    filled.ingest()
    for stream in source.streams:
        cursor = cursor_of(filled, stream.name)
        filled.world.seen.clear()
        assert source.has_news(stream.name, cursor) is False
        assert len(filled.world.seen) <= 1
    filled.world.change()
    news = [source.has_news(one.name, cursor_of(filled, one.name)) for one in source.streams]
    assert any(news)


def cursor_of(stage: Stage, stream: str) -> dict | None:
    found = stage.lake.query(
        "select cursor from ops.cursors where instance = 'it' and stream = ? and role = 'pull'",
        [stream],
    )
    return json.loads(found.item()) if found.height else None


def seen(stage: Stage, what: object) -> None:
    query = f"select {what.column} from {what.table} where {what.where}"
    assert stage.lake.query(query).to_series().to_list() == [what.value]


def test_a_changed_entity_is_changed(filled: Stage) -> None:
    filled.ingest()
    changed = filled.world.change()
    done = filled.ingest()
    assert done.error is None
    seen(filled, changed)
    assert filled.rows() == filled.world.expected()


def test_a_change_is_seen_where_clocks_differ(filled: Stage) -> None:
    filled.world.clock_s = -7200
    filled.ingest()
    changed = filled.world.change()
    filled.ingest()
    seen(filled, changed)


def test_a_deleted_entity_is_marked_and_kept(filled: Stage) -> None:
    filled.ingest()
    gone = filled.world.delete()
    done = filled.ingest()
    assert done.error is None
    if gone:
        seen(filled, gone)
    assert filled.rows() == filled.world.expected()


@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_the_boundary_of_a_page_loses_nothing(stage: Stage, beside: int) -> None:
    if stage.case.page is None:
        return  # a list that is not paged
    expected = stage.case.page(stage.world, 2 * stage.case.page_size + beside)
    assert stage.ingest().error is None
    assert stage.rows() == dict(expected)


@pytest.mark.parametrize("trouble", ["500", "reset", "cut", "half", "429"])
def test_trouble_that_passes_is_not_noticed(filled: Stage, trouble: str) -> None:
    filled.world.fault(filled.case.main, trouble, times=2, seconds=0)
    assert filled.ingest().error is None
    assert filled.rows() == filled.world.expected()


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("500", SourceUnreachableError), ("reset", SourceUnreachableError),
        ("403", SourceAuthError), ("404", SourceError), ("login", SourceAuthError),
        ("half", SourceError), ("429", SourceThrottledError),
    ],
)  # fmt: skip
def test_trouble_that_stays_is_told_and_nothing_is_lost(
    filled: Stage, trouble: str, kind: type[SourceError]
) -> None:
    filled.world.fault(filled.case.main, trouble, times=999, seconds=900)
    error = filled.ingest().error
    assert isinstance(error, kind), error
    assert error.hint
    assert error.where.startswith("it")
    filled.world.faults.clear()
    filled.end_of_pause()
    assert filled.ingest().error is None
    assert filled.rows() == filled.world.expected()


def test_a_server_that_wants_rest_is_left_alone_until_then(filled: Stage) -> None:
    filled.world.fault(filled.case.main, "429", times=999, seconds=900)
    filled.ingest()
    filled.world.faults.clear()
    filled.world.seen.clear()
    assert isinstance(filled.ingest().error, SourceThrottledError)
    assert filled.world.seen == []


def test_a_pull_leaves_a_reserve_and_goes_on_when_the_quota_is_full(filled: Stage) -> None:
    filled.world.limits = quota(left=20)
    error = filled.ingest().error or filled.ingest().error
    assert isinstance(error, SourceThrottledError)
    assert "reserve" in error.what
    filled.world.limits = quota(left=900)
    filled.end_of_pause()
    assert filled.ingest().error is None
    assert filled.rows() == filled.world.expected()


def quota(*, left: int) -> dict[str, str]:
    """Return what a server says that has `left` of 1000 requests left for half an hour."""
    return {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": f"{time.time() + 1800:.0f}"}  # fmt: skip


def test_a_slow_body_is_given_up_in_time(filled: Stage) -> None:
    filled.world.fault(filled.case.main, "slow", times=99, seconds=0.5)
    error = filled.ingest(timeout_s=0.05).error
    assert isinstance(error, SourceUnreachableError)


def test_a_wrong_token_is_told_without_repeating_it(
    guarded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTRACT_TOKEN", "hunter2-wrong")
    error = guarded.ingest().error
    assert isinstance(error, SourceAuthError)
    assert "hunter2" not in str(error)
    assert guarded.rows() == {}
    monkeypatch.setenv("CONTRACT_TOKEN", TOKEN)
    assert guarded.ingest().error is None
    assert guarded.rows() == guarded.world.expected()


def doctor(stage: Stage) -> dict[str, list[Finding]]:
    """Return what doctor says, by check; whatever is not well names its mend."""
    found: dict[str, list[Finding]] = {}
    for one in stage.source().check():
        assert one.state == "ok" or one.hint, one
        found.setdefault(one.check, []).append(one)
    return found


def failures(found: dict[str, list[Finding]]) -> list[Finding]:
    return [one for several in found.values() for one in several if one.state == "failed"]


def test_doctor_finds_all_well(guarded: Stage) -> None:
    found = doctor(guarded)
    assert {one.state for several in found.values() for one in several} == {"ok"}, found
    assert {"reachable", "authorised", "clock", "quota"} <= found.keys()
    assert "no limit" in found["quota"][0].detail


def test_doctor_knows_a_wrong_token(guarded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTRACT_TOKEN", "hunter2-wrong")
    bad = failures(doctor(guarded))
    assert [one.check for one in bad] == ["authorised"]
    assert guarded.case.refusal in bad[0].detail
    assert "hunter2" not in str(bad)


def test_doctor_names_the_stream_that_the_token_may_not_read(filled: Stage) -> None:
    filled.world.fault(filled.case.main, "403", times=999)
    found = doctor(filled)
    bad = failures(found)
    assert bad
    assert all("403" in one.detail for one in bad)
    if bad[0].check == "authorised":
        return  # the list is what any user may ask for: nothing can be read
    assert {one.check for one in bad} == {"scopes"}
    hints = {one.detail.partition(":")[0]: one.hint for one in bad}
    streams, needs = {one.name for one in filled.case.source.streams}, filled.case.source.needs
    assert hints.keys() <= streams
    for stream, hint in hints.items():
        assert hint.startswith(f"The token needs {needs.get(stream, 'read access to it')}")
    readable = ", ".join(one.detail for one in found["scopes"] if one.state == "ok")
    assert all(name in readable for name in streams - hints.keys())


def test_doctor_tells_of_a_clock_that_differs(filled: Stage) -> None:
    for seconds, state in ((3600, "warning"), (-40, "warning"), (20, "ok")):
        filled.world.clock_s = seconds
        (clock,) = doctor(filled)["clock"]
        assert clock.state == state
    filled.world.clock_s = 3600
    (clock,) = doctor(filled)["clock"]
    assert "ahead of this machine" in clock.detail
    assert "NTP" in clock.hint


def test_doctor_tells_what_is_left_of_the_quota(filled: Stage) -> None:
    filled.world.limits = quota(left=900)
    (plenty,) = doctor(filled)["quota"]
    assert plenty.state == "ok"
    assert plenty.detail.startswith("900 of 1,000 left, full again in ")
    filled.world.limits = quota(left=50)
    (low,) = doctor(filled)["quota"]
    assert low.state == "warning"
    assert low.detail.startswith("50 of 1,000 left, full again in ")
    filled.world.limits = quota(left=15)
    found = doctor(filled)
    assert found["quota"][0].state == "warning"
    assert "the reserve" in found["quota"][0].detail
    assert failures(found) == []


def test_doctor_says_that_a_source_is_paused_and_does_not_ask(filled: Stage) -> None:
    filled.world.fault(filled.case.main, "429", times=999, seconds=900)
    filled.ingest()
    filled.world.faults.clear()
    filled.world.seen.clear()
    found = doctor(filled)
    assert failures(found) == []
    assert "in 15 min" in found["quota"][0].detail
    assert filled.world.seen == []


def test_doctor_that_is_refused_for_limits_says_so_once(filled: Stage) -> None:
    filled.world.fault(filled.case.main, "429", times=999, seconds=900)
    found = doctor(filled)
    assert failures(found) == []
    (paused,) = found["quota"]
    assert paused.state == "warning"
    assert "in 15 min" in paused.detail


def test_doctor_knows_a_login_page_from_an_api(filled: Stage) -> None:
    filled.world.fault("", "login", times=999)
    bad = failures(doctor(filled))
    assert [one.check for one in bad] == ["authorised"]
    assert "web page" in bad[0].detail
    assert "page for people" in bad[0].hint


def test_options_that_are_wrong_are_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = stage.case.source
    monkeypatch.setattr(registry, "sources", lambda: {kind.type: kind})
    wrong = Instance("it", kind.type, "shop", {"url": "ftp://x", "colour": "red"})
    with pytest.raises(SettingsError) as caught:
        registry.build(wrong, Context(stage.home, stage.home))
    assert "colour" in caught.value.what


def test_core_is_made_again_from_raw_row_by_row(
    filled: Stage, dump: Callable[[], dict[str, list]]
) -> None:
    filled.ingest()
    filled.world.change()
    filled.ingest()
    before = dump()
    filled.world.seen.clear()
    source = filled.source()
    conform(filled.lake, source, source.instance, full=True, processes=1)
    assert filled.world.seen == []
    assert dump() == before


CHILD = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
from assets import load
from contract_stage import FILES, module
from golive_core.lake import Lake
from ingest import batch
from ingest.source import Context, Finding, Instance
batch.FULL_PAYLOADS = 1
home, case = Path(sys.argv[2]), module(FILES[sys.argv[3]]).CASE
instance = Instance("it", case.source.type, "shop", dict(case.options(sys.argv[4])))
print("ready", flush=True)
source = case.source(instance, Context(home, home.parent))
load.ingest(Lake(home / "lake"), source, instance, processes=1)
"""


def killed(stage: Stage, at_request: int) -> int:
    """Ingest in a process that is killed when its n-th request arrives."""
    command = [sys.executable, "-c", CHILD, json.dumps(sys.path), str(stage.home), stage.name]
    with subprocess.Popen([*command, stage.world.url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        real, count = stage.world.answer, []

        def deadly(asked: object) -> object:
            count.append(asked)
            if len(count) == at_request:
                os.kill(child.pid, signal.SIGKILL)
            return real(asked)

        stage.world.answer = deadly
        child.wait(60)
        stage.world.answer = real
    return child.returncode


def test_kills_between_requests_lose_and_double_nothing(filled: Stage) -> None:
    dice = random.Random(filled.name)
    codes = [killed(filled, dice.randint(*filled.case.kill_at)) for _ in range(3)]
    assert -signal.SIGKILL in codes
    assert filled.ingest().error is None
    assert filled.rows() == filled.world.expected()
    rows, payloads = filled.raw()
    assert rows == payloads
