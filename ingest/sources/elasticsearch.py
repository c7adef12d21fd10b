"""Log documents of Elasticsearch or OpenSearch that a query string finds, by `/<index>/_search`.

Pages are by time and not by a scroll or a point in time, which the store would have to keep open
and which end when a pull is killed. A document is known by its index and its id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from golive_core.http import Answer, Http, Request
from ingest.log_queries import QueryOptions, QuerySource, listed
from ingest.parse import elasticsearch
from ingest.payload import Parser
from ingest.source import Context, Instance


class ElasticsearchOptions(QueryOptions, extra="forbid"):
    """Options of `[source.<name>]` with type elasticsearch; `time` is the field of the time."""

    query: str = "*"
    index: str = "logs-*"
    time: str = "@timestamp"


class ElasticsearchSource(QuerySource[ElasticsearchOptions]):
    """Reads one query of one cluster."""

    type: ClassVar[str] = "elasticsearch"
    title: ClassVar[str] = "Elasticsearch and OpenSearch"
    scopes: ClassVar[tuple[str, ...]] = ("read on the index",)
    example: ClassVar[str] = """\
[source.shop-elastic]
type = "elasticsearch"
project = "shop"
url = "https://elastic.example.org:9200"
index = "logs-shop-*"
query = "service.name:cart AND NOT log.level:debug"
# token = "env:ELASTIC_KEY"  # an API key; with user = "ann" it is her password
# time = "@timestamp"
# days = 7                   # how far back the first pull goes
"""
    Options: ClassVar[type[ElasticsearchOptions]] = ElasticsearchOptions
    parsers: ClassVar[Mapping[str, Parser]] = {"lines": elasticsearch.rows}
    unit_s: ClassVar[int] = 1000

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = ElasticsearchOptions.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the cluster."""
        return self.client(self.options, **self.credentials("ApiKey"))

    def request(self, after: int, until: int | None, size: int) -> Request:
        """Ask for documents from a time (ms) on, oldest first; the body goes as a parameter."""
        span: dict[str, object] = {"gte": after, "format": "epoch_millis"}
        if until is not None:
            span["lt"] = until
        order = {"order": "asc", "unmapped_type": "date", "numeric_type": "date"}
        wanted = [{"query_string": {"query": self.options.query}},
                  {"range": {self.options.time: span}}]  # fmt: skip
        search = {
            "size": size, "track_total_hits": False, "query": {"bool": {"filter": wanted}},
            "sort": [{self.options.time: order}],
        }  # fmt: skip
        params = {"source": json.dumps(search, separators=(",", ":")),
                  "source_content_type": "application/json",
                  "filter_path": "hits.hits._index,hits.hits._id,hits.hits._source,hits.hits.sort",
                  }  # fmt: skip
        return Request(f"{self.options.index}/_search", params)

    def times(self, answer: Answer) -> list[int]:
        """Return the milliseconds by which the documents are sorted."""
        return [int(hit["sort"][0]) for hit in listed(answer.json(), "hits", "hits")]
