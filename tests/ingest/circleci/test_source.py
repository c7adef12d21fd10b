"""What is particular to CircleCI: attempts, what is looked at again, deployments, doctor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from circleci_server import (
    FLOW,
    SIZE,
    SLUG,
    T0,
    artifact,
    at,
    case_of,
    job,
    pipeline,
    sha,
    workflow,
)
from circleci_server import Circleci as Server
from hosted_reader import core, cursor
from pydantic import ValidationError

from golive_core.window import Window
from ingest.sources import circleci
from ingest.sources.circleci import Circleci

Make = Callable[..., Circleci]
LAST = f"ci:{SLUG}/{FLOW}"


def again(source: Circleci, known: dict) -> tuple[dict[str, str], dict]:
    """Return the status of builds by id that a further pull gives, and the cursor behind it."""
    found: dict[str, str] = {}
    for pulled in source.pull("pipelines", cursor=known, window=None):
        known = dict(pulled.cursor)
        for unit in source.plan(pulled.payloads):
            for parsed in source.parse(unit):
                assert not parsed.rejects
                builds = parsed.tables.get("core.builds")
                if builds is not None:
                    found |= dict(zip(builds["build_id"], builds["status"], strict=True))
    return found, known


def test_a_workflow_is_a_build_that_begins_with_its_first_job(server: Server, source: Make) -> None:
    server.run(3, "failed", job(31, "build", begun=4), job(32, begun=5, status="failed"))
    server.workflows["p3"][0]["stopped_at"] = at(6)
    found = core(source(), "pipelines")
    (row,) = found["core.builds"].to_dicts()
    assert row["build_id"] == f"{LAST}#3"
    assert (row["commit_sha"], row["branch"], row["trigger"]) == (sha(3), "main", "push")
    assert (row["triggered_by"], row["status"], row["attempt"]) == ("ann", "failed", 1)
    assert (row["queue_s"], row["duration_s"]) == (pytest.approx(66), pytest.approx(114))
    assert found["core.stages"].select("ordinal", "name", "status", "duration_s").rows() == [
        (0, "build", "passed", pytest.approx(18)), (1, "test", "failed", pytest.approx(18)),
    ]  # fmt: skip
    assert found["core.pipelines"]["name"].to_list() == [f"{SLUG}/{FLOW}"]


def test_a_rerun_is_an_attempt_and_old_jobs_in_it_are_not_its_own(
    server: Server, source: Make
) -> None:
    server.run(3, "failed", job(31, "deploy", begun=3), job(32, begun=3.1, status="failed"))
    server.workflows["p3"].append(workflow(3, key="w3b", after=5))
    server.jobs["w3b"] = [job(31, "deploy", begun=3), job(33, begun=8)]
    server.tests = {"32": [case_of("pays", "failure")], "33": [case_of("pays")]}
    server.artifacts = {"31": [artifact("a")]}
    found = core(source(), "pipelines")
    builds = dict(found["core.builds"].select("build_id", "status").rows())
    assert builds == {f"{LAST}#3": "failed", f"{LAST}#3@2": "passed"}
    results = dict(found["core.test_results"].select("build_id", "status").rows())
    assert results == {f"{LAST}#3": "failed", f"{LAST}#3@2": "passed"}
    assert found["core.test_results"]["test_id"].n_unique() == 1
    assert found["core.artifacts"]["build_id"].to_list() == [f"{LAST}#3"]
    assert found["core.deployments"]["build_id"].to_list() == [f"{LAST}#3"]


def test_attempts_are_counted_over_more_than_a_page(server: Server, source: Make) -> None:
    server.run(3)
    server.workflows["p3"] = [
        workflow(3, "failed", key=f"r{n}", after=n) for n in range(SIZE + 5)
    ]  # fmt: skip
    builds = core(source(), "pipelines")["core.builds"]
    assert sorted(builds["attempt"].to_list()) == list(range(1, SIZE + 6))


def test_what_goes_on_is_looked_at_until_it_is_over(server: Server, source: Make) -> None:
    server.run(1, "running")
    made = source()
    known = cursor(made, "pipelines")
    assert made.has_news("pipelines", known) is True
    server.seen.clear()
    assert again(made, known)[0] == {}
    assert len(server.seen) == 2
    server.run(1, "success")
    found, known = again(made, known)
    assert found == {f"{LAST}#1": "passed"}
    assert made.has_news("pipelines", known) is False
    server.seen.clear()
    again(made, known)
    assert len(server.seen) == 1


def test_a_failed_pipeline_is_looked_at_for_reruns_ever_less_often() -> None:
    now = datetime.now(UTC)
    keys = {"pipeline": {"created_at": (now - timedelta(hours=4)).isoformat()}, "is_open": False}
    for hours, is_due in ((3, True), (2, True), (1.9, False)):
        looked = (now - timedelta(hours=hours)).isoformat()
        assert circleci.due({**keys, "looked": looked}, now) is is_due
    assert not circleci.due({**keys, "looked": now.isoformat()}, now)
    waits = {**keys, "is_open": True, "looked": (now - timedelta(seconds=1)).isoformat()}
    assert circleci.due(waits, now)
    old = {"created_at": (now - timedelta(days=20)).isoformat()}
    assert not circleci.due({**waits, "pipeline": old}, now)
    assert circleci.is_past({**keys, "pipeline": old}, now)
    assert not circleci.is_past({**waits, "pipeline": old}, now)


def test_a_rerun_of_what_failed_is_seen(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run(1, "failed")
    made = source()
    known = cursor(made, "pipelines")
    server.workflows["p1"].append(workflow(1, key="w1b", after=9))
    server.jobs["w1b"] = [job(12, begun=10)]
    assert again(made, known)[0] == {}
    monkeypatch.setattr(circleci, "due", lambda keys, now: True)
    found, known = again(made, known)
    assert found == {f"{LAST}#1": "failed", f"{LAST}#1@2": "passed"}
    assert again(made, known)[0] == {}


def test_a_pipeline_that_never_began_is_an_error_or_nothing(server: Server, source: Make) -> None:
    server.pipelines = {1: pipeline(1, "errored"), 2: pipeline(2)}
    made = source()
    found = core(made, "pipelines")
    (row,) = found["core.builds"].to_dicts()
    assert (row["build_id"], row["status"], row["started_at"]) == (f"ci:{SLUG}#1", "error", None)
    assert made.has_news("pipelines", cursor(made, "pipelines")) is False


def test_other_hosts_tell_commit_and_branch_elsewhere(server: Server, source: Make) -> None:
    git = {"checkout_sha": sha(9), "branch": "topic"}
    server.run(1)
    server.pipelines[1] = pipeline(
        1, vcs=None, trigger={"type": "Decoupled Ingestion System", "actor": {"login": ""}},
        trigger_parameters={"git": git},
    )  # fmt: skip
    (row,) = core(source(), "pipelines")["core.builds"].to_dicts()
    assert (row["commit_sha"], row["branch"], row["trigger"]) == (sha(9), "topic", "push")
    assert row["triggered_by"] is None


@pytest.mark.parametrize(
    ("name", "flow", "where", "kind"),
    [
        ("deploy-eu", "release-prod", "eu", "production"), ("deploy", FLOW, None, None),
        ("k8s_deploy_staging", FLOW, "k8s staging", "staging"),
        ("Deployment to live", FLOW, "to live", "production"),
    ],
)  # fmt: skip
def test_a_job_that_says_so_is_a_deployment(
    server: Server, source: Make, name: str, flow: str, where: str | None, kind: str | None
) -> None:
    server.run(2, "success", job(21, name, begun=2), job(22, "undeploy", begun=2))
    server.jobs["w2"].append(job(23, "deploy-ok", begun=2, kind="approval"))
    server.workflows["p2"][0]["name"] = flow
    (row,) = core(source(git_sources={"github/acme/shop": "git"}), "pipelines")[
        "core.deployments"
    ].to_dicts()
    assert (row["environment"], row["environment_kind"]) == (where, kind)
    assert (row["repository_id"], row["service"], row["commit_sha"]) == ("git", SLUG, sha(2))
    assert row["queued_at"] < row["started_at"] < row["finished_at"]
    assert "core.deployments" not in {
        name for name, rows in core(source(deployment_jobs=""), "pipelines").items() if len(rows)
    }


def test_tests_and_artifacts_are_left_out_where_they_are_not_wanted(
    server: Server, source: Make
) -> None:
    server.run(1)
    core(source(tests=False, artifacts=False), "pipelines")
    assert len(server.seen) == 3


def test_pipelines_outside_of_a_window_or_before_the_first_day_are_not_read(
    server: Server, source: Make
) -> None:
    for number in range(1, 50):
        server.run(number)
    window = Window(T0 + timedelta(minutes=40), T0 + timedelta(minutes=42))
    builds = core(source(), "pipelines", window)["core.builds"]
    assert sorted(builds["number"].to_list()) == [40, 41]
    later = (T0 + timedelta(days=2)).date().isoformat()
    assert core(source(since=later), "pipelines").keys() == set()


def test_doctor_names_a_project_that_cannot_be_read(server: Server, source: Make) -> None:
    bad = [one for one in source(projects=["gh/acme/none"]).check() if one.state == "failed"]
    assert any("gh/acme/none" in one.detail and "slug" in one.hint for one in bad), bad


def test_a_slug_may_be_written_as_in_an_address(source: Make) -> None:
    assert source(projects=["github/acme/shop/"]).options.projects == [SLUG]
    with pytest.raises(ValidationError):
        source(projects=["acme/shop"])
    with pytest.raises(ValidationError):
        source(deployment_jobs="(")
