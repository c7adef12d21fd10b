"""Answers of log stores, in the shapes of their documentation, become lines with all they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from golive_core.settings import Instance
from golive_core.window import Window
from ingest.parse import elasticsearch, loki
from ingest.payload import Parser, Payload
from ingest.source import Context
from ingest.sources.elasticsearch import ElasticsearchSource
from ingest.sources.loki import LokiSource


def lines(parser: Parser, body: object) -> list[dict[str, Any]]:
    """Return the rows of an answer, attributes decoded."""
    payload = Payload(Instance("it", "any", "shop", {}), "p", "u", json.dumps(body).encode(), {})
    rows = parser(payload)["core.log_lines"].to_dicts()
    return [row | {"attributes": json.loads(row["attributes"] or "{}")} for row in rows]


def streams(*values: list[Any], **labels: str) -> dict[str, Any]:
    result = [{"stream": labels, "values": list(values)}]
    return {"status": "success", "data": {"resultType": "streams", "result": result}}


def test_loki_tells_labels_metadata_and_level() -> None:
    words, objects = lines(
        loki.rows,
        streams(
            ["1569266497240578000", "cart \x1b[31mfull\x1b[0m", {"trace_id": "0242ac120002"}],
            ["1569266492548155000", '{"level":"error","msg":"boom","took":3}'],
            app="cart", detected_level="warn",
        ),
    )  # fmt: skip
    assert words["at"] == datetime(2019, 9, 23, 19, 21, 37, 240578, tzinfo=UTC)
    assert (words["service"], words["level"], words["message"]) == ("cart", "warning", "cart full")
    assert words["attributes"]["trace_id"] == "0242ac120002"
    assert (objects["message"], objects["attributes"]["took"]) == ("boom", 3)


def test_a_line_of_loki_is_known_by_stream_time_and_text() -> None:
    first = lines(loki.rows, streams(["1", "a"], ["1", "b"], ["2", "a"], app="x"))
    other = lines(loki.rows, streams(["1", "a"], app="x", pod="y"))
    again = lines(loki.rows, streams(["1", "a"], app="x"))
    assert len({row["line"] for row in (*first, *other)}) == 4
    assert again[0]["line"] == first[0]["line"]


def test_a_document_in_ecs_keeps_its_trace_and_other_fields() -> None:
    source = {
        "@timestamp": "2026-11-24T10:00:00.123Z", "message": "boom", "log.level": "ERROR",
        "service": {"name": "cart"}, "error": {"stack_trace": "E: boom\n\tat a.B.c(B.java:1)"},
        "host": {"name": "n1"},
    }  # fmt: skip
    hit = {"_index": "logs-shop", "_id": "1", "_source": source, "sort": [1_764_000_000_123]}
    (row,) = lines(elasticsearch.rows, {"hits": {"hits": [hit]}})
    assert row["message"] == "boom\nE: boom\n\tat a.B.c(B.java:1)"
    assert (row["service"], row["level"]) == ("cart", "error")
    assert row["attributes"]["host"] == {"name": "n1"}


def test_a_document_without_time_and_service_has_those_of_its_hit() -> None:
    hit = {
        "_index": "logs-shop",
        "_id": "1",
        "_source": {"message": "x"},
        "sort": [1_764_000_000_000],
    }
    (row,) = lines(elasticsearch.rows, {"hits": {"hits": [hit]}})
    assert row["at"] == datetime(2025, 11, 24, 16, tzinfo=UTC)
    assert row["service"] == "logs-shop"


@pytest.mark.parametrize("kind", [LokiSource, ElasticsearchSource])
def test_a_window_is_asked_for_with_both_ends(kind: Any, tmp_path: Any) -> None:
    options = {"url": "http://127.0.0.1:1", "query": "x"}
    source = kind(Instance("it", kind.type, "shop", options), Context(tmp_path, tmp_path))
    window = Window(datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC))
    start, end = (int(at.timestamp() * kind.unit_s) for at in (window.start, window.end))
    asked = str(source.request(start, end, 10).params)
    assert str(start) in asked
    assert str(end) in asked
