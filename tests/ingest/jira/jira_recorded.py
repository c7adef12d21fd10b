"""Recorded answers of a Jira and the rows that DevLake expects of them, as files have them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.parse import jira
from ingest.payload import Payload
from ingest.source import Instance

Shared = Callable[[str], Path]
OPTIONS = {"url": "https://merico.atlassian.net", "story_points_field": "customfield_10024"}
csv.field_size_limit(10**8)


def table(shared: Shared, name: str, *, plugin: str = "jira") -> list[dict[str, str]]:
    path = shared(f"fixtures/devlake-e2e/{plugin}/{name}.csv")
    text = path.read_text(encoding="utf-8").lstrip("\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def raw(shared: Shared, name: str) -> list[Any]:
    """Return the bodies of a raw table."""
    return [json.loads(row["data"]) for row in table(shared, f"raw_tables/_raw_jira_api_{name}")]


def expected(shared: Shared, name: str) -> list[dict[str, str]]:
    return table(shared, f"snapshot_tables/{name}")


def instance(**options: object) -> Instance:
    return Instance("j", "jira", "shop", {**OPTIONS, **options})


def rows(kind: str, body: object, at: Instance, **context: object) -> Mapping[str, list[dict]]:
    """Return what our parser makes of a body, by table."""
    payload = Payload(at, "1", "u", json.dumps(body).encode(), {"kind": kind, **context})
    found = jira.PARSERS[kind](payload)
    return {name: frame.to_dicts() for name, frame in found.items()}


def at(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def last(identifier: str) -> str:
    """Return the source's own id of an id of DevLake."""
    return identifier.split(":", 3)[3]
