"""Series of values to rows of core.metric_points. Pure; what an answer means is its parser's.

A series is known by the name of the configured query and its labels, written as Prometheus writes
them: `name{a="1",b="2"}`, labels sorted, backslash, quote and line feed escaped
(https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from golive_core import schema
from ingest.payload import Payload, Tables

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
POINTS = pl.Schema({"number": pl.UInt32(), "at": pl.Int64(), "value": pl.Float64()})


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one series: `at_us` are microseconds since 1970, as many as `values`."""

    labels: Mapping[str, str]
    at_us: Sequence[int]
    values: Sequence[float]


def written(name: str, labels: Mapping[str, str]) -> str:
    """Return the text that a series is known by."""
    cells = (f'{key}="{value.translate(ESCAPES)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{','.join(cells)}}}"


def tables(payload: Payload, series: Iterable[Series]) -> Tables:
    """Return the points before `until` of the context (epoch seconds): later ones may change yet.

    NaN and infinite values are null.
    """
    name, until_us = str(payload.context["name"]), int(payload.context["until"]) * 10**6
    texts: list[str] = []
    objects: list[str] = []
    numbers: list[int] = []
    times: list[int] = []
    values: list[float] = []
    for number, one in enumerate(series):
        labels = dict(sorted(one.labels.items()))
        texts.append(written(name, labels))
        objects.append(json.dumps(labels, ensure_ascii=False))
        numbers += [number] * len(one.at_us)
        times += one.at_us
        values += one.values
    points = pl.DataFrame({"number": numbers, "at": times, "value": values}, schema=POINTS)
    return {"core.metric_points": _rows(payload, points, texts, objects, until_us)}


def _rows(
    payload: Payload, points: pl.DataFrame, texts: list[str], objects: list[str], until_us: int
) -> pl.DataFrame:
    """Return rows of the points, which name their series by its place among `texts`."""
    kept = points.filter(pl.col("at") < until_us)
    number, value = kept["number"], pl.col("value")
    at = pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC")
    return kept.select(
        instance=pl.lit(payload.instance.name),
        series=pl.Series(texts, dtype=pl.String).gather(number),
        at=at,
        day=at.dt.date(),
        project_id=pl.lit(payload.instance.project_id),
        source=pl.lit(payload.instance.type),
        metric=pl.lit(str(payload.context["name"])),
        labels=pl.Series(objects, dtype=pl.String).gather(number),
        value=pl.when(value.is_finite()).then(value),
    ).match_to_schema(schema.find("core.metric_points").schema)
