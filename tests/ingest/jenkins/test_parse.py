"""Single answers of Jenkins to rows: statuses, causes, commits, branches, parameters, logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jenkins_server import T0, build

from ingest.parse import jenkins_builds, jenkins_jobs, jenkins_log, jenkins_stages, jenkins_tests
from ingest.parse.jenkins_builds import Place
from ingest.source import Instance

PLACE = Place("ci", "shop", "a/b")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(one: dict, place: Place = PLACE) -> dict:
    return jenkins_builds.rows([one], place).row(0, named=True)


def caused(name: str, **more: object) -> dict:
    one = build(1)
    one["actions"] = [{"causes": [{"_class": name, "shortDescription": "why", **more}]}]
    return one


def git(sha: str, url: str = "https://git.example.org/shop.git", branch: str = "x") -> dict:
    return {
        "lastBuiltRevision": {"SHA1": sha, "branch": [{"name": branch}]}, "remoteUrls": [url],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("result", "building", "status", "is_unstable"),
    [
        ("SUCCESS", False, "passed", False), ("FAILURE", False, "failed", False),
        ("UNSTABLE", False, "failed", True), ("ABORTED", False, "cancelled", False),
        ("NOT_BUILT", False, "skipped", False), (None, True, "running", False),
        ("UNSTABLE", True, "running", False), (None, False, "error", False),
        ("ODD", False, "error", False),
    ],
)  # fmt: skip
def test_results_have_one_word_each(
    result: str | None, building: bool, status: str, is_unstable: bool
) -> None:
    made = row(build(1, result) | {"building": building})
    assert (made["status"], made["is_unstable"]) == (status, is_unstable)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("hudson.model.Cause$UserIdCause", "manual"),
        ("hudson.triggers.TimerTrigger$TimerTriggerCause", "schedule"),
        ("hudson.triggers.SCMTrigger$SCMTriggerCause", "push"),
        ("com.cloudbees.jenkins.GitHubPushCause", "push"),
        ("jenkins.branch.BranchIndexingCause", "push"),
        ("hudson.model.Cause$UpstreamCause", "upstream"),
        ("hudson.model.Cause$RemoteCause", "api"),
        ("org.jenkinsci.plugins.ghprb.GhprbCause", "pull_request"),
        ("org.jenkinsci.plugins.workflow.cps.replay.ReplayCause", "manual"),
        ("com.example.MoonPhaseCause", "other"),
    ],
)
def test_causes_have_one_word_each(name: str, word: str) -> None:
    assert row(caused(name))["trigger"] == word


def test_who_began_a_build_is_a_user_or_a_build() -> None:
    assert row(build(1))["triggered_by"] == "ann"
    upstream = caused("hudson.model.Cause$UpstreamCause", upstreamProject="lib", upstreamBuild=7)
    assert row(upstream)["triggered_by"] == "lib#7"
    assert row(caused("x.Odd"))["triggered_by"] == "why"


def test_a_push_to_the_job_of_a_change_request_is_one_of_it() -> None:
    place = Place("ci", "shop", "a/PR-7", branch="PR-7", is_change=True)
    made = row(caused("jenkins.branch.BranchEventCause"), place)
    assert (made["trigger"], made["branch"]) == ("pull_request", "PR-7")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("refs/remotes/origin/main", "main"), ("origin/feature/x", "feature/x"),
        ("refs/heads/main", "main"), ("refs/tags/v1", "v1"), ("detached", None), ("main", "main"),
        ("refs/remotes/upstream/a/b", "a/b"), (None, None),
    ],
)  # fmt: skip
def test_branches_are_short(name: str | None, short: str | None) -> None:
    assert jenkins_builds.short_branch(name) == short


def test_of_several_checkouts_the_one_that_was_built_is_chosen() -> None:
    library = git("1" * 40, "https://git.example.org/ci-library.git", "lib")
    own = git("2" * 40, branch="own")
    one = build(1) | {"actions": [library, own]}
    assert row(one)["commit_sha"] == "1" * 40
    confirmed = one | {"changeSets": [{"items": [{"commitId": "2" * 40}]}]}
    assert row(confirmed)["commit_sha"] == "2" * 40
    source = {"actions": [library, own, {"revision": {"hash": "2" * 40}}]}
    assert row(one | source)["commit_sha"] == "2" * 40
    named = row(one, Place("ci", "shop", "x", repository="shop.git"))
    assert (named["commit_sha"], named["branch"]) == ("2" * 40, "own")


def test_without_git_data_branch_source_or_changes_tell_the_commit() -> None:
    one = build(1) | {"actions": []}
    assert row(one)["commit_sha"] is None
    assert row(one | {"actions": [{"revision": {"hash": "a1"}}]})["commit_sha"] == "a1"
    changes = {"changeSet": {"items": [{"commitId": "b1"}, {"commitId": "b2"}]}}
    assert row(one | changes)["commit_sha"] == "b2"


def test_parameters_are_kept_and_secrets_among_them_masked() -> None:
    told = [
        {"name": "TARGET", "value": "prod"}, {"name": "DRY", "value": True},
        {"name": "DEPLOY_TOKEN", "value": "hunter2"},
        {"_class": "hudson.model.PasswordParameterValue", "name": "P"},
        {"name": "URL", "value": "https://bot:hunter2secret@git.example.org"},
    ]  # fmt: skip
    made = row(build(1, actions=[{"parameters": told}]))
    assert "hunter2" not in made["parameters"]
    shown = json.loads(made["parameters"])
    assert shown["TARGET"] == "prod"
    assert shown["DRY"] is True
    assert shown["P"] == shown["DEPLOY_TOKEN"] == "***"
    assert row(build(1))["parameters"] is None


def test_waiting_is_taken_off_the_start() -> None:
    waited = {
        "waitingDurationMillis": 1000, "blockedDurationMillis": 500,
        "buildableDurationMillis": 2500,
    }  # fmt: skip
    made = row(build(1, actions=[waited]))
    assert made["queue_s"] == 4.0
    assert (made["started_at"] - made["queued_at"]).total_seconds() == 4
    assert made["day"] == made["queued_at"].date()
    assert row(build(1))["queue_s"] is None


def test_a_clock_set_back_gives_no_negative_duration() -> None:
    made = row(build(1) | {"duration": -5000})
    assert made["duration_s"] is None
    assert made["finished_at"] is None


def test_milliseconds_survive() -> None:
    at = jenkins_stages.instant(T0 + 7)
    assert at == datetime.fromtimestamp(T0 / 1000, UTC).replace(microsecond=7000)


def test_a_page_may_be_one_build_or_many_or_none() -> None:
    assert jenkins_builds.builds_in({"number": 1}) == [{"number": 1}]
    assert jenkins_builds.builds_in({"allBuilds": []}) == []
    assert jenkins_builds.builds_in({"allBuilds": None}) == []
    assert jenkins_builds.builds_in({"_class": "x"}) == []


def test_jobs_are_found_in_folders_and_empty_ones_are_no_jobs() -> None:
    tree = {
        "jobs": [
            {"name": "f", "jobs": [{"name": "in", "lastBuild": None}, {"name": "e", "jobs": []}]},
            {"name": "top", "lastBuild": {"number": 3, "timestamp": 5}},
            {"name": "deep", "jobs": [{"name": "g", "jobs": [{"name": "x"}]}]},
        ]
    }
    found = {job.name: job for job in jenkins_jobs.jobs(tree)}
    assert set(found) == {"f/in", "top"}
    assert (found["top"].last, found["top"].at, found["f/in"].last) == (3, 5, 0)
    assert list(jenkins_jobs.deeper(tree)) == ["deep/g"]


def test_types_of_failures_are_read_off_the_stack() -> None:
    told = jenkins_tests.failure("expected 1", "org.junit.ComparisonFailure: expected 1\n\tat x")
    assert told["type"] == "org.junit.ComparisonFailure"
    assert jenkins_tests.failure("AssertionError: no", None)["type"] == "AssertionError"
    assert jenkins_tests.failure("no", "at line 3")["type"] is None
    assert len(jenkins_tests.failure("x" * 10**6, None)["message"]) == 64 * 1024


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-03-01T12:00:00Z", AT), ("2026-03-01T14:00:00+02:00", AT),
        ("2026-03-01T12:00:00", None), ("yesterday", None), (None, None),
    ],
)  # fmt: skip
def test_times_of_suites_count_only_with_their_zone(told: str | None, at: datetime | None) -> None:
    assert jenkins_tests.started(told) == at


def log(body: bytes) -> list[dict]:
    rows = jenkins_log.rows(
        body, instance="ci", project_id="shop", service="a", build_id="b", at=AT, line=1
    )
    return list(rows.iter_rows(named=True))


def test_log_lines_lose_colours_notes_and_carriage_returns() -> None:
    body = b"\x1b[8mha:////4AAAA+abc==\x1b[0mStarted by \x1b[32mAnn\x1b[0m\r\nplain\n"
    assert [one["message"] for one in log(body)] == ["Started by Ann", "plain"]


def test_log_lines_have_the_time_before_them_or_the_one_above() -> None:
    body = b"first\n[2026-03-01T12:00:05.250Z] second\nthird\n"
    first, second, third = log(body)
    assert first["at"] == AT
    assert second["at"] == third["at"] == AT.replace(second=5, microsecond=250_000)
    assert second["message"] == "second"


def test_a_log_of_any_bytes_is_lines() -> None:
    assert log(b"") == []
    assert [one["message"] for one in log(b"\xff\xfe\n\nx")] == ["��", "", "x"]


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["number", "actions", "suites", "cases", "jobs", "name", "stages"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


KINDS = [
    "jobs",
    "builds",
    "stages",
    "tests",
    "log",
    "runners",
    "runners.gone",
    "queue",
    "queue.gone",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), NOISE)
def test_json_of_any_shape_is_rows_or_a_reject_never_a_crash(kind: str, value: object) -> None:
    import polars as pl

    from ingest.source import Context, Unit
    from ingest.sources.jenkins import Jenkins

    context = {
        "kind": kind, "job": "a", "folder": "", "build_id": "b", "at": T0, "line": 1,
        "commit": None, "branch": None, "builds": {"1": ["b", "2026-03-01"]},
    }  # fmt: skip
    raw = pl.DataFrame(
        [{"payload_id": "p", "uri": "u", "body": json.dumps(value).encode(),
          "context": json.dumps(context)}]
    )  # fmt: skip
    instance = Instance("ci", "jenkins", "shop", {"url": "https://ci"})
    source = Jenkins(instance, Context(Path(), Path()))
    for parsed in source.parse(Unit("builds", raw, {"kind": kind})):
        assert parsed.tables or parsed.rejects or kind == "stages"
