"""SonarQube as its Web API answers: searches with pages, at most 10,000 results of one search."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.sonarqube import METRICS, Sonarqube

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = 500
LIMIT = 10_000
KEY = "shop-web"


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S%z")


@cache
def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


@dataclass
class World(Loopback):
    """Issues by key, analyses oldest first, hotspots and users."""

    issues: dict[str, dict] = field(default_factory=dict)
    analyses: list[datetime] = field(default_factory=list)
    hotspots: list[dict] = field(default_factory=list)
    users: list[dict] = field(default_factory=list)

    def add(self, count: int, *, every_s: int = 1) -> None:
        for number in range(count):
            at = T0 + timedelta(seconds=every_s * number)
            self.issues[f"I{number}"] = {
                "key": f"I{number}", "rule": "java:S1", "severity": "MAJOR", "type": "BUG",
                "component": f"{KEY}:src/A.java", "project": KEY, "line": 3, "status": "OPEN",
                "message": "Mend it", "effort": "1h5min", "author": "ann@example.org",
                "creationDate": written(at), "updateDate": written(at),
            }  # fmt: skip
        self.analyses = self.analyses or [T0]

    def fill(self) -> None:
        self.add(1100)
        self.analyses = [T0 + timedelta(days=n) for n in range(3)]
        self.hotspots = [
            {"key": f"H{n}", "component": f"{KEY}:src/B.java", "project": KEY, "line": n,
             "ruleKey": "java:S2", "vulnerabilityProbability": "HIGH", "status": "TO_REVIEW",
             "message": "Look", "creationDate": written(T0), "updateDate": written(T0)}
            for n in (1, 2)
        ]  # fmt: skip
        self.users = [{"login": name, "name": name.title(), "active": True, "local": True}
                      for name in ("ann", "bob")]  # fmt: skip

    def expected(self) -> dict[str, int]:
        return {
            "core.code_findings": 1102, "core.accounts": 2,
            "core.code_measures": len(METRICS) * len(self.analyses),
            "core.quality_gates": len(self.analyses),
        }  # fmt: skip

    def change(self) -> Changed:
        at = written(T0 + timedelta(days=4))
        self.issues["I7"] |= {"status": "RESOLVED", "resolution": "FIXED", "updateDate": at}
        self.analyses.append(T0 + timedelta(days=4))
        return Changed("core.code_findings", "finding_id = 'it:I7'", "status", "resolved")

    def delete(self) -> Changed:
        self.hotspots = self.hotspots[:1]
        return Changed("core.code_findings", "finding_id = 'it:H2'", "status", "resolved")

    def answer(self, asked: Asked) -> Reply:
        lists = {
            "components/search_projects": self.projects, "issues/search": self.found,
            "project_analyses/search": self.analysed, "measures/search_history": self.history,
            "hotspots/search": lambda _: ("hotspots", self.hotspots),
            "users/search": lambda _: ("users", self.users),
        }  # fmt: skip
        name = asked.path.removeprefix("api/")
        if name == "authentication/validate":
            return ok({"valid": True})
        if name == "components/show" and asked.query["component"] == KEY:
            return ok({"component": {"key": KEY}})
        if name not in lists:
            return missing()
        key, found = lists[name](asked)
        size, number = int(asked.query["ps"]), int(asked.query.get("p", 1))
        if size * number > LIMIT:
            return 400, b'{"errors":[{"msg":"Can return only the first 10000 results"}]}', {}
        paging = {"pageIndex": number, "pageSize": size, "total": len(found)}
        return ok({"paging": paging, key: found[(number - 1) * size : number * size]})

    def projects(self, _: Asked) -> tuple[str, list]:
        last = {"analysisDate": written(self.analyses[-1])} if self.analyses else {}
        return "components", [{"key": KEY, "name": "Shop", "qualifier": "TRK", **last}]

    def found(self, asked: Asked) -> tuple[str, list]:
        by = {"UPDATE_DATE": "updateDate", "CREATION_DATE": "creationDate"}[asked.query["s"]]
        since = moment(asked.query.get("createdAfter", "1970-01-01T00:00:00+0000"))
        found = [one for one in self.issues.values() if moment(one["creationDate"]) >= since]
        is_ascending = asked.query["asc"] == "true"
        return "issues", sorted(found, key=lambda one: one[by], reverse=not is_ascending)

    def analysed(self, asked: Asked) -> tuple[str, list]:
        since = moment(asked.query.get("from", "1970-01-01T00:00:00+0000"))
        return "analyses", [
            {"key": f"A{n}", "date": written(at), "revision": f"{n:040x}", "events": []}
            for n, at in reversed(list(enumerate(self.analyses)))
            if at >= since
        ]

    def history(self, asked: Asked) -> tuple[str, list]:
        ends = [moment(asked.query[name]) for name in ("from", "to")]
        dates = [written(at) for at in self.analyses if ends[0] <= at <= ends[1]]
        return "measures", [
            {"metric": name, "history": [{"date": at, "value": value(name)} for at in dates]}
            for name in asked.query["metrics"].split(",")
        ]


def value(metric: str) -> Any:
    special = {
        "alert_status": "ERROR",
        "quality_gate_details": '{"level":"ERROR","conditions":[{"metric":"coverage","op":"LT",'
        '"error":"80","actual":"75.0","level":"ERROR"}]}',
    }
    return special.get(metric, "75.0")


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {
        "core.code_findings": count, "core.code_measures": len(METRICS), "core.quality_gates": 1,
    }  # fmt: skip


CASE = Case(
    source=Sonarqube,
    world=World,
    main="issues/search",
    options=lambda url: {"url": url, "projects": [KEY]},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=4,
)
