"""What Bitbucket's source does beyond the contract: what is asked for, windows, words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from bitbucket_server import (
    REPOSITORY,
    T0,
    at,
    branch,
    commit,
    deployment,
    issue,
    pipeline,
    pull_request,
    sha,
    status,
    step,
)
from bitbucket_server import Bitbucket as Server
from hosted_reader import core, cursor

from golive_core.window import Window
from ingest.sources.bitbucket import Bitbucket

Make = Callable[..., Bitbucket]


def test_every_state_of_pull_requests_is_asked_for(server: Server, source: Make) -> None:
    server.lists["pullrequests"] = [
        pull_request(1, "MERGED") | {"merge_commit": {"hash": sha(9)[:12], "date": at(3)}},
        pull_request(2, "DECLINED"), pull_request(3, "SUPERSEDED"), pull_request(4),
    ]  # fmt: skip
    found = core(source(), "pull_requests")["core.change_requests"].sort("number")
    assert found["status"].to_list() == ["merged", "closed", "closed", "open"]
    assert found["merged_at"].to_list() == [T0 + timedelta(minutes=3), None, None, None]
    assert "&pagelen=50&" in server.seen[0]
    assert "+values.merge_commit.date" in server.seen[0]


def test_reviews_and_statuses_come_with_a_pull_request(server: Server, source: Make) -> None:
    server.lists["pullrequests"] = [pull_request(1)]
    server.statuses = {1: [status(1), status(1, "lint", "INPROGRESS")]}
    tables = core(source(), "pull_requests")
    assert tables["core.reviews"]["status"].to_list() == ["approved"]
    checks = tables["core.checks"]
    assert checks["status"].to_list() == ["passed", "running"]
    assert checks["commit_sha"].to_list() == [sha(1), sha(1)]
    assert checks["finished_at"].is_null().to_list() == [False, True]
    server.seen.clear()
    core(source(statuses=False), "pull_requests")
    assert not server.asked("statuses")


def test_a_build_begins_with_its_first_step(server: Server, source: Make) -> None:
    server.lists["pipelines"] = [pipeline(1)]
    server.steps = {"{p1}": [step(2), step(3, "NOT_RUN")]}
    tables = core(source(), "pipelines")
    (build,) = tables["core.builds"].to_dicts()
    assert build["started_at"] == T0 + timedelta(minutes=3)
    assert (build["queue_s"], build["duration_s"]) == (120, 200)
    assert (build["trigger"], build["branch"], build["number"]) == ("push", "main", 1)
    assert tables["core.stages"]["status"].to_list() == ["passed", "skipped"]


def test_a_pull_request_pipeline_is_known_by_its_target(server: Server, source: Make) -> None:
    target = {"type": "pipeline_pullrequest_target", "source": "b1", "commit": {"hash": sha(1)}}
    server.lists["pipelines"] = [pipeline(1) | {"target": target}]
    (build,) = core(source(), "pipelines")["core.builds"].to_dicts()
    assert (build["trigger"], build["branch"]) == ("pull_request", "b1")


def test_a_paused_pipeline_is_looked_at_until_it_ends(server: Server, source: Make) -> None:
    paused = pipeline(1, "PAUSED")
    server.lists["pipelines"] = [paused, *(pipeline(n) for n in range(10, 20))]
    made = source()
    known = cursor(made, "pipelines")
    server.seen.clear()
    server.lists["pipelines"][0] = pipeline(1) | {"completed_on": at(500)}
    list(made.pull("pipelines", cursor=known, window=None))
    assert server.asked("{p1}/steps")
    assert len(server.seen) < 5


def test_a_window_ends_where_the_list_goes_beyond_it(server: Server, source: Make) -> None:
    server.lists["commits"] = [commit(n) for n in range(1, 500)]
    window = Window(T0 + timedelta(minutes=450), T0 + timedelta(days=1))
    core(source(), "code", window)
    assert len(server.asked("commits")) == 1
    server.lists["issues"] = [issue(1)]
    core(source(), "issues", window)
    start = window.start.isoformat()
    assert f"q=updated_on >= {start}" in server.asked("issues")[0]


def test_what_changed_before_the_first_day_is_not_asked_for(server: Server, source: Make) -> None:
    old = {"created_on": "2025-12-31T00:00:00+00:00"}
    server.lists["pipelines"] = [pipeline(n) | (old if n < 150 else {}) for n in range(1, 301)]
    made = source(since="2026-01-01")
    core(made, "pipelines")
    assert len(server.asked("pipelines/?")) == 2
    core(made, "pull_requests")
    assert "q=updated_on >= 2026-01-01T00:00:00+00:00" in server.asked("pullrequests")[0]
    assert "state=OPEN" in server.asked("pullrequests")[0]


def test_a_deployment_names_its_build_and_kind(server: Server, source: Make) -> None:
    server.lists["deployments"] = [deployment(3)]
    (row,) = core(source(), "deployments")["core.deployments"].to_dicts()
    assert row["build_id"] == f"bb:{REPOSITORY}#3"
    assert (row["environment"], row["environment_kind"]) == ("eu", "production")
    assert row["queued_at"] < row["started_at"] < row["finished_at"]


def test_a_repository_without_a_tracker_has_no_issues(server: Server, source: Make) -> None:
    server.lists["pullrequests"] = [pull_request(1)]
    server.fault("issues", "404", times=9)
    assert core(source(), "issues") == {}


def test_user_and_password_or_a_token_are_sent(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "app-password-1"
    monkeypatch.setenv("BITBUCKET_TOKEN", "app-password-1")
    for options in ({"user": "bot"}, {}):
        made = source(token="env:BITBUCKET_TOKEN", **options)
        assert {one.state for one in made.check()} == {"ok"}


def test_commits_are_asked_for_again_only_if_a_branch_moved(server: Server, source: Make) -> None:
    server.lists |= {
        "commits": [commit(n) for n in range(1, 251)],
        "branches": [branch("main", 250)],
    }
    known = cursor(source(), "code")
    server.seen.clear()
    list(source().pull("code", cursor=known, window=None))
    assert server.asked("commits?") == []
    server.lists["commits"].append(commit(251))
    server.lists["branches"] = [branch("main", 251)]
    found = [one.payloads for one in source().pull("code", cursor=known, window=None)]
    assert sha(251) in str(found[-1]["body"].to_list())
    assert len(server.asked("commits?")) == 3
