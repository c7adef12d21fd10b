"""Prometheus and what speaks like it (Thanos, Mimir, Grafana Cloud): values and alerts.

Values come by `/api/v1/query_range`, as `ingest/metric_queries.py` says. Alerts come with the rules
that made them by `/api/v1/rules`; `/api/v1/alerts` has the same ones without the rules, for those
who may not read these. What the answers mean is in `ingest/parse/prometheus.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from golive_core.errors import SourceDataError, SourceError
from golive_core.http import Answer, Http, Request
from ingest.alert_lists import listed
from ingest.api import Position, Walk
from ingest.metric_queries import POINTS, MetricOptions, MetricSource, Span, refused, seconds
from ingest.parse import prometheus
from ingest.parse.alerts import Row
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream

RULES = Request("api/v1/rules", {"type": "alert"})
Json = dict[str, Any]


class Options(MetricOptions, extra="forbid"):
    """`[source.<name>]` of a Prometheus.

    `tenant` is sent as X-Scope-OrgID and `params` with each query, such as those of Thanos.
    """

    tenant: str = ""
    params: dict[str, str] = Field(default_factory=dict[str, str])
    alerts: Literal["rules", "alerts", "none"] = "rules"


class Prometheus(MetricSource[Options]):
    """Reads one Prometheus."""

    type: ClassVar[str] = "prometheus"
    title: ClassVar[str] = "Prometheus"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("alerts", "alerts of its rules, pending and firing", ("core.alerts",)),
        POINTS,
    )
    """Alerts come first: values can be had later too, alerts only while they are there."""
    scopes: ClassVar[tuple[str, ...]] = ("metrics:read", "rules:read for alerts")
    example: ClassVar[str] = """
[source.prometheus]
type = "prometheus"
project = "shop"
url = "https://prometheus.example.org"   # with what comes before /api/v1, such as /api/prom
# token = "env:PROMETHEUS_TOKEN"         # with user = "ann" it is her password
# tenant = "team-a"                      # Mimir
# params = {partial_response = "false"}  # Thanos: no answer rather than half of one
# alerts = "rules"                       # "alerts" where rules may not be read, or "none"
# days = 7                               # how far back the first pull goes
# delay_s = 30                           # how long values may take to get there
# points = 2000                          # steps a request; 11000 is the most
step_s = 60                              # of queries that name none
# A name is the metric. What a query gives later for a step that was read already is not seen, but
# for a backfill of its day; native histograms are not read. An alert that is not listed any more is
# resolved at the time of the pull.
[source.prometheus.queries]
up = "sum(up) by (job)"
errors = {query = 'sum(rate(http_requests_total{code=~"5.."}[5m]))', step_s = 300}
"""
    Options: ClassVar[type[Options]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = prometheus.PARSERS
    is_instant: ClassVar[bool] = True

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the server."""
        known = self.credentials()
        if self.options.tenant:
            known["headers"] = {**known.get("headers", {}), "X-Scope-OrgID": self.options.tenant}
        return self.client(self.options, **known)

    def request(self, span: Span) -> Request:
        """Ask for the values at each step of a span."""
        params = {**self.options.params, "query": span.query, "start": str(span.start),
                  "end": str(span.stop - span.step_s), "step": str(span.step_s)}  # fmt: skip
        return Request("api/v1/query_range", params)

    def times(self, answer: Answer) -> Iterable[float]:
        """Return the time of the last value of each series."""
        told = answer.object()
        if told["status"] != "success":
            raise refused(answer, str(told.get("error")))
        return [one["values"][-1][0] for one in told["data"]["result"] if one.get("values")]

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether there are values or alerts that are not known."""
        return (stream == POINTS.name or self.options.alerts != "none") and super().has_news(
            stream, cursor
        )

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the list of alerts; of days gone by it tells nothing."""
        kind = self.options.alerts
        if kind != "none" and not at.window:
            request = RULES if kind == "rules" else Request("api/v1/alerts")
            yield listed("alerts", "alerts", request, self._rows)

    def probe(self) -> Request:
        """Return a query that every Prometheus answers."""
        return Request("api/v1/query", {"query": "1"})

    def told(self, http: Http) -> Iterator[Finding]:
        """Yield version and retention, which compatible servers may not tell, and broken rules."""
        version = _told(http, "buildinfo").get("version")
        if version:
            yield Finding("version", "ok", str(version))
        kept = seconds(str(_told(http, "runtimeinfo").get("storageRetention") or ""))
        if kept:
            yield self.kept(kept)
        if self.options.alerts == "rules":
            yield from _rules(http)

    def _rows(self, answer: Answer) -> Mapping[str, Row]:
        return prometheus.found(answer.object(), self.instance)


def _told(http: Http, what: str) -> Json:
    """Return what the server tells of itself; nothing where it does not."""
    try:
        value = http.get_object(f"api/v1/status/{what}").get("data")
    except SourceDataError:
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def _rules(http: Http) -> Iterator[Finding]:
    """Yield whether alerting rules can be read and work."""
    try:
        groups: list[Json] = http.fetch(RULES).object()["data"]["groups"]
    except SourceError as error:
        yield Finding("rules", "failed", error.what, 'Set alerts = "alerts" or "none"')
        return
    broken = [rule for group in groups for rule in group["rules"] if rule.get("health") == "err"]
    for rule in broken[:5]:
        yield Finding(
            "rules", "warning", f"{rule['name']} fails: {rule.get('lastError')}",
            "Mend the rule in Prometheus: it cannot fire",
        )  # fmt: skip
    if not broken:
        yield Finding("rules", "ok", f"{sum(len(group['rules']) for group in groups)} alerting")
