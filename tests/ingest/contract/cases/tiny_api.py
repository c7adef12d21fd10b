"""A source of a made-up issue tracker, for what `ingest/api.py` does for all sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, link, missing, ok

from golive_core.http import Answer, Http, Request, next_link
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk
from ingest.parse.rows import frame
from ingest.payload import Payload, Tables
from ingest.source import Context, Finding, Instance, Stream

SIZE = 10
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def issues(payload: Payload) -> Tables:
    rows = [
        {
            "issue_id": f"{payload.instance.name}:{one['id']}", "key": f"#{one['id']}",
            "project_id": payload.instance.project_id, "source": "tinyapi",
            "title": one["title"], "updated_at": one["updated"],
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.issues": frame("core.issues", rows)}


def notes(payload: Payload) -> Tables:
    issue = payload.context["issue"]
    rows = [
        {
            "transition_id": f"{issue}:{one['id']}", "issue_id": f"it:{issue}",
            "project_id": payload.instance.project_id, "field": "note",
            "to_value": one["text"], "changed_at": one["at"],
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.issue_transitions": frame("core.issue_transitions", rows)}


def branches(payload: Payload, *, is_deleted: bool = False) -> Tables:
    found = payload.object() if is_deleted else {one["name"]: one for one in payload.objects()}
    rows = [
        {"repository_id": "it", "branch": name, "kind": "branch", "head_sha": one["sha"],
         "is_deleted": is_deleted}
        for name, one in found.items()
    ]  # fmt: skip
    return {"core.branches": frame("core.branches", rows)}


PARSERS = {
    "issues": issues, "notes": notes, "branches": branches,
    "branches.gone": lambda payload: branches(payload, is_deleted=True),
}  # fmt: skip


class TinyApi(ApiSource):
    """Issues newest first with notes, and branches whole."""

    type = "tinyapi"
    title = "Tiny API"
    streams = (
        Stream("issues", "issues with notes", ("core.issues", "core.issue_transitions")),
        Stream("branches", "branches", ("core.branches",)),
    )
    scopes = ()
    example = '[source.it]\ntype = "tinyapi"\nurl = "https://x"'
    Options = ApiOptions
    parsers = PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = ApiOptions(**instance.options)

    def http(self) -> Http:
        token = self.secret(self.options.token)
        return self.client(
            self.options, headers={"Authorization": f"Bearer {token}"} if token else {}
        )

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        if stream == "branches":
            request = Request("branches", {"size": str(SIZE)})
            yield Walk("branches", "branches", request, next_link, keys=heads)
            return
        since = at.mark("issues")
        yield Walk(
            "issues", "issues", Request("issues", {"size": str(SIZE)}), next_link,
            details=wanted(since), mark=newest, stops=lambda page: oldest(page) < since,
        )  # fmt: skip

    def check(self) -> Iterator[Finding]:
        yield from self.checked(Request("issues", {"size": "1"}))


def heads(page: Answer) -> dict[str, Any]:
    return {one["name"]: {"sha": one["sha"]} for one in page.json()}


def newest(page: Answer) -> str:
    return max((one["updated"] for one in page.json()), default="")


def oldest(page: Answer) -> str:
    return min((one["updated"] for one in page.json()), default="")


def wanted(since: str) -> Any:
    def details(page: Answer) -> list[Request]:
        return [
            Request(f"issues/{one['id']}/notes", tag=Detail("notes", {"issue": one["id"]}))
            for one in page.json()
            if one["updated"] > since and one["noted"]
        ]

    return details


@dataclass
class World(Loopback):
    """Issues by id, and branches."""

    issues: dict[int, dict] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def add(self, count: int) -> None:
        for number in range(1, count + 1):
            at = T0 + timedelta(minutes=number)
            self.issues[number] = {
                "id": number, "title": "x", "updated": at.isoformat(), "noted": number % 5 == 0,
            }  # fmt: skip

    def fill(self) -> None:
        self.add(34)
        self.branches = {f"b{number}": f"{number:040x}" for number in range(23)}

    def expected(self) -> dict[str, int]:
        noted = sum(one["noted"] for one in self.issues.values())
        found = {"core.issues": 34, "core.issue_transitions": noted, "core.branches": 23}
        return {name: count for name, count in found.items() if count}

    def change(self) -> Changed:
        at = T0 + timedelta(days=1)
        self.issues[7] |= {"title": "y", "updated": at.isoformat()}
        return Changed("core.issues", "key = '#7'", "title", "y")

    def delete(self) -> Changed:
        del self.branches["b11"]
        return Changed("core.branches", "branch = 'b11'", "is_deleted", True)

    def answer(self, asked: Asked) -> Reply:
        if asked.path.endswith("/notes"):
            return ok([{"id": 1, "text": "hm", "at": T0.isoformat()}])
        lists = {
            "issues": sorted(self.issues.values(), key=lambda one: one["updated"], reverse=True),
            "branches": [{"name": name, "sha": sha} for name, sha in self.branches.items()],
        }
        if asked.path not in lists:
            return missing()
        size, number = int(asked.query["size"]), int(asked.query.get("page", 1))
        found = lists[asked.path]
        more = link(self, asked, page=number + 1) if len(found) > number * size else {}
        return ok(found[(number - 1) * size : number * size], **more)


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {"core.issues": count, "core.issue_transitions": count // 5}


CASE = Case(
    source=TinyApi,
    world=World,
    main="issues?",
    options=lambda url: {"url": url},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=4,
)
