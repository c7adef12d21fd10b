"""Jira as Cloud answers: search by JQL with tokens, sprints of boards, versions.

Shapes are those of Atlassian's OpenAPI descriptions and of recordings; an own server differs in the
search alone, and `Server` below is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.jira import Jira

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = 100
SPRINT_FIELD = "customfield_10020"
STATUSES = {"1": ("To Do", "new"), "3": ("In Progress", "indeterminate"), "5": ("Done", "done")}
ANN = {
    "accountId": "5e97", "displayName": "Ann Onym", "active": True, "accountType": "atlassian",
}  # fmt: skip


def written(at: datetime) -> str:
    """Return a time as Jira writes it, in the zone of the user."""
    local = at.astimezone(datetime.strptime("+0800", "%z").tzinfo)
    return local.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0800"


def status(number: str) -> dict[str, Any]:
    name, key = STATUSES[number]
    return {"id": number, "name": name, "statusCategory": {"id": 2, "key": key, "name": name}}


def change(number: int, at: datetime, *items: dict[str, Any]) -> dict[str, Any]:
    return {"id": str(number), "author": ANN, "created": written(at), "items": list(items)}


def moved(old: str, new: str) -> dict[str, Any]:
    return {
        "field": "status", "fieldtype": "jira", "fieldId": "status",
        "from": old, "fromString": STATUSES[old][0], "to": new, "toString": STATUSES[new][0],
    }  # fmt: skip


@dataclass
class World(Loopback):
    """Issues by id; every fourth was started, every tenth is in the sprint."""

    deployment: str = "Cloud"
    issues: dict[int, dict] = field(default_factory=dict)
    past: dict[int, list[dict]] = field(default_factory=dict)
    is_planned: bool = False

    def add(self, count: int, *, every_s: float = 60) -> None:
        for number in range(1, count + 1):
            at = T0 + timedelta(seconds=every_s * number)
            key = f"SHOP-{number}"
            self.issues[number] = {"id": str(10000 + number), "key": key, "at": at, "fields": {
                "summary": f"Issue {number}", "issuetype": {"name": "Bug", "subtask": False},
                "description": {"type": "doc", "version": 1, "content": [
                    {"type": "paragraph", "content": [{"type": "text", "text": "It fails"}]}]},
                "status": status("1"), "labels": ["b", "a"], "reporter": ANN, "creator": ANN,
                "created": written(T0),
                SPRINT_FIELD: [{"id": 7, "name": "Sprint 7", "state": "active", "boardId": 8}]
                if number % 10 == 0 else None,
            }}  # fmt: skip
            self.past[number] = [change(number, at, moved("1", "3"))] if number % 4 == 0 else []

    def fill(self) -> None:
        self.add(230)
        self.is_planned = True
        self.past[230] = [change(9000 + n, T0, moved("1", "3")) for n in range(130)]

    def expected(self) -> dict[str, int]:
        return {
            "core.issues": 230, "core.sprint_issues": 23, "core.accounts": 1,
            "core.issue_transitions": sum(map(len, self.past.values())),
            "core.sprints": 2, "core.versions": 2,
        }  # fmt: skip

    def touch(self, number: int, later: timedelta, **fields: object) -> None:
        self.issues[number]["fields"] |= fields
        self.issues[number]["at"] = T0 + later

    def change(self) -> Changed:
        self.touch(7, timedelta(days=1), status=status("5"))
        self.past[7] = [change(777, T0, moved("1", "5"))]
        return Changed("core.issue_transitions", "issue_id = 'it:10007'", "to_status", "done")

    def delete(self) -> Changed:
        """Take an issue out of the sprint: Jira does not tell of issues that are gone."""
        self.touch(20, timedelta(days=2), **{SPRINT_FIELD: []})
        item = {"field": "Sprint", "from": "7", "fromString": "Sprint 7", "to": "", "toString": ""}
        self.past[20].append(change(778, T0, item))
        return Changed("core.sprint_issues", "issue_id = 'it:10020'", "is_removed", True)

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("rest/").replace("api/3/", "api/2/")
        lists = {
            "api/2/serverInfo": {"deploymentType": self.deployment, "version": "9.12.0"},
            "api/2/myself": ANN,
            "api/2/mypermissions": {"permissions": {"BROWSE_PROJECTS": {
                "havePermission": asked.query.get("projectKey") == "SHOP"}}},
            "api/2/status": [status(number) for number in STATUSES],
            "api/2/field": [{"id": SPRINT_FIELD, "name": "Sprint", "schema": {
                "type": "array", "custom": "com.pyxis.greenhopper.jira:gh-sprint"}}],
            "api/2/project/SHOP/versions": self.versions(),
            "agile/1.0/board": values(self.boards()),
            "agile/1.0/board/8/sprint": values(self.sprints()),
        }  # fmt: skip
        if path == self.search:
            return self.found(asked)
        if path.endswith("/changelog"):
            past = self.past[int(path.split("/")[-2]) - 10000]
            return ok(values(past[int(asked.query["startAt"]) :][:SIZE]))
        return ok(lists[path]) if path in lists else missing()

    @property
    def search(self) -> str:
        return "api/2/search/jql" if self.deployment == "Cloud" else "api/2/search"

    def versions(self) -> list[dict]:
        return [
            {"id": str(n), "name": f"1.{n}", "released": n == 1, "archived": False,
             "releaseDate": "2026-03-05"}
            for n in (1, 2)
        ] if self.is_planned else []  # fmt: skip

    def boards(self) -> list[dict]:
        return [{"id": 8, "name": "Shop board", "type": "scrum"},
                {"id": 9, "name": "Flow", "type": "kanban"}] if self.is_planned else []  # fmt: skip

    def sprints(self) -> list[dict]:
        return [
            {"id": n, "name": f"Sprint {n}", "state": "active", "originBoardId": 8,
             "startDate": "2026-03-01T00:00:00.000Z", "self": f"{self.url}/sprint/{n}"}
            for n in (7, 8)
        ]  # fmt: skip

    def found(self, asked: Asked) -> Reply:
        jql = asked.query["jql"]
        order = re.search(r" ORDER BY updated (ASC|DESC)$", jql)[1]
        since = int(re.search(r"updated >= (\d+)", jql)[1]) / 1000
        found = [one for one in self.issues.values() if one["at"].timestamp() >= since]
        found.sort(key=lambda one: (one["at"], int(one["id"])), reverse=order == "DESC")
        start = int(asked.query.get("nextPageToken", asked.query.get("startAt", 0)))
        issues = [self.shown(one) for one in found[start : start + SIZE]]
        end = start + len(issues)
        if self.deployment != "Cloud":
            return ok({"startAt": start, "maxResults": SIZE, "total": len(found),
                       "issues": issues})  # fmt: skip
        more = {"nextPageToken": str(end)} if end < len(found) else {}
        return ok({"issues": issues, "isLast": not more, **more})

    def shown(self, one: dict) -> dict:
        past = self.past[int(one["id"]) - 10000]
        return {
            "id": one["id"], "key": one["key"],
            "fields": {**one["fields"], "updated": written(one["at"])},
            "changelog": {"startAt": 0, "total": len(past), "histories": past[:SIZE]},
        }  # fmt: skip


def values(found: list[dict]) -> dict:
    return {"startAt": 0, "maxResults": 50, "isLast": True, "values": found}


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {
        "core.issues": count, "core.issue_transitions": count // 4,
        "core.sprint_issues": count // 10, "core.accounts": 1,
    }  # fmt: skip


CASE = Case(
    source=Jira,
    world=World,
    main="search",
    options=lambda url: {"url": url, "projects": ["SHOP"]},
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=7,
)
