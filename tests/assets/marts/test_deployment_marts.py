"""marts.deployments, deployment_commits, deployed_commits, change_lead_times: who carried what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from story import Story, at

from assets import refresh


def commit(story: Story, sha: str, *parents: str, day: float = 0, **cells: object) -> None:
    story.commit(
        sha, parents=list(parents), committed_at=at(day), day=at(day).date(),
        is_merge=len(parents) > 1, **cells,
    )  # fmt: skip


def deploy(story: Story, name: str, sha: str, *, day: float, **cells: object) -> None:
    told = {
        "deployment_id": name, "project_id": "shop", "source": "github", "day": at(day).date(),
        "service": "shop", "environment": "prod", "environment_kind": "production",
        "status": "passed", "commit_sha": sha, "queued_at": at(day), "finished_at": at(day),
    }  # fmt: skip
    story.add("core.deployments", **(told | cells))


def carried(story: Story) -> dict[str, str]:
    """Return the deployment that each commit came with; one place only."""
    rows = story.mart("deployed_commits")
    found = {row["sha"]: row["deployment_id"] for row in rows}
    assert len(found) == len(rows)
    return found


def line(story: Story, count: int, *, first: int = 0, per_day: float = 1.0) -> None:
    """Add commits c0, c1, ..., each the child of the one before."""
    for n in range(first, first + count):
        commit(story, f"c{n}", *([f"c{n - 1}"] if n else []), day=n / per_day)


def test_each_commit_belongs_to_the_first_deployment_that_has_it(story: Story) -> None:
    line(story, 9)
    deploy(story, "d1", "c2", day=2.5)
    deploy(story, "d2", "c5", day=5.5)
    deploy(story, "d3", "c8", day=8.5)
    assert carried(story) == {
        "c3": "d2", "c4": "d2", "c5": "d2", "c6": "d3", "c7": "d3", "c8": "d3",
    }  # fmt: skip
    (row,) = [one for one in story.mart("deployed_commits") if one["sha"] == "c4"]
    assert (row["lead_s"], row["is_head"]) == (1.5 * 86400, False)
    assert (row["day"], row["repository_id"]) == (at(5).date(), "shop-git")


def test_a_branch_comes_with_the_deployment_after_its_merge(story: Story) -> None:
    commit(story, "base", day=0)
    commit(story, "side1", "base", day=1)
    commit(story, "main1", "base", day=1)
    commit(story, "side2", "side1", day=3)
    commit(story, "merge", "main1", "side2", day=4)
    deploy(story, "d1", "base", day=0.5)
    deploy(story, "d2", "main1", day=2)
    deploy(story, "d3", "merge", day=5)
    assert carried(story) == {"main1": "d2", "side1": "d3", "side2": "d3", "merge": "d3"}


def test_a_long_way_round_does_not_take_what_was_carried_before(story: Story) -> None:
    """The walk from d3 gets below d2's long line through a short branch, and is put right."""
    line(story, 12)
    commit(story, "side", "c1", day=11)
    commit(story, "merge", "c11", "side", day=12)
    deploy(story, "d1", "c0", day=0.5)
    deploy(story, "d2", "c11", day=11.5)
    deploy(story, "d3", "merge", day=12.5)
    assert carried(story) == {
        **{f"c{n}": "d2" for n in range(1, 12)}, "side": "d3", "merge": "d3",
    }  # fmt: skip


def test_rollbacks_failures_and_repetitions_carry_nothing(story: Story) -> None:
    line(story, 6)
    deploy(story, "d1", "c1", day=1.5)
    deploy(story, "bad", "c4", day=4.2, status="failed")
    deploy(story, "d2", "c4", day=4.5)
    deploy(story, "again", "c4", day=4.6)
    deploy(story, "back", "c1", day=4.8)
    deploy(story, "d3", "c5", day=5.5)
    assert carried(story) == {"c2": "d2", "c3": "d2", "c4": "d2", "c5": "d3"}
    rows = {one["deployment_id"]: one for one in story.mart("deployment_commits")}
    before = {name: row["previous_deployment_id"] for name, row in rows.items()}
    assert before == {
        "d1": None, "bad": "d1", "d2": "d1", "again": "d2", "back": "again", "d3": "back",
    }  # fmt: skip
    assert [name for name, row in rows.items() if row["is_repeated"]] == ["again"]
    assert rows["d2"]["since_previous_s"] == pytest.approx(3 * 86400)


def test_services_and_environments_are_apart(story: Story) -> None:
    line(story, 4)
    for name, cells in {
        "a": {}, "b": {"service": "cart"}, "c": {"environment": "qa", "environment_kind": None},
    }.items():  # fmt: skip
        deploy(story, f"{name}1", "c1", day=1.5, **cells)
        deploy(story, f"{name}2", "c3", day=3.5, **cells)
    rows = story.mart("deployed_commits")
    assert {(one["sha"], one["deployment_id"]) for one in rows} == {
        (sha, f"{name}2") for sha in ("c2", "c3") for name in "abc"
    }


def test_step_by_step_is_the_same_as_at_once(story: Story) -> None:
    """A refresh after each deployment, with commits that come late, ends where a full one does."""
    line(story, 20, per_day=2)
    deploy(story, "d1", "c1", day=0.8)
    story.mart("deployed_commits")
    for n in range(2, 10):
        deploy(story, f"d{n}", f"c{2 * n}", day=n + 0.5)
        story.mart("deployed_commits")
    commit(story, "late", "c3", day=2)
    commit(story, "tip", "c19", "late", day=10)
    deploy(story, "d10", "tip", day=10.5)
    story.mart("deployed_commits")
    deploy(story, "d4", "c8", day=4.5, status="failed")
    stepwise = carried(story)
    story.lake.overwrite("marts.deployed_commits", story.lake.query(
        "select * from marts.deployed_commits").clear())  # fmt: skip
    (mart,) = [one for one in refresh.marts() if one.name == "deployed_commits"]
    days = [at(n).date() for n in range(40)]
    refresh.refresh(story.lake, mart, days=days)
    rows = story.lake.query("select sha, deployment_id from marts.deployed_commits").rows()
    assert stepwise == dict(rows)
    assert (stepwise["c7"], stepwise["late"]) == ("d5", "d10")


def test_a_commit_is_found_under_whatever_name_its_repository_has(story: Story) -> None:
    line(story, 4)
    for n in range(4):
        commit(story, f"c{n}", *([f"c{n - 1}"] if n else []), day=n, repository_id="mirror")
    deploy(story, "d1", "c1", day=1.5, repository_id="gh:team/shop")
    deploy(story, "d2", "c3", day=3.5, repository_id="gh:team/shop")
    assert carried(story) == {"c2": "d2", "c3": "d2"}


def test_an_old_service_walks_only_to_its_last_deployment(story: Story) -> None:
    line(story, 400)
    deploy(story, "d1", "c200", day=200.5)
    deploy(story, "d2", "c399", day=399.5)
    found = carried(story)
    assert set(found) == {f"c{n}" for n in range(201, 400)}


@pytest.mark.parametrize(
    ("pipeline", "stage", "kind"),
    [("ci", "Deploy to production", "production"), ("ci", "deploy-staging", "staging"),
     ("ci", "rollout prod", "production"), ("deploy-prod", "checkout", "production"),
     ("deploy", "build", None), ("ci", "Undeploy", ""), ("ci", "build", "")],
)  # fmt: skip
def test_builds_deploy_by_the_names_of_their_stages(
    pipeline: str, stage: str, kind: str | None, story: Story
) -> None:
    build = story.build(1, "passed", day=1, pipeline=pipeline)
    story.add(
        "core.stages", build_id=build, ordinal=0, attempt=1, day=at(1).date(), project_id="shop",
        name=stage, status="passed", started_at=at(1), duration_s=30.0,
    )  # fmt: skip
    rows = story.mart("deployments")
    if kind == "":
        assert rows == []
        return
    (row,) = rows
    assert (row["environment_kind"], row["commit_sha"], row["is_inferred"]) == (kind, "c1", True)
    assert (row["service"], row["status"], row["started_at"]) == (pipeline, "passed", at(1))


def test_a_stage_that_failed_is_a_failed_deployment_of_its_environment(story: Story) -> None:
    build = story.build(1, "failed", day=1)
    for ordinal, (name, status) in enumerate(
        [("deploy staging", "passed"), ("deploy prod", "failed"), ("deploy prod dr", "skipped")]
    ):
        story.add(
            "core.stages", build_id=build, ordinal=ordinal, attempt=1, day=at(1).date(),
            project_id="shop", name=name, status=status, started_at=at(1), duration_s=30.0,
        )  # fmt: skip
    rows = {one["deployment_id"]: one for one in story.mart("deployments")}
    assert {name: one["status"] for name, one in rows.items()} == {
        f"{build}:staging": "passed", f"{build}:production": "failed",
    }  # fmt: skip
    assert rows[f"{build}:staging"]["finished_at"] == at(1) + timedelta(seconds=30)


def test_a_build_that_a_source_calls_a_deployment_is_not_counted_twice(story: Story) -> None:
    build = story.build(1, "passed", day=1, pipeline="deploy")
    deploy(story, "d1", "c1", day=1, build_id=build)
    assert [one["deployment_id"] for one in story.mart("deployments")] == ["d1"]


def request(story: Story, **cells: object) -> None:
    told = {
        "change_request_id": "gh:1", "project_id": "shop", "repository_id": "gh", "number": 1,
        "author": "ada", "status": "merged", "day": at(1).date(), "opened_at": at(1),
        "merged_at": at(3), "merge_sha": "c3",
    }  # fmt: skip
    story.add("core.change_requests", **(told | cells))


def review(story: Story, who: str, day: float) -> None:
    story.add(
        "core.reviews", review_id=f"{who}{day}", change_request_id="gh:1", project_id="shop",
        reviewer=who, status="commented", submitted_at=at(day),
    )  # fmt: skip


def test_the_phases_of_a_change_request(story: Story) -> None:
    line(story, 5)
    story.add(
        "core.change_request_commits", change_request_id="gh:1", sha="x", project_id="shop",
        authored_at=at(0.25),
    )  # fmt: skip
    request(story)
    review(story, "ada", 1.25)
    review(story, "bob", 2)
    deploy(story, "d1", "c1", day=1.5)
    deploy(story, "qa", "c3", day=3.2, environment="qa", environment_kind="testing")
    deploy(story, "d2", "c4", day=4.5)
    deploy(story, "d3", "c4", day=5)
    (row,) = story.mart("change_lead_times")
    phases = {name: row[f"{name}_s"] / 86400 for name in (
        "coding", "pickup", "review", "deploy", "cycle",
    )}  # fmt: skip
    assert phases == {"coding": 0.75, "pickup": 1, "review": 1, "deploy": 1.5, "cycle": 4.25}
    assert (row["first_commit_sha"], row["first_review_id"]) == ("x", "bob2")
    assert row["deployment_id"] == "d2"


def test_phases_that_never_were_are_null(story: Story) -> None:
    request(story)
    review(story, "bob", 3.5)
    (row,) = story.mart("change_lead_times")
    assert [row[f"{name}_s"] for name in ("coding", "review", "deploy")] == [None] * 3
    assert row["cycle_s"] == 2 * 86400
    request(story, change_request_id="gh:2", merged_at=None, merge_sha=None)
    assert len(story.mart("change_lead_times")) == 1
