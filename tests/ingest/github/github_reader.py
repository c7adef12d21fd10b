"""What the tests of GitHub share: rows of a payload, of a pull, DevLake's tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from github_server import Github as GithubServer

from golive_core.schema import find
from golive_core.window import Window
from ingest.payload import Payload
from ingest.source import Context, Instance
from ingest.sources.github import Github

Shared = Callable[[str], Path]
INSTANCE = Instance("hub", "github", "shop", {"repositories": ["acme/shop"]})


def source(instance: Instance = INSTANCE) -> Github:
    return Github(instance, Context(Path("home"), Path()))


def parse(kind: str, body: object, **context: Any) -> dict[str, pl.DataFrame]:
    """Return the rows of one payload, given as JSON or as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"repository": "acme/shop", "repository_id": "hub:acme/shop", "kind": kind, **context}
    return dict(Github.parsers[kind](Payload(INSTANCE, "id", "uri", raw, told)))


def devlake(shared: Shared, name: str) -> list[dict[str, str]]:
    csv.field_size_limit(2**24)
    with shared(f"fixtures/devlake-e2e/github/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def recorded(shared: Shared, name: str) -> list[dict[str, Any]]:
    """Return the recorded answers of one list."""
    rows = devlake(shared, f"raw_tables/_raw_github_api_{name}")
    return [json.loads(row["data"]) for row in rows]


@dataclass
class Reader:
    """Pulls streams of a world without a lake; the cursor goes through JSON as it would there."""

    world: GithubServer
    options: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, dict] = field(default_factory=dict)
    requests: int = 0

    def source(self) -> Github:
        told = {"url": self.world.url, "repositories": ["acme/shop"], "checks": 5, **self.options}
        return source(Instance("hub", "github", "shop", told))

    def pull(self, stream: str, window: Window | None = None) -> dict[str, pl.DataFrame]:
        """Return the rows of what a pull brings, the last of each key, by table."""
        hub, found = self.source(), dict[str, list[pl.DataFrame]]()
        for pulled in hub.pull(stream, cursor=self.cursors.get(stream), window=window):
            self.requests += pulled.requests
            self.cursors[stream] = json.loads(json.dumps(pulled.cursor))
            for unit in hub.plan(pulled.payloads):
                for parsed in hub.parse(unit):
                    assert not parsed.rejects
                    for table, frame in parsed.tables.items():
                        found.setdefault(table, []).append(frame)
        made = {table: latest(table, frames) for table, frames in found.items()}
        return {table: frame for table, frame in made.items() if frame.height}

    def pull_all(self) -> int:
        """Pull every stream and return how many requests that took."""
        before = len(self.world.seen)
        for stream in Github.streams:
            self.pull(stream.name)
        return len(self.world.seen) - before


def latest(table: str, frames: list[pl.DataFrame]) -> pl.DataFrame:
    key = list(find(table).key)
    return pl.concat(frames).unique(key, keep="last", maintain_order=True).sort(key)
