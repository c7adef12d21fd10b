"""What the monitoring of the simulated shop saw: metrics, alerts and logs around its incidents.

Every service has an error rate and a latency, and writes a log. During an incident both climb and
the log fills with errors, some of them lines that nobody had seen before; an alert comes a little
before the incident that it leads to, and some alerts lead to none. Draws come from a stream of
their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from models.simulation.history import DAY, History
from models.simulation.rows import SOURCE, Frames, with_day
from models.simulation.shape import Shape

STREAM = 8_503
STEP_S = 1_800.0
"""Distance of two values of a metric."""
LINES_PER_STEP = 3.0
ERRORS_PER_STEP = 25.0
FALSE_ALARMS = 0.12
"""Chance on a day of an alert that no incident follows."""
SERVICES = ("storefront", "checkout", "database")
ALERTS = {"error_rate": "HighErrorRate", "latency_p95_s": "SlowResponses"}
CALM = {"error_rate": 0.004, "latency_p95_s": 0.18}
ILL = {"error_rate": 0.09, "latency_p95_s": 1.4}
USUAL = (
    ("info", "GET /{word}/{number} 200 in {small} ms"),
    ("info", "order {number} confirmed for basket {number}"),
    ("info", "cache of {word} refreshed, {number} entries"),
    ("debug", "worker {small} took job {number} from queue {word}"),
    ("warning", "request to {word} was slow: {number} ms"),
    ("warning", "retry {small} of call to {word} after timeout"),
)
TROUBLE = (
    "connection to {word} refused after {small} attempts",
    "GET /{word}/{number} 500 in {number} ms",
    "deadlock while writing order {number}, transaction {number} rolled back",
    "template {word} not found for tenant {number}",
    "circuit breaker for {word} opened after {small} failures",
)
WORDS = ("cart", "catalog", "pricing", "inventory", "payments", "search", "accounts")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One incident as the monitoring sees it; seconds since 1970."""

    incident_id: str
    service: str
    severity: str
    began: float
    ended: float


def telemetry(past: History, shape: Shape, seed: int, incidents: pl.DataFrame) -> Frames:
    """Return metrics, alerts and log lines of a history with these core.incidents."""
    rng = np.random.default_rng([seed, STREAM])
    first, last = past.commits[0].at, past.commits[-1].at
    troubles = [_trouble(row, last) for row in incidents.iter_rows(named=True)]
    steps = np.arange(first, last, STEP_S)
    points: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for service in SERVICES:
        own = [one for one in troubles if one.service == service]
        ill = _illness(steps, own)
        points += _points(shape, service, steps, ill, rng)
        lines += _lines(shape, service, steps, ill, rng)
    return {
        "core.metric_points": with_day_of("core.metric_points", points),
        "core.alerts": with_day("core.alerts", _alerts(shape, troubles, first, last, rng),
                                "started_at"),
        "core.log_lines": with_day_of("core.log_lines", lines),
    }  # fmt: skip


def with_day_of(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of the table `name`; `at` is seconds since 1970."""
    from golive_core import schema

    spec = schema.find(name)
    cells = {column.name: [row.get(column.name) for row in rows] for column in spec.columns}
    micros = pl.Series([round(row["at"] * 1_000_000) for row in rows], dtype=pl.Int64)
    at = micros.cast(pl.Datetime("us", "UTC"))
    columns = {
        column.name: pl.Series(cells[column.name], dtype=column.dtype)
        for column in spec.columns if column.name not in ("at", "day")
    }  # fmt: skip
    return schema.conform(spec, pl.DataFrame(columns | {"at": at, "day": at.dt.date()}))


def _trouble(row: dict[str, Any], last: float) -> Trouble:
    ended = row["resolved_at"]
    return Trouble(
        row["incident_id"], row["service"], row["severity"], row["started_at"].timestamp(),
        ended.timestamp() if ended else last,
    )  # fmt: skip


def _illness(steps: np.ndarray[Any, Any], troubles: list[Trouble]) -> np.ndarray[Any, Any]:
    """Return by step how ill a service is, 0 to 1."""
    ill = np.zeros(len(steps))
    for one in troubles:
        ill[(steps >= one.began - STEP_S) & (steps < one.ended)] = 1.0
    return ill


def _points(
    shape: Shape, service: str, steps: np.ndarray[Any, Any], ill: np.ndarray[Any, Any],
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    busy = 1 + 0.35 * np.sin(2 * math.pi * (steps % DAY) / DAY - 1.9)
    for metric, calm in CALM.items():
        noise = rng.lognormal(0.0, 0.12, len(steps))
        values = (calm * busy + ill * ILL[metric] * rng.uniform(0.5, 1.0, len(steps))) * noise
        series = f'{metric}{{service="{service}"}}'
        for at, value in zip(steps.tolist(), values.tolist(), strict=True):
            yield {
                "instance": f"{shape.project_id}-metrics", "series": series, "at": at,
                "project_id": shape.project_id, "source": SOURCE, "metric": metric,
                "labels": json.dumps({"service": service}), "value": value,
            }  # fmt: skip


def _alerts(
    shape: Shape, troubles: list[Trouble], first: float, last: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    rows = [
        _alert(shape, one.service, one.severity, one.began - 60 * float(rng.uniform(1, 6)),
               one.ended, last, rng, one.incident_id)
        for one in troubles
    ]  # fmt: skip
    for day in np.arange(first, last, DAY).tolist():
        at = day + DAY * float(rng.random())
        if rng.random() < FALSE_ALARMS and at < last:
            service = SERVICES[int(rng.integers(len(SERVICES)))]
            ended = at + 600 * float(rng.exponential(1.5))
            rows.append(_alert(shape, service, "low", at, ended, last, rng, None))
    return rows


def _alert(
    shape: Shape, service: str, severity: str, at: float, ended: float, last: float,
    rng: np.random.Generator, incident_id: str | None,
) -> dict[str, Any]:  # fmt: skip
    metric = list(ALERTS)[int(rng.integers(len(ALERTS)))]
    is_over = ended < last
    return {
        "alert_id": f"{shape.project_id}-alerts:{service}:{metric}:{at:.0f}",
        "project_id": shape.project_id, "source": SOURCE, "instance": f"{shape.project_id}-alerts",
        "name": ALERTS[metric], "service": service, "severity": severity,
        "status": "resolved" if is_over else "firing",
        "labels": json.dumps({"alertname": ALERTS[metric], "service": service}),
        "summary": f"{metric} of {service} is above {CALM[metric] * 5:g}",
        "started_at": at, "updated_at": ended if is_over else last,
        "resolved_at": ended if is_over else None, "incident_id": incident_id,
    }  # fmt: skip


def _lines(
    shape: Shape, service: str, steps: np.ndarray[Any, Any], ill: np.ndarray[Any, Any],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:  # fmt: skip
    said: list[tuple[float, str, str]] = []
    usual = rng.poisson(LINES_PER_STEP, len(steps)).tolist()
    errors = rng.poisson(ERRORS_PER_STEP * ill + 0.02).tolist()
    for at, calm, bad in zip(steps.tolist(), usual, errors, strict=True):
        for _ in range(calm):
            level, text = USUAL[int(rng.integers(len(USUAL)))]
            said.append((at + STEP_S * float(rng.random()), level, _filled(text, rng)))
        kind = TROUBLE[int(at // DAY) % len(TROUBLE)]
        said += [(at + STEP_S * float(rng.random()), "error", _filled(kind, rng))
                 for _ in range(bad)]  # fmt: skip
    return [
        {
            "source": SOURCE, "instance": f"{shape.project_id}-logs", "service": service,
            "project_id": shape.project_id, "line": number, "at": at, "level": level,
            "message": text, "attributes": json.dumps({"host": f"{service}-{number % 3}"}),
        }
        for number, (at, level, text) in enumerate(sorted(said), start=1)
    ]  # fmt: skip


def _filled(text: str, rng: np.random.Generator) -> str:
    word, number, small = rng.integers(0, [len(WORDS), 90_000, 9]).tolist()
    return text.format(word=WORDS[word], number=1_000 + number, small=1 + small)
