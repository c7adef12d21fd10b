"""What the tests of GitHub share: rows of a payload, DevLake's tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

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
