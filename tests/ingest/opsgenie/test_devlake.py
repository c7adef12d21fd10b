"""DevLake's recorded answers of Opsgenie, and its own expected rows beside ours.

The one case of the recording. The mapping of columns is in the tests, every difference here:

ids              `opsgenie:Incident:1:<id>` in DevLake, `og:<id>` in ours.
issues           DevLake makes an issue of an incident, we a row of core.incidents. `issue_key` is
                 the id again, our `number` is the one that people use (tinyId). `description` has
                 no column, `type` is incident for all. `status` open is IN_PROGRESS there, open
                 here; resolved is DONE. P1 to P5 are kept there, here they are words.
resolution_date  When the incident last changed; ours is when its impact ended, the same here.
lead_time        0 minutes for one of 53 seconds: rounded. Ours is the difference of two times.
service_name     DevLake has it from its scope, we from the list of services, in the context.
assignees        A table of DevLake, whose names are all empty; ours is a list of ids in the row.
                 `_tool_opsgenie_assignments` and `_responders` say the same.
teams            No table of ours: a team answers as one of the responders, by its id.
users            `email` is the user name. Verified or not has no column.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.parse import opsgenie
from ingest.parse.rows import instant
from ingest.payload import Payload
from ingest.source import Instance

Shared = Callable[[str], Path]
STATUS = {"open": "IN_PROGRESS", "resolved": "DONE"}
SERVICE = "695bce3d-4621-4630-8ae1-24eb89c22d6e"


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    with shared(f"fixtures/devlake-e2e/opsgenie/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def raw(shared: Shared, name: str) -> Payload:
    found = [json.loads(row["data"]) for row in table(shared, f"raw_tables/_raw_opsgenie_{name}")]
    context = {"kind": name, "services": {SERVICE: "TestService"}}
    instance = Instance("og", "opsgenie", "shop", {})
    return Payload(instance, "id", "uri", json.dumps({"data": found}).encode(), context)


def last(key: str) -> str:
    return key.rpartition(":")[2]


@pytest.fixture
def incidents(shared: Shared) -> dict[str, dict]:
    found = opsgenie.incidents(raw(shared, "incidents"))["core.incidents"]
    return {last(one["incident_id"]): one for one in found.to_dicts()}


def test_incidents_are_the_issues_of_devlake(shared: Shared, incidents: dict[str, dict]) -> None:
    theirs = table(shared, "snapshot_tables/issues")
    assert {last(row["id"]) for row in theirs} == set(incidents)
    for row in theirs:
        mine = incidents[last(row["id"])]
        assert (mine["title"], mine["url"]) == (row["title"], row["url"])
        assert STATUS[mine["status"]] == row["status"]
        assert mine["started_at"] == instant(row["created_date"])
        assert mine["resolved_at"] == instant(row["resolution_date"] or None)
        assert mine["severity"] == opsgenie.SEVERITY[row["priority"]]
        assert row["type"] == "INCIDENT"
        if row["lead_time_minutes"]:
            took = (mine["resolved_at"] - mine["started_at"]).total_seconds()
            assert took // 60 == float(row["lead_time_minutes"])


def test_incidents_are_those_of_devlakes_own_table(
    shared: Shared, incidents: dict[str, dict]
) -> None:
    for row in table(shared, "snapshot_tables/_tool_opsgenie_incidents"):
        mine = incidents[row["id"]]
        assert (mine["service"], mine["title"]) == (row["service_name"], row["message"])
        assert mine["status"] == row["status"]
        assert row["service_id"] == SERVICE


@pytest.mark.parametrize(
    ("name", "incident", "person"),
    [
        ("issue_assignees", "issue_id", "assignee_id"),
        ("_tool_opsgenie_assignments", "incident_id", "responder_id"),
    ],
)
def test_responders_are_the_assignees_of_devlake(
    shared: Shared, incidents: dict[str, dict], name: str, incident: str, person: str
) -> None:
    theirs = table(shared, f"snapshot_tables/{name}")
    told = {(last(row[incident]), row[person]) for row in theirs}
    mine = {(key, last(who)) for key, one in incidents.items() for who in one["assignees"]}
    assert mine == told
    assert len(told) == 4


def test_accounts_are_the_users_of_devlake(shared: Shared) -> None:
    found = opsgenie.users(raw(shared, "users"))["core.accounts"].to_dicts()
    (mine,), (theirs,) = found, table(shared, "snapshot_tables/users")
    assert last(mine["account_id"]) == last(theirs["id"])
    assert (mine["email"], mine["login"], mine["name"]) == (
        theirs["email"], theirs["email"], theirs["name"],
    )  # fmt: skip
    assert mine["is_active"]
