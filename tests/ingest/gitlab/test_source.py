"""What GitLab's source does beyond the contract: details, windows, several projects, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from gitlab_server import (
    OTHER,
    PROJECT,
    T0,
    case_of,
    deployment,
    issue,
    job,
    merge_request,
    pipeline,
    reported,
)
from gitlab_server import Gitlab as Server
from hosted_reader import core, cursor
from pydantic import ValidationError

from golive_core.window import Window
from ingest.parse import gitlab
from ingest.parse.hosted import environment_kind
from ingest.sources.gitlab import Gitlab

Make = Callable[..., Gitlab]


def test_jobs_of_two_pages_are_numbered_over_both(server: Server, source: Make) -> None:
    server.lists["pipelines"] = [pipeline(1)]
    again = [job(500 + n, f"j{n}") for n in range(1, 6)]
    server.jobs = {501: [*again, *(job(n, f"j{n}", "failed") for n in range(1, 121))]}
    stages = core(source(), "pipelines")["core.stages"]
    assert stages["ordinal"].unique().sort().to_list() == list(range(120))
    assert stages.filter(pl.col("attempt") == 2)["name"].to_list() == [
        f"test: j{n}" for n in range(1, 6)
    ]


def test_a_test_report_is_results_of_the_build(server: Server, source: Make) -> None:
    server.lists["pipelines"] = [pipeline(1)]
    cases = [case_of("adds", "success"), case_of("pays", "failed"), case_of("waits", "skipped")]
    server.reports = {501: reported(*cases)}
    tables = core(source(), "pipelines")
    results = tables["core.test_results"]
    assert results["status"].to_list() == ["passed", "failed", "skipped"]
    assert results["build_id"].unique().to_list() == [f"gl:{PROJECT}#1"]
    assert results["build_id"][0] == tables["core.builds"]["build_id"][0]
    assert results["commit_sha"][0] == tables["core.builds"]["commit_sha"][0]
    assert tables["core.failures"]["message"].to_list() == ["Failure/Error: is_expected.to eq(300)"]


def test_jobs_and_reports_are_left_out_on_demand(server: Server, source: Make) -> None:
    server.lists["pipelines"] = [pipeline(1)]
    assert set(core(source(jobs=False, tests=False), "pipelines")) == {
        "core.pipelines", "core.builds",
    }  # fmt: skip
    assert len(server.seen) == 2


def test_a_running_pipeline_has_no_end_yet(server: Server, source: Make) -> None:
    server.lists["pipelines"] = [pipeline(1, "running")]
    build = core(source(), "pipelines")["core.builds"].to_dicts()[0]
    assert build["status"] == "running"
    assert build["finished_at"] is build["duration_s"] is None
    assert not server.asked("test_report")


def test_a_window_is_asked_for_by_time(server: Server, source: Make) -> None:
    server.lists["issues"] = [issue(n) for n in range(1, 30)]
    window = Window(T0 + timedelta(minutes=20), T0 + timedelta(days=1))
    found = core(source(), "issues", window)["core.issues"]
    assert found["key"].sort().to_list() == [f"#{n}" for n in range(20, 30)]
    assert all("updated_before=2026-03-02T12:00" in one for one in server.asked("issues"))


def test_what_changed_before_the_first_day_is_not_asked_for(server: Server, source: Make) -> None:
    old = {"updated_at": "2025-12-31T23:59:59.000Z"}
    server.lists["pipelines"] = [pipeline(1), pipeline(2) | old]
    made = source(since="2026-01-01")
    assert core(made, "pipelines")["core.builds"]["number"].to_list() == [1]
    assert made.has_news("pipelines", cursor(made, "pipelines")) is False
    core(made, "code")
    assert "since=2026-01-01T00:00:00+00:00" in server.asked("commits")[0]


def test_only_streams_that_are_named_are_read(server: Server, source: Make) -> None:
    server.lists["issues"] = [issue(1)]
    made = source(streams=["issues"])
    assert core(made, "pipelines") == {}
    assert made.has_news("pipelines", None) is False
    assert core(made, "issues")["core.issues"].height == 1
    with pytest.raises(ValidationError, match="there are code, merge_requests"):
        source(streams=["isues"])


def test_a_change_costs_one_page_and_the_details_of_the_last_minute(
    server: Server, source: Make
) -> None:
    server.lists["merge_requests"] = [merge_request(n) for n in range(1, 251)]
    server.commits_of = {n: [] for n in range(1, 251)}
    before = cursor(source(), "merge_requests")
    assert len(server.seen) == 253
    server.seen.clear()
    server.lists["merge_requests"][9] |= {"updated_at": "2026-03-03T00:00:00.000Z"}
    list(source().pull("merge_requests", cursor=before, window=None))
    assert len(server.seen) == 4
    assert all(server.asked(f"merge_requests/{n}/commits") for n in (10, 249, 250))


def test_code_is_left_to_a_git_source_and_requests_name_its_repository(
    server: Server, source: Make
) -> None:
    server.lists["merge_requests"] = [merge_request(1)]
    server.commits_of = {1: []}
    made = source(git_sources={PROJECT: "git"})
    assert core(made, "code") == {}
    assert made.has_news("code", None) is False
    found = core(made, "merge_requests")["core.change_requests"]
    assert found["repository_id"].to_list() == ["git"]
    assert found["change_request_id"].to_list() == [f"gl:{PROJECT}!1"]


def test_news_of_the_second_project_are_seen(server: Server, source: Make) -> None:
    made = source(repositories=[PROJECT, OTHER])
    known = cursor(made, "issues")
    assert made.has_news("issues", known) is False
    server.others["issues"] = [issue(1)]
    assert made.has_news("issues", known) is True


def test_a_deployment_names_its_build_and_kind(server: Server, source: Make) -> None:
    server.lists["deployments"] = [deployment(3)]
    (row,) = core(source(), "deployments")["core.deployments"].to_dicts()
    assert row["build_id"] == f"gl:{PROJECT}#3"
    assert (row["environment"], row["environment_kind"]) == ("live/eu", "production")
    assert row["duration_s"] == 120


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("production", "production"), ("prod_eu-1", "production"), ("Live", "production"),
        ("pre-production", "staging"), ("staging/eu", "staging"), ("qa2", None),
        ("review/feature-x", "development"), ("test", "testing"), ("products", None), (None, None),
    ],
)  # fmt: skip
def test_environments_are_known_by_the_words_of_their_names(name: str, kind: str | None) -> None:
    assert environment_kind(name) == kind


def test_issues_are_told_apart_by_type_and_labels() -> None:
    assert gitlab.kind_of("incident", ["bug"]) == "incident"
    assert gitlab.kind_of("issue", ["type::bug"]) == "bug"
    assert gitlab.kind_of("issue", ["debugging"]) == "other"
    assert gitlab.kind_of("issue", ["Feature"]) == "requirement"
    assert gitlab.scoped(["a", "Priority::3-Other"], "priority") == "3-Other"
