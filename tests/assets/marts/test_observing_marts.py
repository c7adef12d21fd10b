"""Marts behind Incidents and Code: causes, hourly metrics, signals of a change, hot spots."""

from __future__ import annotations

from datetime import timedelta

import pytest
from story import Story, at


def deploy(story: Story, number: int, day: float, service: str = "cart", **cells: object) -> None:
    story.add(
        "core.deployments", deployment_id=f"d{number}", project_id="shop", service=service,
        environment="prod", environment_kind="production", commit_sha=f"{number:040x}",
        day=at(day).date(), queued_at=at(day), started_at=at(day), finished_at=at(day),
        **({"status": "passed"} | cells),
    )  # fmt: skip


def incident(story: Story, number: int, day: float, service: str | None = "cart") -> None:
    story.add(
        "core.incidents", incident_id=f"i{number}", project_id="shop", service=service,
        title="Slow", status="open", started_at=at(day), day=at(day).date(),
    )  # fmt: skip


def causes(story: Story, number: int = 1) -> dict[str, float]:
    found = story.mart("incident_causes")
    return {
        row["deployment_id"]: row["probability"]
        for row in found if row["incident_id"] == f"i{number}"
    }  # fmt: skip


def test_the_deployment_just_before_of_the_same_service_is_the_likeliest_cause(
    story: Story,
) -> None:
    deploy(story, 1, 0.0)
    deploy(story, 2, 1.9)
    deploy(story, 3, 1.99, service="search")
    incident(story, 1, 2.0)
    found = causes(story)
    assert max(found, key=lambda one: found[one]) == "d2"
    assert found["d2"] > 0.7 > found["d3"] > found["d1"]
    assert sum(found.values()) == pytest.approx(1)


def test_without_a_deployment_before_it_something_else_is_the_cause(story: Story) -> None:
    deploy(story, 1, 3.0)  # after it
    deploy(story, 2, 0.5, status="failed")
    incident(story, 1, 2.0)
    assert causes(story) == {"": 1.0}


def test_an_old_deployment_is_less_likely_than_the_background(story: Story) -> None:
    deploy(story, 1, 0.0)
    incident(story, 1, 6.0)
    found = causes(story)
    assert found[""] > 0.99 > found["d1"] > 0


def test_an_incident_without_a_service_leaves_all_candidates(story: Story) -> None:
    deploy(story, 1, 1.9)
    deploy(story, 2, 1.9, service="search")
    incident(story, 1, 2.0, service=None)
    found = causes(story)
    assert found["d1"] == pytest.approx(found["d2"])


def test_metrics_are_told_by_the_hour_without_what_is_no_number(story: Story) -> None:
    for minutes, value in ((0, 1.0), (30, 3.0), (45, float("nan")), (60, 7.0)):
        when = at(0) + timedelta(minutes=minutes)
        story.add("core.metric_points", instance="m", series="up", metric="up", at=when,
                  day=when.date(), project_id="shop", value=value)  # fmt: skip
    found = sorted(story.mart("metric_hourly"), key=lambda row: row["hour_at"])
    told = [(row["mean_value"], row["points"], row["highest"]) for row in found]
    assert told == [(2.0, 2, 3.0), (7.0, 1, 7.0)]


def change(story: Story, number: int, day: float, *paths: str, author: str = "Ada") -> str:
    sha = f"{number:040x}"
    story.commit(sha, author, committed_at=at(day), day=at(day).date(), insertions=10, deletions=5,
                 files_changed=len(paths))  # fmt: skip
    for path in paths:
        story.add(
            "core.commit_files",
            repository_id="shop-git",
            sha=sha,
            path=path,
            day=at(day).date(),
            change_type="modified",
            insertions=10,
            deletions=5,
        )
    return sha


def built(story: Story, number: int, status: str, day: float, *paths: str, **cells: str) -> None:
    sha = change(story, number, day, *paths, **cells)
    story.build(number, status, day=day + 0.01, commit_sha=sha)


def test_signals_know_only_what_stood_before_the_change(story: Story) -> None:
    built(story, 1, "passed", 0, "a.py")
    built(story, 2, "failed", 1, "a.py", author="Ben")
    story.add("core.code_findings", finding_id="f1", project_id="shop", path="a.py",
              status="open", created_at=at(0.5))  # fmt: skip
    story.add("core.code_findings", finding_id="f2", project_id="shop", path="a.py",
              status="open", created_at=at(1.5))  # fmt: skip
    story.add("core.code_measures", instance="q", component="a.py", metric="line_coverage",
              at=at(2), day=at(2).date(), project_id="shop", value=0.9)  # fmt: skip
    (row,) = story.mart("change_signals")
    assert (row["is_broken"], row["churn"], row["authors"]) == (True, 1, 1)
    assert (row["is_first_touch"], row["findings"], row["coverage"]) == (True, 1, None)


def test_only_a_first_failure_after_a_good_build_is_news(story: Story) -> None:
    for number, status in enumerate(("passed", "failed", "failed", "passed", "passed"), start=1):
        built(story, number, status, number, "a.py")
    found = sorted(story.mart("change_signals"), key=lambda row: row["build_id"])
    assert [row["is_broken"] for row in found] == [True, False]


def test_a_file_tells_who_knows_it_and_what_broke_with_it(story: Story) -> None:
    built(story, 1, "passed", 0, "a.py", "b.py")
    built(story, 2, "failed", 1, "a.py", author="Ben")
    built(story, 3, "passed", 2, "a.py")
    found = {row["path"]: row for row in story.mart("code_files")}
    assert found["a.py"]["owner"] == "Ada"
    assert (found["a.py"]["churn"], found["a.py"]["authors"]) == (3, 2)
    assert found["a.py"]["owner_share"] == pytest.approx(2 / 3)
    assert (found["a.py"]["bus_factor"], found["a.py"]["breaks"]) == (1, 1)
    assert (found["b.py"]["churn"], found["b.py"]["breaks"]) == (1, 0)
