"""InfluxDB: values of queries in InfluxQL (1.x), Flux (2.x) or SQL (3.x), window by window.

A query says `{time}` where the time range belongs and may say `{step}` for the length of a step:

    influxql   WHERE {time} GROUP BY time({step}), *
    flux       |> range({time}) |> aggregateWindow(every: {step}, fn: mean, timeSrc: "_start")
    sql        WHERE {time} GROUP BY date_bin(INTERVAL '{step}', time)

A value that stands for a step has to carry the time of its start: InfluxQL and `date_bin` do so by
themselves. What the answers mean is in `ingest/parse/influxdb.py`. 2.x and 3.x are read as their
documentation says; only 1.x could be proven on a real server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from golive_core.errors import SourceDataError, SourceError
from golive_core.http import Answer, Http, Request
from ingest.metric_queries import POINTS, MetricOptions, MetricSource, Query, Span, refused, seconds
from ingest.parse import influxdb
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream

RANGE, STEP = "{time}", "{step}"
VERSION = "x-influxdb-version"
DIALECT = {"header": True, "annotations": ["datatype", "group", "default"]}
Json = dict[str, Any]


class Options(MetricOptions, extra="forbid"):
    """`[source.<name>]` of an InfluxDB.

    `database` is the bucket of Flux, which its queries name themselves; `org` goes with Flux alone.
    """

    queries: dict[str, str | Query] = Field(min_length=1)
    language: Literal["influxql", "flux", "sql"] = "influxql"
    database: str = ""
    org: str = ""

    @field_validator("queries")
    @classmethod
    def _ranged(cls, value: dict[str, str | Query]) -> dict[str, str | Query]:
        for name, one in value.items():
            if RANGE not in (one if isinstance(one, str) else one.query):
                raise ValueError(f"{name} has to say {RANGE} where the time range belongs")
        return value


class Influxdb(MetricSource[Options]):
    """Reads one InfluxDB."""

    type: ClassVar[str] = "influxdb"
    title: ClassVar[str] = "InfluxDB"
    streams: ClassVar[tuple[Stream, ...]] = (POINTS,)
    scopes: ClassVar[tuple[str, ...]] = ("read on the database or bucket",)
    example: ClassVar[str] = """
[source.influx]
type = "influxdb"
project = "shop"
url = "https://influx.example.org:8086"
language = "influxql"          # 1.x; "flux" for 2.x, "sql" for 3.x, both as documented
database = "shop"
# user = "golive"              # 1.x, with her password as token
# token = "env:INFLUX_TOKEN"
# org = "shop"
# days = 7                     # how far back the first pull goes
# delay_s = 30                 # how long values may take to get there
step_s = 60                    # of queries that name none

# {time} is where the time range goes, {step} the length of a step. In Flux:
# '... |> range({time}) |> aggregateWindow(every: {step}, fn: mean, timeSrc: "_start")', and in SQL
# "SELECT date_bin(INTERVAL '{step}', time) AS time, ... WHERE {time} GROUP BY 1". Texts become
# labels, numbers become values.
[source.influx.queries]
cpu = 'SELECT mean("usage") FROM "cpu" WHERE {time} GROUP BY time({step}), *'
builds = {query = 'SELECT "duration" FROM "build" WHERE {time} GROUP BY *', step_s = 900}
"""
    Options: ClassVar[type[Options]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = influxdb.PARSERS
    is_instant: ClassVar[bool] = False

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options.model_validate(dict(instance.options))
        self.kind = f"{POINTS.name}.{self.options.language}"

    def http(self) -> Http:
        """Return a client: a password or a `Token` before 3.x, a bearer since."""
        scheme = "Bearer" if self.options.language == "sql" else "Token"
        return self.client(self.options, **self.credentials(scheme))

    def request(self, span: Span) -> Request:
        """Ask for the values of a span."""
        return ASK[self.options.language](self.options, span)

    def times(self, answer: Answer) -> Iterable[float]:
        """Return the times of all values."""
        try:
            records = influxdb.RECORDS[self.options.language](answer.text())
            return [at / 10**6 for at, _, values in records if values]
        except SourceDataError as error:
            raise refused(answer, error.what) from error

    def probe(self) -> Request:
        """Return the first query for its last step: nothing cheaper needs the right to read."""
        return self._asked(self._last(next(iter(self.options.queries))))

    def told(self, http: Http) -> Iterator[Finding]:
        """Yield the version, and for 1.x how long the database keeps values."""
        answer = http.fetch(self.probe())
        if version := answer.headers.get(VERSION):
            yield Finding("version", "ok", version)
        if self.options.language == "influxql":
            yield from self._retention(http)

    def _retention(self, http: Http) -> Iterator[Finding]:
        """Yield how long the default policy of the database keeps values."""
        text = f'SHOW RETENTION POLICIES ON "{self.options.database}"'
        try:
            told = http.get_object("query", db=self.options.database, q=text)
            (series,) = told["results"][0]["series"]
        except (SourceError, KeyError, IndexError, ValueError):
            return
        for row in (dict(zip(series["columns"], one, strict=True)) for one in series["values"]):
            if row.get("default"):
                yield self.kept(seconds(row["duration"]))


def _influxql(options: Options, span: Span) -> Request:
    between = f"time >= {span.start}s AND time < {span.stop}s"
    params = {"db": options.database, "epoch": "ns", "chunked": "true",
              "q": filled(span, between, f"{span.step_s}s")}  # fmt: skip
    return Request("query", params, is_whole=influxdb.is_whole)


def _flux(options: Options, span: Span) -> Request:
    between = f"start: {iso(span.start)}, stop: {iso(span.stop)}"
    body = {"type": "flux", "query": filled(span, between, f"{span.step_s}s"), "dialect": DIALECT}
    return Request(
        "api/v2/query", {"org": options.org}, method="POST", is_safe=True,
        headers={"Content-Type": "application/json", "Accept": "application/csv"},
        content=json.dumps(body).encode(),
    )  # fmt: skip


def _sql(options: Options, span: Span) -> Request:
    between = f"time >= '{iso(span.start)}' AND time < '{iso(span.stop)}'"
    query = filled(span, between, f"{span.step_s} seconds")
    params = {"db": options.database, "q": query, "format": "jsonl"}
    return Request("api/v3/query_sql", params)


ASK: dict[str, Callable[[Options, Span], Request]] = {
    "influxql": _influxql, "flux": _flux, "sql": _sql,
}  # fmt: skip


def filled(span: Span, between: str, step: str) -> str:
    """Return the query of a span with its time range and step."""
    return span.query.replace(RANGE, between).replace(STEP, step)


def iso(at: int) -> str:
    """Return a time in epoch seconds as Flux and SQL take it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
