"""Answers of Prometheus to rows: values of range queries, alerts of rules. Pure.

An alert began when its condition came true (`activeAt`), which is also when it was pending; its
fingerprint is that which Alertmanager gives it, as long as Prometheus adds no external labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from golive_core.settings import Instance
from ingest.parse import alerts, metric_points
from ingest.parse.alerts import ALERT, Row
from ingest.parse.metric_points import Series
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]


def points(payload: Payload) -> Tables:
    """Return the values of a matrix; native histograms are none."""
    return metric_points.tables(payload, _series(payload))


def _series(payload: Payload) -> Iterator[Series]:
    name = payload.context["name"]
    for one in payload.object()["data"]["result"]:
        labels = {key: value for key, value in one["metric"].items()
                  if (key, value) != ("__name__", name)}  # fmt: skip
        values = one.get("values") or ()
        times = [round(at * 1000) * 1000 for at, _ in values]
        yield Series(labels, times, [float(value) for _, value in values])


def found(told: Json, instance: Instance) -> dict[str, Row]:
    """Return rows of core.alerts by key, from a list of rules or one of alerts."""
    rows = (_row(one, query, instance) for one, query in _alerts(told["data"]))
    return {f"{ALERT}{row['alert_id']}": row for row in rows}


def rows(payload: Payload) -> Tables:
    """Return the alerts that are pending or firing."""
    return alerts.tables(payload, found(payload.object(), payload.instance))


def _alerts(data: Json) -> Iterator[tuple[Json, str]]:
    """Yield alerts, each with the query of its rule if that is told."""
    for one in data.get("alerts") or ():
        yield one, ""
    for group in data.get("groups") or ():
        for rule in group["rules"]:
            for one in rule.get("alerts") or ():
                yield one, rule["query"]


def _row(one: Json, query: str, instance: Instance) -> Row:
    labels: Mapping[str, str] = one["labels"]
    at = alerts.start(one["activeAt"])
    base = str(instance.options.get("url") or "").rstrip("/")
    return alerts.alert(
        labels, one.get("annotations") or {},
        alert_id=alerts.dated(instance, alerts.fingerprint(labels), at), status=one["state"],
        started_at=at.isoformat(), updated_at=at.isoformat(),
        url=f"{base}/graph?g0.expr={quote(query)}&g0.tab=1" if query else None,
    )  # fmt: skip


PARSERS: Mapping[str, Parser] = {
    "points": points, "alerts": rows, "alerts.gone": alerts.gone,
}  # fmt: skip
