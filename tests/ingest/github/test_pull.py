"""What a pull asks for and keeps: details, what goes on, merges, several repositories."""

from __future__ import annotations

import json
import shutil
import time
from datetime import timedelta

import pytest
from github_reader import Reader
from github_server import (
    T0,
    Github,
    at,
    check_run,
    commit,
    deployed,
    deployment,
    issue,
    job,
    pull,
    run,
    sha,
    status,
)
from loopback import missing, ok

from golive_core.errors import SourceThrottledError
from golive_core.http.limits import FOLDER
from golive_core.window import Window


def fill(world: Github, commits: int = 3) -> None:
    world.commits = [commit(n) for n in range(commits, 0, -1)]


def test_a_second_run_asks_at_most_a_twentieth(world: Github, hub: Reader) -> None:
    fill(world, 250)
    world.heads = {f"b{n}": sha(n) for n in range(90)}
    world.runs = {one["id"]: one for one in (run(n) for n in range(1, 131))}
    world.pulls = {n: pull(n) for n in range(1, 31)}
    for n in range(246, 251):
        world.check_runs[sha(n)] = [check_run(n, sha(n))]
    first, second = hub.pull_all(), hub.pull_all()
    assert first > 350
    assert second == 15 <= first / 20


def test_a_run_that_goes_on_is_looked_at_until_it_ends(world: Github, hub: Reader) -> None:
    world.runs = {5001: run(1, None)}
    assert hub.pull("runs")["core.builds"]["status"].to_list() == ["running"]
    assert hub.source().has_news("runs", hub.cursors["runs"])
    world.runs = {one["id"]: one for one in (run(n) for n in range(2, 150))} | {5001: run(1)}
    [build] = hub.pull("runs")["core.builds"].filter(number=1).to_dicts()
    assert (build["status"], build["duration_s"]) == ("passed", 300)
    world.seen.clear()
    hub.pull("runs")
    hub.pull("runs")
    assert world.asked("runs/5001?") == []


def test_an_old_run_that_is_started_again_is_seen(world: Github, hub: Reader) -> None:
    world.runs = {one["id"]: one for one in (run(n) for n in range(1, 150))}
    hub.pull("runs")
    world.earlier[5001, 1] = world.runs[5001]
    world.runs[5001] = run(1, None, attempt=2)
    hub.pull("runs")
    world.runs[5001] = run(1, "failure", attempt=2)
    builds = hub.pull("runs")["core.builds"].filter(number=1)
    told = builds.select("build_id", "attempt", "status").rows()
    assert told == [
        ("hub:acme/shop/ci.yml#1", 1, "passed"), ("hub:acme/shop/ci.yml#1@2", 2, "failed")
    ]  # fmt: skip


def test_only_the_newest_runs_are_asked_for_more_at_first(world: Github, hub: Reader) -> None:
    world.runs = {one["id"]: one for one in (run(n) for n in range(1, 131))}
    hub.options = {"newest": 110}
    found = hub.pull("runs")
    assert found["core.builds"].height == 130
    assert len(world.asked("/jobs?")) == 110


def test_jobs_and_steps_are_stages_in_their_order(world: Github, hub: Reader) -> None:
    world.runs = {5001: run(1)}
    stages = hub.pull("runs")["core.stages"]
    assert stages["name"].to_list() == ["test", "test / Set up job", "test / Run tests"]
    assert stages["ordinal"].to_list() == [0, 1, 2]
    assert set(stages["duration_s"]) == {300.0}


def test_stages_are_counted_on_over_pages_of_jobs(
    world: Github, hub: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.runs = {5001: run(1)}
    jobs = [job(world.runs[5001], f"test ({n})") | {"id": n} for n in range(130)]
    of_actions = world.of_actions

    def many_jobs(asked: object, rest: list[str]) -> object:
        return world.page(asked, jobs, "jobs") if rest[-1] == "jobs" else of_actions(asked, rest)

    monkeypatch.setattr(world, "of_actions", many_jobs, raising=False)
    assert hub.pull("runs")["core.stages"]["ordinal"].to_list() == list(range(390))


def test_a_straight_line_of_commits_costs_no_comparison(world: Github, hub: Reader) -> None:
    fill(world, 3)
    hub.pull("commits")
    fill(world, 5)
    assert hub.pull("commits")["core.commits"].height == 5
    assert world.asked("compare/") == []


def test_a_merge_brings_its_older_commits(world: Github, hub: Reader) -> None:
    fill(world, 150)
    hub.pull("commits")
    world.commits.insert(0, commit(151, 150, 140))
    side = [commit(900 + n) for n in range(120)]
    world.compared[f"{sha(150)}...{sha(151)}"] = [*side, commit(151, 150, 140)]
    found = hub.pull("commits")["core.commits"]
    assert {sha(900 + n) for n in range(120)} <= set(found["sha"])
    assert found.filter(sha=sha(151))["is_merge"].to_list() == [True]
    assert len(world.asked("compare/")) == 2


def test_a_rewritten_history_is_read_again(world: Github, hub: Reader) -> None:
    fill(world, 150)
    hub.pull("commits")
    world.commits = [commit(2000 + n) for n in range(150, 0, -1)]
    assert hub.pull("commits")["core.commits"].height == 150


def test_named_branches_are_read_beside_the_default_one(world: Github, hub: Reader) -> None:
    fill(world)
    hub.options = {"branches": ["release/1"]}
    hub.pull("commits")
    assert len(world.asked("sha=release/1")) == 1


def test_checks_that_go_on_are_looked_at_until_they_end(world: Github, hub: Reader) -> None:
    fill(world, 1)
    world.check_runs[sha(1)] = [check_run(1, sha(1), None)]
    world.statuses[sha(1)] = [status("ci/jenkins", "pending")]
    assert hub.pull("checks")["core.checks"]["status"].to_list() == ["queued", "running"]
    world.check_runs[sha(1)] = [check_run(1, sha(1))]
    world.statuses[sha(1)] = [status("ci/jenkins", "failure")]
    assert hub.pull("checks")["core.checks"]["status"].to_list() == ["failed", "passed"]
    world.seen.clear()
    hub.pull("checks")
    assert len(world.seen) == 2


def test_a_fresh_commit_may_still_get_checks(world: Github, hub: Reader) -> None:
    fill(world, 1)
    world.clock_s = (T0 + timedelta(minutes=20)).timestamp() - time.time()
    hub.pull("checks")
    world.check_runs[sha(1)] = [check_run(1, sha(1))]
    assert hub.pull("checks")["core.checks"].height == 1


def test_checks_of_open_pull_requests_are_read(world: Github, hub: Reader) -> None:
    world.pulls = {1: pull(1, is_open=True), 2: pull(2)}
    for n in (1, 2):
        world.check_runs[sha(9000 + n)] = [check_run(n, sha(9000 + n))]
    assert hub.pull("checks")["core.checks"]["commit_sha"].to_list() == [sha(9001)]


def test_a_deployment_is_looked_at_until_it_ends(world: Github, hub: Reader) -> None:
    going = [deployed(1, "queued", 1), deployed(2, "in_progress", 2)]
    world.deployments = {601: (deployment(1), going)}
    [row] = hub.pull("deployments")["core.deployments"].to_dicts()
    assert (row["status"], row["finished_at"], row["environment_kind"]) == (
        "running", None, "production"
    )  # fmt: skip
    going.append(deployed(3, "success", 7))
    going.append(deployed(4, "inactive", 90))
    [row] = hub.pull("deployments")["core.deployments"].to_dicts()
    assert (row["status"], row["duration_s"]) == ("passed", 300)


def test_a_pull_request_asks_for_less_without_sizes(world: Github, hub: Reader) -> None:
    world.pulls = {1: pull(1)}
    hub.options = {"sizes": False}
    [row] = hub.pull("pull_requests")["core.change_requests"].to_dicts()
    assert (row["status"], row["insertions"]) == ("merged", None)
    assert len(world.seen) == 3


def test_pull_requests_beyond_the_newest_are_rows_of_their_list(world: Github, hub: Reader) -> None:
    world.pulls = {n: pull(n) for n in range(1, 131)}
    hub.options = {"newest": 10}
    rows = hub.pull("pull_requests")["core.change_requests"].sort("number")
    assert rows["commits"].to_list() == [None] * 120 + [2] * 10
    world.pulls[125] |= {"updated_at": at(500)}
    # 129 and 130 changed within a minute of the newest change that is known
    assert hub.pull("pull_requests")["core.change_requests"]["number"].to_list() == [125, 129, 130]


def test_a_window_of_runs_is_read_in_detail_however_old(world: Github, hub: Reader) -> None:
    world.runs = {one["id"]: one for one in (run(n) for n in range(1, 131))}
    hub.options = {"newest": 5}
    hub.pull("runs")
    world.seen.clear()
    hub.pull("runs", Window(T0 + timedelta(minutes=20), T0 + timedelta(minutes=30)))
    assert len(world.asked("/jobs?")) == 15


def test_sizes_and_reviews_are_those_of_the_request(world: Github, hub: Reader) -> None:
    world.pulls = {1: pull(1)}
    found = hub.pull("pull_requests")
    [row] = found["core.change_requests"].to_dicts()
    assert (row["commits"], row["insertions"], row["files_changed"]) == (2, 10, 3)
    [review] = found["core.reviews"].to_dicts()
    assert review["change_request_id"] == row["change_request_id"] == "hub:acme/shop#1"


def test_a_window_is_asked_for_whatever_is_known(world: Github, hub: Reader) -> None:
    world.issues = {n: issue(n * 100) for n in range(1, 6)}
    hub.pull("issues")
    window = Window(T0 + timedelta(minutes=250), T0 + timedelta(minutes=450))
    keys = hub.pull("issues", window)["core.issues"]["key"].to_list()
    assert {"#300", "#400"} <= set(keys)


def test_issues_that_are_switched_off_are_no_error(
    world: Github, hub: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = (410, b'{"message": "Issues are disabled for this repo"}', {})
    monkeypatch.setattr(world, "of_issues", lambda *_: off, raising=False)
    monkeypatch.setattr(world, "of_milestones", lambda *_: off, raising=False)
    assert hub.pull("issues") == {}


def test_streams_that_are_not_wanted_ask_for_nothing(world: Github, hub: Reader) -> None:
    fill(world)
    hub.options = {"streams": ["commits"]}
    hub.pull_all()
    assert {one.partition("?")[0] for one in world.seen} == {"repos/acme/shop/commits"}
    assert not hub.source().has_news("runs", None)


def test_a_repository_is_filed_where_the_options_say(world: Github, hub: Reader) -> None:
    hub.options = {"repository_ids": {"Acme/Shop": "shop-git"}}
    found = hub.pull("repositories")["core.repositories"]
    assert found["repository_id"].to_list() == ["shop-git"]


@pytest.mark.parametrize("kind", ["orgs", "users"])
def test_an_owner_brings_its_repositories(
    world: Github, hub: Reader, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    names = [f"acme/lib-{n}" for n in range(120)] + ["Acme/Shop", "acme/site"]
    found = world.found

    def owned(asked: object) -> object:
        if asked.path == f"{kind}/acme/repos":
            return world.page(asked, [{"full_name": name} for name in names])
        if asked.path.startswith("repos/acme/lib-"):
            return missing()
        if asked.path == "repos/acme/site":
            return ok({"full_name": "acme/site", "default_branch": "main"})
        if asked.path.startswith("repos/acme/site/"):
            return world.page(asked, [])
        return found(asked)

    monkeypatch.setattr(world, "found", owned, raising=False)
    hub.options = {"repositories": [], "owner": "acme", "include": ["s*"], "exclude": ["lib-*"]}
    made = hub.pull("repositories")["core.repositories"]
    assert made["repository_id"].to_list() == ["hub:acme/shop", "hub:acme/site"]
    world.seen.clear()
    assert not hub.source().has_news("repositories", hub.cursors["repositories"])
    shops = [f"{kind}/acme/repos?per_page=100", "repos/acme/shop?", "repos/acme/site?"]
    assert [one for one in world.seen if one in shops] == shops


def test_news_of_the_second_repository_are_seen(
    world: Github, hub: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, other = world.found, {"runs": [run(1)]}

    def both(asked: object) -> object:
        if asked.path == "repos/acme/site/actions/runs":
            runs = [] if "status" in asked.query else other["runs"]
            return world.page(asked, runs, "workflow_runs")
        return missing() if asked.path.startswith("repos/acme/site/") else found(asked)

    monkeypatch.setattr(world, "found", both, raising=False)
    hub.options = {"repositories": ["acme/shop", "acme/site"]}
    hub.pull("runs")
    world.seen.clear()
    assert not hub.source().has_news("runs", hub.cursors["runs"])
    assert len(world.seen) == 2
    other["runs"] = [run(2), run(1)]
    assert hub.source().has_news("runs", hub.cursors["runs"])


def test_many_repositories_are_not_asked_about_one_by_one(world: Github, hub: Reader) -> None:
    hub.pull("issues")
    hub.options = {"repositories": [f"acme/r{number}" for number in range(51)]}
    world.seen.clear()
    assert hub.source().has_news("issues", hub.cursors["issues"])
    assert world.seen == []


def test_a_spent_quota_stops_the_pull_which_goes_on_later(
    world: Github, hub: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world, 250)
    hub.options = {"in_flight": 1}
    found, left = world.found, [2]

    def spent(asked: object) -> object:
        left[0] -= 1
        if left[0] >= 0:
            return found(asked)
        reset = str(int(time.time()) + 1800)
        told = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return 403, json.dumps({"message": "API rate limit exceeded"}).encode(), told

    monkeypatch.setattr(world, "found", spent, raising=False)
    with pytest.raises(SourceThrottledError):
        hub.pull("commits")
    left[0] = 9
    world.seen.clear()
    with pytest.raises(SourceThrottledError):
        hub.pull("commits")
    assert world.seen == []
    shutil.rmtree(hub.source().context.home / FOLDER)
    hub.pull("commits")
    assert len(world.seen) == 1
    assert "page=3" in world.seen[0]
