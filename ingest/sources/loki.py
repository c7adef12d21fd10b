"""Lines of Grafana Loki that a LogQL query finds, by `/loki/api/v1/query_range`.

The store keeps a time in nanoseconds for each line; a line is known by the labels of its stream,
its time and its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from golive_core.http import Answer, Http, Request
from ingest.log_queries import QueryOptions, QuerySource, listed
from ingest.parse import loki
from ingest.payload import Parser
from ingest.source import Context, Instance


class LokiOptions(QueryOptions, extra="forbid"):
    """Options of `[source.<name>]` with type loki; `tenant` is sent as X-Scope-OrgID."""

    tenant: str = ""
    page: int = Field(5_000, ge=1, le=5_000)


class LokiSource(QuerySource[LokiOptions]):
    """Reads one query of one Loki."""

    type: ClassVar[str] = "loki"
    title: ClassVar[str] = "Grafana Loki"
    scopes: ClassVar[tuple[str, ...]] = ("logs:read, or read access to the tenant",)
    example: ClassVar[str] = """\
[source.shop-loki]
type = "loki"
project = "shop"
url = "https://loki.example.org"
query = '{app="shop"}'
# token = "env:LOKI_TOKEN"   # with user = "ann" it is her password
# tenant = "team-a"
# days = 7                   # how far back the first pull goes
"""
    Options: ClassVar[type[LokiOptions]] = LokiOptions
    parsers: ClassVar[Mapping[str, Parser]] = {"lines": loki.rows}
    unit_s: ClassVar[int] = 10**9

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = LokiOptions.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the store."""
        known = self.credentials("Bearer")
        if self.options.tenant:
            known["headers"] = {**known.get("headers", {}), "X-Scope-OrgID": self.options.tenant}
        return self.client(self.options, **known)

    def request(self, after: int, until: int | None, size: int) -> Request:
        """Ask for lines from a time on, oldest first; without an end it is the store's now."""
        params = {"query": self.options.query, "start": str(after), "limit": str(size),
                  "direction": "forward"}  # fmt: skip
        if until is not None:
            params["end"] = str(until)
        return Request("loki/api/v1/query_range", params)

    def times(self, answer: Answer) -> list[int]:
        """Return the nanoseconds of the lines."""
        streams = listed(answer.json(), "data", "result")
        return [int(value[0]) for stream in streams for value in stream["values"]]
