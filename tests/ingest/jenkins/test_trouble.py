"""Trouble on the way to a Jenkins: a clear error, the cursor intact, the rest goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jenkins_reader import Reader
from jenkins_server import Jenkins, build

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceAuthError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import Endpoint, Http
from golive_core.http.limits import FOLDER
from golive_core.settings import Instance
from ingest import registry
from ingest.jenkins.doctor import crumb
from ingest.source import Context

Make = Callable[..., Reader]
PASSING = ("500", "reset", "cut", "half", "503")


def three_jobs(fake: Jenkins) -> None:
    for name in ("a", "b", "c"):
        fake.job(name, *(build(number) for number in range(1, 11)))


@pytest.mark.parametrize("kind", PASSING)
def test_trouble_that_passes_is_not_noticed(fake: Jenkins, reader: Make, kind: str) -> None:
    three_jobs(fake)
    fake.fault("job/b/api", kind, times=2)
    ci = reader()
    ci.pull()
    assert ci.error is None
    assert ci.builds().height == 30


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("500", SourceUnreachableError), ("reset", SourceUnreachableError),
        ("cut", SourceUnreachableError), ("half", SourceDataError), ("400", SourceDataError),
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_read_is_told_and_the_others_go_on(
    fake: Jenkins, reader: Make, kind: str, error: type[GoLiveError]
) -> None:
    three_jobs(fake)
    fake.fault("job/b/api", kind, times=3)
    ci = reader(in_flight=1)
    ci.pull()
    assert isinstance(ci.error, error)
    assert ci.error.where.startswith("ci: http://127.0.0.1:")
    assert "/job/b/api/json" in ci.error.where
    assert ci.error.hint
    assert set(ci.builds()["pipeline_id"]) == {"ci:a", "ci:c"}
    fake.faults.clear()
    ci.pull()
    assert ci.error is None
    assert ci.builds().height == 30
    assert ci.core()["core.builds"].height == 30


def test_a_server_that_goes_down_ends_the_pull_early(fake: Jenkins, reader: Make) -> None:
    for number in range(50):
        fake.job(f"job-{number:02}", build(1))
    fake.fault("job/job-1", "reset", times=1000)
    fake.fault("job/job-2", "reset", times=1000)
    ci = reader(in_flight=1)
    ci.pull()
    assert isinstance(ci.error, SourceUnreachableError)
    assert ci.builds().height == 10
    assert len(fake.seen) < 30


@pytest.mark.parametrize(("user", "kind"), [("bot", "401"), ("", "403")])
def test_a_wrong_or_missing_token_is_an_auth_error(
    fake: Jenkins, reader: Make, user: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "hunter2secret")
    three_jobs(fake)
    fake.token = "right"
    ci = reader(**({"user": user, "token": "env:WRONG"} if user else {}))
    ci.pull()
    assert isinstance(ci.error, SourceAuthError)
    assert kind in ci.error.what
    assert "token" in ci.error.hint
    assert "hunter2secret" not in str(ci.error)
    assert ci.cursor == {"jobs": {}}
    assert len(fake.seen) == 1


def test_the_right_token_is_read_from_where_it_is_kept(
    fake: Jenkins, reader: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGHT", "right")
    three_jobs(fake)
    fake.token = "right"
    ci = reader(user="bot", token="env:RIGHT")
    ci.pull()
    assert ci.builds().height == 30


def test_a_token_that_is_not_set_names_its_variable(fake: Jenkins, reader: Make) -> None:
    ci = reader(user="bot", token="env:MISSING")
    ci.pull()
    assert isinstance(ci.error, SettingsError)
    assert "MISSING" in str(ci.error)


@pytest.mark.parametrize("where", ["?tree=jobs", "job/b/api"])
def test_a_login_page_that_answers_200_is_an_auth_error(
    fake: Jenkins, reader: Make, where: str
) -> None:
    three_jobs(fake)
    fake.fault(where, "login", times=9)
    ci = reader(in_flight=1)
    ci.pull()
    assert isinstance(ci.error, SourceAuthError)
    assert "a web page came back instead of data" in ci.error.what
    fake.faults.clear()
    ci.pull()
    assert ci.builds().height == 30


def test_a_short_throttle_is_waited_out_and_a_long_one_ends_the_pull(
    fake: Jenkins, reader: Make, home: Path
) -> None:
    three_jobs(fake)
    fake.fault("job/a/api", "429", seconds=1)
    fake.fault("job/b/api", "429", seconds=600)
    ci = reader(in_flight=1)
    ci.pull()
    assert isinstance(ci.error, SourceThrottledError)
    assert ci.error.retry_after_s == 600
    assert set(ci.builds()["pipeline_id"]) == {"ci:a"}
    asked = len(fake.seen)
    ci.pull()
    assert isinstance(ci.error, SourceThrottledError)
    assert len(fake.seen) == asked
    shutil.rmtree(home / FOLDER)
    ci.pull()
    assert ci.builds().height == 30


def test_a_slow_server_is_given_up_in_time(fake: Jenkins, reader: Make) -> None:
    three_jobs(fake)
    fake.fault("?tree=jobs", "slow", times=9, seconds=3)
    ci = reader(timeout_s=0.1)
    ci.pull()
    assert isinstance(ci.error, SourceUnreachableError)
    assert "no answer in time" in ci.error.what


def test_a_job_that_vanishes_between_two_requests_is_no_error(fake: Jenkins, reader: Make) -> None:
    three_jobs(fake)
    fake.fault("job/b/api", "404")
    ci = reader()
    ci.pull()
    assert ci.error is None
    del fake.jobs["b"]
    ci.pull()
    deleted = ci.core()["core.pipelines"].filter("is_deleted")["name"]
    assert deleted.to_list() == ["b"]


def test_an_answer_larger_than_allowed_is_refused(fake: Jenkins, reader: Make) -> None:
    fake.job("big", *(build(n, description="x" * 3000) for n in range(1, 900)))
    fake.job("small", build(1))
    ci = reader(max_body_mib=1)
    ci.pull()
    assert isinstance(ci.error, SourceDataError)
    assert "more than 1 MiB" in ci.error.what
    assert ci.builds().height == 1


def test_what_is_no_jenkins_is_told(fake: Jenkins, reader: Make) -> None:
    fake.answer = lambda asked: (200, b"[1, 2]", {})
    ci = reader()
    ci.pull()
    assert isinstance(ci.error, SourceDataError)
    assert "not a JSON object: [1, 2]" in ci.error.what


def test_doctor_finds_all_well(
    fake: Jenkins, reader: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGHT", "right")
    three_jobs(fake)
    fake.token = "right"
    found = {one.check: one for one in reader(user="bot", token="env:RIGHT").source.check()}
    assert {name: one.state for name, one in found.items()} == {
        "reachable": "ok", "authorised": "ok", "jobs": "ok", "clock": "ok", "runners": "ok",
        "queue": "ok", "quota": "ok",
    }  # fmt: skip
    assert found["reachable"].detail == "Jenkins 2.479.1"
    assert found["authorised"].detail == "as bot"
    assert found["jobs"].detail == "3 of 3 visible jobs"


def test_doctor_tells_of_clocks_that_differ_and_jobs_that_cannot_be_seen(
    fake: Jenkins, reader: Make
) -> None:
    fake.clock_s = -3600
    found = {one.check: one for one in reader().source.check()}
    assert found["clock"].state == "warning"
    assert "s behind this machine" in found["clock"].detail
    assert found["jobs"].state == "warning"
    assert found["authorised"].detail == "anonymously"


def test_doctor_tells_what_to_do_when_nothing_answers(fake: Jenkins, reader: Make) -> None:
    fake.fault("", "login", times=9)
    found = list(reader().source.check())
    assert [one.state for one in found] == ["failed"]
    assert "web page" in found[0].detail
    assert found[0].hint


def test_a_crumb_is_had_where_the_server_wants_one(fake: Jenkins) -> None:
    with Http(Endpoint(fake.url, where="ci")) as http:
        assert crumb(http) == {"Jenkins-Crumb": "c1"}
        fake.fault("crumbIssuer", "404")
        assert crumb(http) == {}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "url: Field required"),
        ({"url": "ci.example.org"}, "begin it with https://"),
        ({"url": "http://x", "logs": "some"}, "logs: Input should be 'failed', 'all' or 'none'"),
        ({"url": "http://x", "colour": 1}, "colour: Extra inputs"),
    ],
)
def test_wrong_options_are_named_with_an_example(options: dict, text: str, home: object) -> None:
    with pytest.raises(SettingsError) as caught:
        registry.build(Instance("ci", "jenkins", "shop", options), Context(home, home))
    assert text in caught.value.what
    assert 'token = "env:JENKINS_TOKEN"' in caught.value.hint
