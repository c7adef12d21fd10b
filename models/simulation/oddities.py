"""Anomalies of metrics and logs that are no incidents: planted into what the monitoring saw.

A metric that is far higher or lower for some hours, a usual line that is said many times as often
for a day, or not at all. Draws come from a stream of their own, and nothing is planted by default,
so that other histories stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import polars as pl

from models.simulation.history import DAY, History
from models.simulation.rows import Frames, instants
from models.simulation.shape import Shape
from models.simulation.telemetry import CALM, SERVICES

STREAM = 8_507
HOUR = 3_600.0
Kind = Literal["high", "low", "burst", "silence"]
KINDS: tuple[Kind, ...] = ("high", "low", "burst", "silence")
SAID = ("GET ", "order ", "cache of ", "worker ")
"""Beginnings of usual lines."""
FACTORS = {"high": (1.4, 3.0), "low": (0.35, 0.7), "burst": (2.0, 6.0), "silence": (0.0, 0.0)}
"""Bounds between which what is usual is multiplied; lines by whole numbers."""
QUIET_DAYS = 10
"""Days at the begin of a history without any: a baseline has to grow first."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One planted anomaly; seconds since 1970. `what` is a metric, or how the line begins."""

    kind: Kind
    service: str
    what: str
    began: float
    ended: float
    factor: float

    @property
    def is_metric(self) -> bool:
        """Tell whether it is of a metric; the others are of log lines."""
        return self.kind in ("high", "low")


def plan(past: History, shape: Shape, seed: int) -> list[Oddity]:
    """Return what is planted into a history, `shape.oddities` per 10 days, kind after kind."""
    rng = np.random.default_rng([seed, STREAM])
    first, last = past.commits[0].at, past.commits[-1].at
    days = (last - first) / DAY - QUIET_DAYS
    count = round(max(0.0, shape.oddities * days / 10))
    return [_drawn(KINDS[n % len(KINDS)], first, days, rng) for n in range(count)]


def _drawn(kind: Kind, first: float, days: float, rng: np.random.Generator) -> Oddity:
    at = first + DAY * (QUIET_DAYS + (days - 1) * float(rng.random()))
    service = SERVICES[int(rng.integers(len(SERVICES)))]
    factor = float(rng.uniform(*FACTORS[kind]))
    if kind in ("high", "low"):
        what = list(CALM)[int(rng.integers(len(CALM)))]
        return Oddity(kind, service, what, at, at + HOUR * float(rng.uniform(2, 8)), factor)
    what = SAID[int(rng.integers(len(SAID)))]
    begin = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    began = begin.timestamp()
    return Oddity(kind, service, what, began, began + DAY, factor)


ROWS = {
    "kind": pl.String(), "subject_kind": pl.String(), "service": pl.String(), "what": pl.String(),
    "began_at": pl.Datetime("us", "UTC"), "ended_at": pl.Datetime("us", "UTC"),
    "factor": pl.Float64(),
}  # fmt: skip


def rows(planted_ones: list[Oddity]) -> pl.DataFrame:
    """Return them as a frame with the columns ROWS; `subject_kind` is metric or log."""
    cells = {
        "kind": [one.kind for one in planted_ones],
        "subject_kind": ["metric" if one.is_metric else "log" for one in planted_ones],
        "service": [one.service for one in planted_ones],
        "what": [one.what for one in planted_ones],
        "began_at": instants(one.began for one in planted_ones),
        "ended_at": instants(one.ended for one in planted_ones),
        "factor": [one.factor for one in planted_ones],
    }
    return pl.DataFrame(cells, schema=ROWS)


def planted(seen: Frames, planted_ones: list[Oddity]) -> Frames:
    """Return what the monitoring saw with these in it; the same frames where there are none."""
    points, lines = seen["core.metric_points"], seen["core.log_lines"]
    for one in planted_ones:
        if one.is_metric:
            points = _moved(points, one)
        else:
            lines = _louder(lines, one)
    return seen | {"core.metric_points": points, "core.log_lines": lines}


def _during(one: Oddity) -> pl.Expr:
    began, ended = instants([one.began, one.ended])
    return pl.col("at").is_between(pl.lit(began), pl.lit(ended), closed="left")


def _moved(points: pl.DataFrame, one: Oddity) -> pl.DataFrame:
    is_it = _during(one) & (pl.col("series") == f'{one.what}{{service="{one.service}"}}')
    moved = pl.col("value") * one.factor
    return points.with_columns(value=pl.when(is_it).then(moved).otherwise("value"))


def _louder(lines: pl.DataFrame, one: Oddity) -> pl.DataFrame:
    said = pl.col("message").str.starts_with(one.what) & (pl.col("level") != "error")
    is_it = _during(one) & (pl.col("service") == one.service) & said
    if one.kind == "silence":
        return lines.filter(~is_it)
    top = int(str(lines.filter(pl.col("service") == one.service)["line"].max()))
    times = round(one.factor) - 1
    again = pl.concat([
        lines.filter(is_it).with_columns(at=pl.col("at") + timedelta(milliseconds=number + 1))
        for number in range(times)
    ]).filter(_during(one))  # fmt: skip
    numbered = again.with_columns(line=pl.int_range(1, pl.len() + 1) + top)
    return pl.concat([lines, numbered.select(lines.columns)])
