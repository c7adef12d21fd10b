"""Confluence as its REST API answers: a search by CQL, the trash, links to the next list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.confluence import Confluence

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = 50


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@dataclass
class World(Loopback):
    """Pages by id; `zone` is that of the user, in which CQL is read."""

    pages: dict[int, dict[str, Any]] = field(default_factory=dict)
    zone: timedelta = timedelta(hours=-8)

    def add(self, count: int) -> None:
        for number in range(1, count + 1):
            self.pages[number] = {
                "id": str(number), "type": "page", "status": "current", "title": f"Page {number}",
                "space": {"key": "SHOP", "name": "Shop"}, "at": T0 + timedelta(minutes=number),
                "history": {"createdDate": written(T0)}, "version": {"number": 1},
                "body": {"storage": {"value": "<p>Restart it</p>", "representation": "storage"}},
                "metadata": {"labels": {"results": [{"prefix": "global", "name": "runbook"}]}},
                "_links": {"webui": f"/spaces/SHOP/pages/{number}"},
            }  # fmt: skip

    def fill(self) -> None:
        self.add(120)

    def expected(self) -> dict[str, int]:
        return {"core.documents": 120}

    def change(self) -> Changed:
        body = {"storage": {"value": "<p>Wait</p>", "representation": "storage"}}
        self.pages[7] |= {"body": body, "at": T0 + timedelta(hours=5)}
        return Changed("core.documents", "document_id = 'it:7'", "body", "Wait")

    def delete(self) -> Changed:
        self.pages[9] |= {"status": "trashed"}
        return Changed("core.documents", "document_id = 'it:9'", "is_deleted", True)

    def answer(self, asked: Asked) -> Reply:
        lists = {"rest/api/content/search": self.found, "rest/api/content": self.trash}
        if asked.path == "rest/api/space/SHOP":
            return ok({"key": "SHOP"})
        if asked.path == "rest/api/space":
            return ok({"results": [], "size": 0})
        if asked.path not in lists:
            return missing()
        found = lists[asked.path](asked)
        start, size = int(asked.query.get("start", 0)), int(asked.query["limit"])
        query = urlencode({**asked.query, "start": start + size})
        more = {"next": f"/{asked.path}?{query}"} if start + size < len(found) else {}
        shown = [self.shown(one) for one in found[start : start + size]]
        links = {"base": self.url, "context": "", **more}
        return ok({"results": shown, "start": start, "limit": size, "size": len(shown),
                   "_links": links})  # fmt: skip

    def found(self, asked: Asked) -> list[dict]:
        cql = asked.query["cql"]
        assert cql.startswith('type = page and space in ("SHOP")')
        assert cql.endswith(" order by lastmodified desc")
        match = re.search(r'lastmodified >= "([^"]+)"', cql)
        text = f"{match[1] if match else '1970-01-02 00:00'} +0000"
        since = datetime.strptime(text, "%Y-%m-%d %H:%M %z") - self.zone
        pages = [one for one in self.pages.values() if one["status"] == "current"]
        newest = sorted(pages, key=lambda one: one["at"], reverse=True)
        return [one for one in newest if one["at"] >= since]

    def trash(self, asked: Asked) -> list[dict]:
        assert asked.query["status"] == "trashed"
        return [one for one in self.pages.values() if one["status"] == "trashed"]

    def shown(self, one: dict) -> dict:
        version = {**one["version"], "when": written(one["at"]), "by": {"displayName": "Ann"}}
        return {**{name: one[name] for name in one if name != "at"}, "version": version}


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {"core.documents": count}


CASE = Case(
    source=Confluence,
    world=World,
    main="content/search",
    options=lambda url: {"url": url, "spaces": ["SHOP"]},
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=2,
)
