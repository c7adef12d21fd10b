"""CloudWatch metrics: up to 500 queries a request, periods that are over and settled alone.

A value of a period that is not over would change, and points are facts: they are read once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from golive_core.errors import SourceError
from golive_core.window import Window
from ingest.aws.client import Aws, Json, Metric, body
from ingest.batch import Batch
from ingest.source import Cursor, Pulled

QUERIES = 500
"""Queries of one request, which is the most."""
POINTS = 100_800
"""Points of one answer, which is the most."""
SETTLED_S = 120
"""A period that ended so long ago has all its values."""


class Points:
    """One pull of the metrics; the cursor has the end (s since 1970) by chunk of queries."""

    def __init__(self, aws: Aws, cursor: Cursor | None, window: Window | None) -> None:
        self._aws, self._window, self._batch = aws, window, Batch()
        self._ends: dict[str, int] = dict(cursor or {}) if not window else {}
        self._incomplete: list[str] = []

    def run(self) -> Iterator[Pulled]:
        """Yield the points of periods that ended since the last pull."""
        before = dict(self._ends)
        for name, metrics in chunks(self._aws.options.metrics):
            yield from self._read(name, metrics)
        if not self._batch.is_empty or self._ends != before:
            yield self._flush()
        if self._incomplete:
            raise SourceError(
                f"no values: {'; '.join(self._incomplete)}", hint="Ask again later",
                where=f"{self._aws.where}: cloudwatch:GetMetricData",
            )  # fmt: skip

    def has_news(self) -> bool:
        """Tell without a request whether a period is over."""
        return any(self._range(name, metrics)[0] < self._range(name, metrics)[1]
                   for name, metrics in chunks(self._aws.options.metrics))  # fmt: skip

    def _read(self, name: str, metrics: list[Metric]) -> Iterator[Pulled]:
        start, end = self._range(name, metrics)
        period = metrics[0].period_s
        step = max(1, POINTS // len(metrics)) * period
        queries = [query(number, one) for number, one in enumerate(metrics)]
        known = {one["Id"]: one for one in queries}
        while start < end:
            until = min(start + step, end)
            pages = self._aws.pages(
                "cloudwatch", "GetMetricData", "NextToken", MetricDataQueries=queries,
                StartTime=_at(start), EndTime=_at(until), ScanBy="TimestampAscending",
            )  # fmt: skip
            for number, page in enumerate(pages):
                self._note(page)
                if any(one.get("Values") for one in page.get("MetricDataResults", ())):
                    uri = f"cloudwatch:GetMetricData?{name}&start={start}&part={number}"
                    self._batch.add(uri, body(page), {"kind": "points", "queries": known})
            self._ends[name] = start = until
            if self._batch.is_full:
                yield self._flush()

    def _range(self, name: str, metrics: list[Metric]) -> tuple[int, int]:
        period, said = metrics[0].period_s, self._aws.options
        now = datetime.now(UTC)
        start, end = now - timedelta(days=said.days), now - timedelta(seconds=SETTLED_S)
        if self._window:
            start, end = self._window.start, min(end, self._window.end)
        first, last = (int(at.timestamp()) // period * period for at in (start, end))
        return self._ends.get(name, first), last

    def _note(self, page: Json) -> None:
        found = cast("list[Json]", page.get("MetricDataResults") or [])
        self._incomplete += [
            f"{one.get('Label', one['Id'])}: {one['StatusCode']}"
            for one in found
            if one.get("StatusCode") in ("Forbidden", "InternalError")
        ]

    def _flush(self) -> Pulled:
        return self._batch.flush(dict(self._ends), self._aws.requests)


def chunks(metrics: list[Metric]) -> Iterator[tuple[str, list[Metric]]]:
    """Yield metrics of one period, as many as fit into a request, by a name that stays."""
    for period in sorted({one.period_s for one in metrics}):
        same = [one for one in metrics if one.period_s == period]
        for start in range(0, len(same), QUERIES):
            yield f"{period}/{start}", same[start : start + QUERIES]


def query(number: int, metric: Metric) -> dict[str, Any]:
    """Return a metric as AWS is asked for it."""
    dimensions = [{"Name": key, "Value": value} for key, value in metric.dimensions.items()]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    stat = {"Metric": named, "Period": metric.period_s, "Stat": metric.statistic}
    return {"Id": f"m{number}", "MetricStat": stat}


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
