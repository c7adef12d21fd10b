"""What runs leave behind: artifacts, the test reports in them and the logs of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from github_reader import Reader, parse
from github_server import LOG, REPORT, T0, Github, artifact, at, run, zipped
from loopback import Asked, Loopback, Reply, serving

from golive_core.errors import SourceDataError

REPORT_CONTEXT = {"build": "hub:acme/shop/ci.yml#1", "started": at(1), "made": at(5)}
PASSED = b'<testsuite name="cart"><testcase classname="Cart" name="adds"/></testsuite>'


@pytest.fixture
def failed(world: Github, hub: Reader) -> Reader:
    """Return a reader of a run that failed at the second attempt, too."""
    world.runs[5001], world.earlier[5001, 1] = run(1, "failure", attempt=2), run(1, "failure")
    return hub


def test_results_of_a_report_are_of_the_attempt_that_kept_it(world: Github, failed: Reader) -> None:
    world.artifacts[5001] = [artifact(1, "junit", at(4)), artifact(2, "junit", at(104))]
    world.zips_by_id = {1: zipped(a=REPORT), 2: zipped(a=PASSED)}
    found = failed.pull("runs")
    results = found["core.test_results"].group_by("build_id").len().sort("build_id").rows()
    assert results == [("hub:acme/shop/ci.yml#1", 2), ("hub:acme/shop/ci.yml#1@2", 1)]
    kept = found["core.artifacts"].select("artifact_id", "sha256").rows()
    assert kept == [
        ("hub:acme/shop/ci.yml#1/junit", "ab" * 32), ("hub:acme/shop/ci.yml#1@2/junit", "ab" * 32)
    ]  # fmt: skip


def test_reports_of_several_artifacts_are_of_several_environments(
    world: Github, failed: Reader
) -> None:
    names = ["test-results-linux", "test-results-mac"]
    world.artifacts[5001] = [artifact(n, name, at(104)) for n, name in enumerate(names)]
    world.zips_by_id = {0: zipped(a=PASSED), 1: zipped(a=PASSED)}
    results = failed.pull("runs")["core.test_results"]
    assert results["environment"].to_list() == names
    assert results["attempt"].to_list() == [1, 1]


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"reports": []}, {}), ({"reports": ["*.sarif"]}, {}), ({"artifacts": False}, {}),
        ({}, {"expired": True}), ({}, {"size_in_bytes": 10**9}), ({}, {"name": "app"}),
    ],
)  # fmt: skip
def test_what_is_not_wanted_or_there_is_not_asked_for(
    world: Github, failed: Reader, options: dict, change: dict
) -> None:
    world.artifacts[5001] = [artifact(1, "junit", at(4)) | change]
    failed.options = options
    failed.pull("runs")
    assert world.asked("/zip") == []


def test_a_report_that_is_gone_meanwhile_is_no_error(world: Github, failed: Reader) -> None:
    world.artifacts[5001] = [artifact(1, "junit", at(4))]
    assert "core.test_results" not in failed.pull("runs")
    assert len(world.asked("/zip")) == 1


class Store(Loopback):
    """Where GitHub really keeps files: another host, which must not see the token."""

    def answer(self, asked: Asked) -> Reply:
        assert "authorization" not in asked.headers
        return 200, zipped(a=PASSED), {"Content-Type": "application/zip"}


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        yield server


def test_the_token_does_not_follow_to_where_files_are_kept(
    world: Github, failed: Reader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "right-token")
    world.token, failed.options = "right-token", {"token": "env:HUB_TOKEN"}
    world.artifacts[5001] = [artifact(1, "junit", at(4))]
    found = world.found

    def moved(asked: Asked) -> Reply:
        if asked.path.endswith("/zip"):
            return 302, b"", {"Location": f"{store.url}/blob/1.zip?sig=x"}
        return found(asked)

    monkeypatch.setattr(world, "found", moved, raising=False)
    assert failed.pull("runs")["core.test_results"].height == 1
    assert store.seen == ["blob/1.zip?sig=x"]


def test_what_is_no_report_in_an_archive_is_left_out() -> None:
    made = parse("reports", zipped(a=PASSED, coverage=b"<coverage/>"), **REPORT_CONTEXT)
    assert made["core.test_results"].height == 1


@pytest.mark.parametrize("body", [b"no zip", zipped(a=b"<html/>"), zipped(a=PASSED[:40])])
def test_an_archive_without_a_readable_report_is_rejected(body: bytes) -> None:
    with pytest.raises(SourceDataError):
        parse("reports", body, **REPORT_CONTEXT)


def test_an_archive_without_reports_says_nothing() -> None:
    assert parse("reports", zipped(), **REPORT_CONTEXT) == {}


def test_logs_are_those_of_failed_jobs(world: Github, failed: Reader) -> None:
    world.runs[5002] = run(2)
    lines = failed.pull("runs")["core.log_lines"]
    assert set(lines["build_id"]) == {"hub:acme/shop/ci.yml#1", "hub:acme/shop/ci.yml#1@2"}
    assert set(lines["service"]) == {"acme/shop/ci.yml/test"}


@pytest.mark.parametrize(("wish", "builds"), [("all", 3), ("none", 0)])
def test_logs_are_those_that_the_options_want(
    world: Github, failed: Reader, wish: str, builds: int
) -> None:
    world.runs[5002] = run(2)
    failed.options = {"logs": wish}
    failed.pull("runs")
    assert len(world.asked("/logs")) == builds


def test_a_line_has_its_time_its_level_and_no_control_sequences() -> None:
    told = {"service": "ci/test", "build": "hub:acme/shop/ci.yml#1", "started": at(0)}
    lines = parse("log", LOG.encode() + b"no time\n", **told)["core.log_lines"]
    assert lines["line"].to_list() == [1, 2, 3]
    assert lines["message"].to_list() == ["##[group]Run tests", "##[error]no money", "no time"]
    assert lines["level"].to_list() == [None, "error", None]
    first = T0.replace(year=2026, month=3, day=1, hour=12, second=1, microsecond=123456)
    assert lines["at"].to_list() == [first, *[first.replace(second=2, microsecond=0)] * 2]


def test_a_long_log_is_cut(world: Github, failed: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    long = (200, b"0123456789abcdef\n" * 1000, {"Content-Type": "text/plain"})
    found = world.found
    monkeypatch.setattr(
        world, "found", lambda asked: long if asked.path.endswith("/logs") else found(asked),
        raising=False,
    )  # fmt: skip
    failed.options = {"log_kib": 1}
    assert failed.pull("runs")["core.log_lines"].height == 2 * 61


def test_a_run_without_steps_and_times_is_still_a_row() -> None:
    one = {"id": 1, "name": "lint", "status": "queued", "conclusion": None, "started_at": None}
    made = parse("jobs", {"jobs": [one]}, build="b", day=(T0 + timedelta(days=1)).isoformat())
    assert made["core.stages"].select("status", "duration_s").rows() == [("queued", None)]
