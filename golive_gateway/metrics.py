"""What Prometheus scrapes: response times, errors, requests in flight, and what the lake holds.

Counters of requests live in this process; what the lake holds is looked up when it is asked for,
from the lake's own books and not from its rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.inbox import Inbox
from golive_core.lake import Lake

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
VERDICTS = (Path(__file__).parent / "counted.sql").read_text(encoding="utf-8")
COUNTED = ("core.builds", "core.test_results", "core.commits", "core.log_lines", "core.deployments")


class Lately(Collector):
    """What the home holds now: what waits in the inbox, the lake's version, rows, tests, sources.

    What cannot be read is left out, and golive_readable says so.
    """

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        readable = GaugeMetricFamily("golive_readable", "1 if it can be read", labels=["what"])
        for what, gauges in (("inbox", _inbox), ("lake", _lake), ("tests", _tests),
                             ("sources", _sources)):  # fmt: skip
            try:
                yield from list(gauges(settings.home()))
                readable.add_metric([what], 1.0)
            except GoLiveError:
                readable.add_metric([what], 0.0)
        yield readable


def _inbox(home: Path) -> Iterator[Metric]:
    inbox = Inbox(home)
    waiting = GaugeMetricFamily("golive_inbox_waiting", "Deliveries that wait in the inbox")
    waiting.add_metric([], float(inbox.depth()))
    age = GaugeMetricFamily("golive_inbox_oldest_age_seconds", "Age of the one that waits longest")
    oldest = inbox.oldest_at()
    age.add_metric([], max(0.0, time.time() - oldest) if oldest else 0.0)
    yield from (waiting, age)


def _lake(home: Path) -> Iterator[Metric]:
    lake = Lake(home / "lake")
    rows = GaugeMetricFamily("golive_rows", "Rows of a table", labels=["table"])
    version = GaugeMetricFamily("golive_lake_version", "Commits of the lake")
    version.add_metric([], float(lake.version()))
    for name in COUNTED:
        if lake.exists(name):
            rows.add_metric([name], float(lake.rows(name)))
    yield from (rows, version)


def _tests(home: Path) -> Iterator[Metric]:
    tests = GaugeMetricFamily("golive_tests", "Tests by verdict", labels=["project", "verdict"])
    lake = Lake(home / "lake")
    if lake.exists("marts.flaky_tests"):
        for project, verdict, count in lake.query(VERDICTS).iter_rows():
            tests.add_metric([project, verdict], float(count))
    yield tests


def _sources(home: Path) -> Iterator[Metric]:
    labels = ["instance", "source"]
    up = GaugeMetricFamily("golive_source_up", "0 if the last pull failed", labels=labels)
    newest = GaugeMetricFamily(
        "golive_source_newest_event_timestamp_seconds", "Newest event in core", labels=labels
    )
    lake = Lake(home / "lake")
    if lake.exists("ops.source_health"):
        for row in lake.lookup("ops.source_health").to_dicts():
            named = [row["instance"], row["source"]]
            up.add_metric(named, float(row["status"] != "failed"))
            if row["newest_at"]:
                newest.add_metric(named, row["newest_at"].timestamp())
    yield from (up, newest)


class Metrics:
    """The counters of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.took = Histogram(
            "golive_request_seconds", "Time from request to the end of the answer", labels,
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.sent = Counter(
            "golive_response_bytes", "Bytes of answers", ["route"], registry=self.registry
        )
        self.flying = Gauge(
            "golive_requests_in_flight", "Requests being answered", registry=self.registry
        )
        Gauge("golive_build_info", "Always 1", ["version"], registry=self.registry).labels(
            version_of("golive")
        ).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(Lately())

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """Measures every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how long it took, what it gave and how large that was."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, size, started = 500, 0, time.perf_counter()

        async def counting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        self._metrics.flying.inc()
        try:
            await self._app(scope, receive, counting)
        finally:
            self._metrics.flying.dec()
            # The template of the route, so that ids make no new series.
            route = getattr(scope.get("route"), "path", "(none)")
            took = time.perf_counter() - started
            self._metrics.took.labels(scope["method"], route, str(status)).observe(took)
            self._metrics.sent.labels(route).inc(size)
