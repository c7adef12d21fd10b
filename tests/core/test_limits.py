"""Pauses and quotas: heeded by a client, and by every other process of the same home."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from limits_server import Limited, serving_limited

from golive_core.errors import SourceError, SourceThrottledError
from golive_core.http import Endpoint, Http, Request, Retry
from golive_core.http.limits import FOLDER, Known, Limits, known, span, whose
from golive_core.http.quota import Quota

QUICK = Retry(first_s=0.01, total_s=1, chance=lambda: 0.0)
ONCE = Retry(attempts=1, total_s=1, chance=lambda: 0.0)


@contextmanager
def asking(
    server: Limited, home: Path | None, name: str = "hub", **options: object
) -> Iterator[Http]:
    settings = {"retry": QUICK, "headers": {"Authorization": "Bearer one"}, **options}
    with Http(Endpoint(server.url, where=name, home=home, **settings)) as http:
        yield http


@pytest.fixture
def server() -> Iterator[Limited]:
    with serving_limited() as one:
        yield one


def test_without_limits_nothing_is_written(server: Limited, tmp_path: Path) -> None:
    with asking(server, tmp_path) as http:
        http.fetch(Request("x"))
    assert not (tmp_path / FOLDER).exists()
    assert known(tmp_path, "hub") == Known()
    assert known(tmp_path, "hub").shown() == ""


def test_what_is_left_is_known_to_others(server: Limited, tmp_path: Path) -> None:
    server.left(4990, of=5000, ends_s=600)
    with asking(server, tmp_path) as http:
        http.fetch(Request("x"))
    assert known(tmp_path, "hub").shown() == "4,989 of 5,000 left, full again in 10 min"
    assert (tmp_path / FOLDER / "hub.json").stat().st_mode & 0o077 == 0
    assert '"one"' not in (tmp_path / FOLDER / "hub.json").read_text()


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refusal_pauses_that_source_alone(server: Limited, tmp_path: Path, status: int) -> None:
    server.status, server.headers = status, {"Retry-After": "600"}
    with asking(server, tmp_path) as http, pytest.raises(SourceThrottledError) as caught:
        http.fetch(Request("x"))
    assert "asked to come back in 10 min" in caught.value.what
    assert "by itself" in caught.value.hint
    server.answer_all()
    asked = server.asked
    with asking(server, tmp_path) as again, pytest.raises(SourceThrottledError) as caught:
        again.fetch(Request("x"))
    assert server.asked == asked
    assert caught.value.where == "hub"
    assert 590 < caught.value.retry_after_s <= 600
    assert f"HTTP {status}" in caught.value.what
    with asking(server, tmp_path, "other") as other:
        assert other.fetch(Request("x")).status == 200


def test_a_short_pause_is_waited_for(server: Limited, tmp_path: Path) -> None:
    server.status, server.headers, server.times = 429, {"Retry-After": "0.3"}, 1
    began = time.monotonic()
    with asking(server, tmp_path) as http:
        assert [one.status for one in http.fetch_all(Request(f"{n}") for n in range(3))] == [
            200
        ] * 3
    assert time.monotonic() - began >= 0.3


def test_another_token_has_limits_of_its_own(server: Limited, tmp_path: Path) -> None:
    server.status, server.headers = 429, {"Retry-After": "600"}
    with asking(server, tmp_path) as http, pytest.raises(SourceThrottledError):
        http.fetch(Request("x"))
    server.answer_all()
    with asking(server, tmp_path, headers={"PRIVATE-TOKEN": "two"}) as other:
        assert other.fetch(Request("x")).status == 200


def test_one_token_is_known_in_whatever_form_it_is_sent() -> None:
    forms = [
        {"headers": {"Authorization": "Bearer t0ken"}}, {"headers": {"PRIVATE-TOKEN": "t0ken"}},
    ]  # fmt: skip
    found = set()
    for form in forms:
        with Http(Endpoint("https://hub.example.org/api", where="hub", **form)) as http:
            found.add(http.limits.known.whose)
    assert found == {whose("hub.example.org", "t0ken")}


def test_an_accepted_status_is_no_answer_where_it_is_a_refusal(server: Limited) -> None:
    server.status, server.headers = 403, {"Retry-After": "600"}
    with asking(server, None) as http, pytest.raises(SourceThrottledError):
        http.fetch(Request("x", accepts=frozenset({403})))


def test_refusals_without_a_time_pause_longer_each_time(server: Limited, tmp_path: Path) -> None:
    server.status = 429
    for seconds in (60, 120):
        with asking(server, tmp_path, retry=ONCE) as http, pytest.raises(SourceThrottledError):
            http.fetch(Request("x"))
        held = known(tmp_path, "hub")
        assert seconds - 5 < held.paused_until - time.time() <= seconds
        rewrite(tmp_path, paused_until=0.0)
    server.answer_all()
    with asking(server, tmp_path) as http:
        http.fetch(Request("x"))
    assert known(tmp_path, "hub").strikes == 0


def rewrite(home: Path, **cells: object) -> None:
    """Let time pass: change what the file says."""
    path = home / FOLDER / "hub.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **cells}))


def test_a_pull_stops_at_the_reserve_and_goes_on_later(server: Limited, tmp_path: Path) -> None:
    server.left(103, of=5000, ends_s=600)
    requests = [Request(f"{number}") for number in range(9)]
    with asking(server, tmp_path, in_flight=1) as http:
        with pytest.raises(SourceThrottledError) as caught:
            list(http.fetch_all(requests))
        assert server.asked == 3
        assert "the reserve of the quota of core is reached (100 of 5,000 left)" in str(
            caught.value
        )
        http.limits.may_use_reserve = True
        assert http.fetch(Request("doctor")).status == 200
    server.left(5000, of=5000, ends_s=3600)
    core = {"name": "core", "limit": 5000, "remaining": 100, "resets_at": time.time() - 1}
    rewrite(tmp_path, quotas={"core": core})
    with asking(server, tmp_path) as http:
        assert http.fetch(Request("x")).status == 200


def test_a_low_quota_is_spread_over_the_rest_of_a_short_window(server: Limited) -> None:
    server.left(10, of=100, ends_s=2)
    with asking(server, None, in_flight=4) as http:
        http.fetch(Request("x"))
        began = time.monotonic()
        assert len(list(http.fetch_all(Request(f"{n}") for n in range(3)))) == 3
    assert time.monotonic() - began > 0.4


def test_what_is_far_off_is_not_spread_but_stopped() -> None:
    quota = Quota("core", 5000, 300, 1000 + 1800.0)
    assert Known(quotas={"core": quota}).gap_s(1000) == 0
    near = Quota("api", 1000, None, None, is_near=True)
    assert Known(quotas={"api": near}).gap_s(1000) == 0.5
    assert Known(quotas={"core": Quota("core", 100, 60, 1060.0)}).gap_s(1000) == 0


CHILD = """
import sys
from pathlib import Path
from golive_core.errors import SourceThrottledError
from golive_core.http import Endpoint, Http, Request, Retry
url, home = sys.argv[1:]
end = Endpoint(url, where="hub", home=Path(home), headers={"Authorization": "Bearer one"},
               retry=Retry(total_s=1))
with Http(end) as http:
    http.fetch(Request("first"))
    print("first", flush=True)
    input()
    try:
        http.fetch(Request("second"))
    except SourceThrottledError as error:
        print(error.what, flush=True)
"""


def test_a_process_under_way_heeds_what_another_was_told(server: Limited, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, server.url, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "first\n"
        server.status, server.headers = 429, {"Retry-After": "600"}
        with asking(server, tmp_path) as http, pytest.raises(SourceThrottledError):
            http.fetch(Request("x"))
        server.answer_all()
        asked = server.asked
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith("HTTP 429; it is asked again in ")
    assert server.asked == asked


def test_two_clients_at_once_keep_what_each_was_told(tmp_path: Path) -> None:
    clock = [1000.0]
    one, two = (Limits("hub", tmp_path, "me", lambda: clock[0]) for _ in range(2))
    one.learn({"ratelimit": '"a";r=5;t=30'}, is_refused=False)
    clock[0] += 2
    two.learn({"ratelimit": '"b";r=0;t=40'}, is_refused=False)
    two.pause(5, "HTTP 429")
    assert set(one.known.quotas) == {"a", "b"}
    assert one.hold().until == 1042
    clock[0] += 10
    one.learn({"ratelimit": '"b";r=9;t=40'}, is_refused=False)
    assert two.hold() is None


def test_a_file_that_says_nothing_useful_is_as_none(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for content in ("", "[]", "{}", '{"quotas": {"a": {"colour": 1}}}', "\x00"):
        (tmp_path / FOLDER / "hub.json").write_text(content)
        assert known(tmp_path, "hub") == Known()


def test_a_home_that_cannot_be_written_stops_no_request(server: Limited, tmp_path: Path) -> None:
    server.left(4990, of=5000, ends_s=600)
    (tmp_path / FOLDER).write_text("in the way")
    with asking(server, tmp_path) as http:
        assert http.fetch(Request("x")).status == 200


def test_a_pause_is_never_longer_than_a_day(server: Limited, tmp_path: Path) -> None:
    server.status, server.headers = 429, {"Retry-After": "99999999"}
    with asking(server, tmp_path) as http, pytest.raises(SourceError):
        http.fetch(Request("x"))
    assert known(tmp_path, "hub").paused_until - time.time() <= 86_400


def test_spans_are_words() -> None:
    assert [span(one) for one in (0.4, 119, 120, 7000, 90_000)] == [
        "0 s", "119 s", "2 min", "117 min", "25 h",
    ]  # fmt: skip
