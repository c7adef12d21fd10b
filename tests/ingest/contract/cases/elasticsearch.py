"""Elasticsearch as `_search` answers: hits with index, id, source and the values they sort by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.elasticsearch import ElasticsearchSource

SIZE = 10
INDEX = ".ds-logs-shop-2026.11.24-000001"


@dataclass
class World(Loopback):
    """Documents by id; four have each time."""

    documents: dict[str, dict] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=5))

    def document(self, at: datetime, level: str, message: str) -> dict:
        return {
            "@timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "message": message, "log": {"level": level, "logger": "shop"},
            "service": {"name": "cart"}, "ecs": {"version": "8.11.0"},
        }  # fmt: skip

    def add(self, count: int) -> None:
        for number in range(count):
            at = self.began + timedelta(seconds=number // 4)
            self.documents[f"d{number}"] = self.document(at, "info", f"line {number}")

    def fill(self) -> None:
        self.add(34)

    def expected(self) -> dict[str, int]:
        return {"core.log_lines": len(self.documents)}

    def change(self) -> Changed:
        at = self.began + timedelta(hours=1)
        self.documents["new"] = self.document(at, "ERROR", "changed")
        return Changed("core.log_lines", "message = 'changed'", "level", "error")

    def delete(self) -> None:
        """Documents that are gone were lines nevertheless."""

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "logs-*/_search":
            return missing()
        search = json.loads(asked.query["source"])
        assert list(search["sort"][0]) == ["@timestamp"]
        since = search["query"]["bool"]["filter"][1]["range"]["@timestamp"]["gte"]
        hits = [
            {"_index": INDEX, "_id": key, "_source": one, "sort": [millis(one["@timestamp"])]}
            for key, one in self.documents.items()
            if millis(one["@timestamp"]) >= since
        ]
        hits.sort(key=lambda hit: hit["sort"])
        return ok({"hits": {"hits": hits[: search["size"]]}} if hits else {})


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return world.expected()


CASE = Case(
    source=ElasticsearchSource,
    world=World,
    main="_search?",
    options=lambda url: {"url": url, "page": SIZE},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
)
