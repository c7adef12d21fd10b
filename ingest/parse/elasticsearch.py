"""Hits of Elasticsearch and OpenSearch to rows of core.log_lines. Pure.

Documents have the fields of ECS or of a common logger: `ingest/parse/logs_json.py` knows both.
"""

from __future__ import annotations

from typing import Any

from golive_core.ids import content_id
from ingest.parse.logs_json import entry
from ingest.parse.logs_store import line_frame
from ingest.parse.rows import epoch
from ingest.payload import Payload, Tables


def rows(payload: Payload) -> Tables:
    """Return the documents of a page; the service is the index where none is named."""
    found = (_line(hit) for hit in payload.object()["hits"]["hits"])
    return {"core.log_lines": line_frame(payload, found)}


def _line(hit: dict[str, Any]) -> dict[str, Any]:
    said = entry(dict(hit["_source"]))
    return {
        **said, "at": said["at"] or epoch(hit["sort"][0], per_second=1000),
        "service": said["service"] or hit["_index"],
        "line": content_id(hit["_index"], hit["_id"]),
    }  # fmt: skip
