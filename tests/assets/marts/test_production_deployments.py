"""marts.production_deployments: the traps of DORA's metrics, one by one."""

from __future__ import annotations

from story import Story, at
from test_deployment_marts import commit, deploy, line

HOUR = 1 / 24


def incident(
    story: Story, name: str, *, day: float, service: str | None = "shop", **cells: object
) -> None:
    told = {"incident_id": name, "project_id": "shop", "source": "pagerduty", "number": name,
            "day": at(day).date(), "service": service, "started_at": at(day)}  # fmt: skip
    story.add("core.incidents", **(told | cells))


def found(story: Story) -> dict[str, dict]:
    return {row["deployment_id"]: row for row in story.mart("production_deployments")}


def test_a_deployment_knows_what_it_carried_and_what_came_next(story: Story) -> None:
    line(story, 6)
    deploy(story, "d1", "c1", day=1.5)
    deploy(story, "d2", "c4", day=4.5)
    rows = found(story)
    assert (rows["d1"]["commits"], rows["d2"]["commits"]) == (0, 3)
    assert rows["d2"]["median_lead_s"] == 1.5 * 86400
    assert rows["d1"]["next_deployment_id"] == "d2"
    assert rows["d1"]["next_finished_at"] == at(4.5)
    assert rows["d2"]["next_deployment_id"] is None
    assert rows["d2"]["day"] == at(4.5).date()


def test_only_production_counts_and_what_did_not_get_through_is_told_apart(story: Story) -> None:
    line(story, 4)
    deploy(story, "d1", "c1", day=1)
    deploy(story, "stage", "c2", day=2, environment_kind="staging")
    deploy(story, "bad", "c2", day=2.5, status="failed")
    deploy(story, "going", "c3", day=3, status="running")
    deploy(story, "d2", "c3", day=3.5)
    rows = found(story)
    assert {name: row["status"] for name, row in rows.items()} == {
        "d1": "passed", "bad": "failed", "d2": "passed",
    }  # fmt: skip
    assert rows["d1"]["next_deployment_id"] == "d2"
    assert rows["bad"]["next_deployment_id"] is None


def test_many_incidents_of_one_deployment_count_once(story: Story) -> None:
    line(story, 4)
    deploy(story, "d1", "c1", day=1)
    deploy(story, "d2", "c3", day=3)
    incident(story, "i2", day=1 + 2 * HOUR, resolved_at=at(1 + 5 * HOUR))
    incident(story, "i1", day=1 + HOUR, resolved_at=at(1 + 4 * HOUR))
    rows = found(story)
    assert (rows["d1"]["incidents"], rows["d1"]["incident_id"]) == (2, "i1")
    assert rows["d1"]["incident_lag_s"] == 3600
    assert rows["d1"]["incident_resolved_at"] == at(1 + 4 * HOUR)
    assert rows["d2"]["incidents"] == 0


def test_an_incident_belongs_to_the_newest_deployment_of_its_service(story: Story) -> None:
    line(story, 5)
    deploy(story, "shop1", "c1", day=1)
    deploy(story, "api1", "c2", day=2, service="api")
    deploy(story, "shop2", "c3", day=3)
    incident(story, "before any", day=0.5)
    incident(story, "of the api", day=3.5, service="API")
    incident(story, "of the shop", day=2.5)
    incident(story, "of the database", day=2.2, service="postgres")
    incident(story, "of nothing", day=3.2, service=None)
    blamed = {name: row["incident_id"] for name, row in found(story).items()}
    assert blamed == {"shop1": "of the shop", "api1": "of the database", "shop2": "of nothing"}
    assert found(story)["api1"]["incidents"] == 2


def test_an_open_incident_has_no_end(story: Story) -> None:
    line(story, 2)
    deploy(story, "d1", "c1", day=1)
    incident(story, "i1", day=1 + HOUR)
    assert found(story)["d1"]["incident_resolved_at"] is None


def test_going_back_to_what_was_there_is_a_rollback(story: Story) -> None:
    line(story, 4)
    for number, sha in enumerate(("c1", "c1", "c2", "c1", "c3"), 1):
        deploy(story, f"d{number}", sha, day=number)
    rows = found(story)
    assert [name for name, row in rows.items() if row["is_rollback"]] == ["d4"]
    assert [name for name, row in rows.items() if row["is_rolled_back"]] == ["d3"]


def test_the_next_deployment_tells_its_words(story: Story) -> None:
    commit(story, "c0", day=0)
    commit(story, "c1", "c0", day=1, subject="Fix the till")
    deploy(story, "d1", "c0", day=1)
    deploy(story, "d2", "c1", day=2, branch="hotfix/till")
    row = found(story)["d1"]
    assert (row["next_branch"], row["next_subject"]) == ("hotfix/till", "Fix the till")


def test_what_follows_later_changes_no_day_before(story: Story) -> None:
    line(story, 8)
    for number in range(1, 5):
        deploy(story, f"d{number}", f"c{number}", day=number)
    incident(story, "i1", day=2 + HOUR, resolved_at=at(2 + 2 * HOUR))
    before = found(story)
    deploy(story, "d9", "c7", day=9)
    after = found(story)
    told = ("next_deployment_id", "next_finished_at", "next_branch", "next_subject")
    for name in ("d1", "d2", "d3"):
        assert after[name] == before[name]
    assert {k: v for k, v in after["d4"].items() if k not in told} == {
        k: v for k, v in before["d4"].items() if k not in told
    }
