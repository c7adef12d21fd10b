"""Loki as its HTTP API answers: streams of labels with values, a page by limit and direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.loki import LokiSource

SIZE = 10
QUERY = '{app="shop"}'


@dataclass
class World(Loopback):
    """Lines as (nanoseconds, stream, text), in the order of their times."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=5))

    def add(self, count: int) -> None:
        for number in range(count):
            at = int((self.began + timedelta(seconds=number)).timestamp()) * 10**9 + number
            text = f'{{"level":"warn","msg":"slow {number}"}}' if number % 3 else f"plain {number}"
            self.lines.append((at, ("cart", "pay")[number % 2], text))

    def fill(self) -> None:
        self.add(34)

    def expected(self) -> dict[str, int]:
        return {"core.log_lines": len(self.lines)}

    def change(self) -> Changed:
        at = int((self.began + timedelta(hours=1)).timestamp()) * 10**9
        self.lines.append((at, "cart", '{"level":"error","msg":"changed"}'))
        return Changed("core.log_lines", "message = 'changed'", "level", "error")

    def delete(self) -> None:
        """Lines stay."""

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "loki/api/v1/query_range" or asked.query["query"] != QUERY:
            return missing()
        found = [one for one in self.lines if one[0] >= int(asked.query["start"])]
        streams: dict[str, list[list[str]]] = {}
        for at, name, text in sorted(found)[: int(asked.query["limit"])]:
            streams.setdefault(name, []).append([str(at), text])
        result = [{"stream": {"app": "shop", "service_name": name}, "values": values}
                  for name, values in streams.items()]  # fmt: skip
        stats = {"summary": {"execTime": len(self.seen) / 1000, "totalLinesProcessed": len(found)}}
        data = {"resultType": "streams", "result": result, "stats": stats}
        return ok({"status": "success", "data": data})


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return world.expected()


CASE = Case(
    source=LokiSource,
    world=World,
    main="query_range?",
    options=lambda url: {"url": url, "query": QUERY, "page": SIZE},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
)
