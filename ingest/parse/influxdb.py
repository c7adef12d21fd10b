"""Answers of InfluxDB to rows of core.metric_points: InfluxQL, Flux and SQL. Pure.

All three come down to records: texts are labels, numbers are values, each number a series of its
own. What it was called goes with it as `_field` and the measurement as `_measurement`, the words of
Flux. A null is no value; truth is 1 or 0.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from golive_core.errors import SourceDataError
from ingest.parse import metric_points
from ingest.parse.metric_points import Series
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]
Record = tuple[int, Mapping[str, str], Mapping[str, float]]
"""Time in microseconds since 1970, labels, and values by field."""
FIELD, MEASUREMENT = "_field", "_measurement"
FLUX_OWN = frozenset({"", "result", "table", "_start", "_stop"})
"""Columns of Flux that say nothing of a record."""
NUMBERS = frozenset({"double", "long", "unsignedLong"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parser(language: str) -> Parser:
    """Return the parser of answers in a language."""

    def points(payload: Payload) -> Tables:
        text = payload.body.decode("utf-8", "replace")
        return metric_points.tables(payload, _series(RECORDS[language](text)))

    return points


def influxql(text: str) -> Iterator[Record]:
    """Yield the records of `/query`: chunks of series, time in nanoseconds.

    Raises SourceDataError for an error among them.
    """
    for line in filter(None, text.splitlines()):
        told: Json = json.loads(line)
        for result in (told, *told.get("results", ())):
            if "error" in result:
                raise SourceDataError(str(result["error"]))
            for series in result.get("series", ()):
                yield from _of_series(series)


def is_whole(body: bytes) -> bool:
    """Tell whether the last chunk of `/query` is there: all others say that they are partial."""
    try:
        told: Json = json.loads(body.rstrip().rpartition(b"\n")[2])
    except ValueError:
        return False
    return not any(result.get("partial") for result in told.get("results", ()))


def _of_series(series: Json) -> Iterator[Record]:
    tags = _texts(series.get("tags") or {})
    columns: list[str] = series["columns"][1:]
    for at, *cells in series["values"]:
        named = dict(zip(columns, cells, strict=True))
        yield at // 1000, tags | {MEASUREMENT: series["name"]} | _texts(named), _numbers(named)


def flux(text: str) -> Iterator[Record]:
    """Yield the records of annotated CSV: tables with types and defaults in rows above a header.

    Raises SourceDataError for a table that holds an error.
    """
    types: list[str] = []
    defaults: list[str] = []
    header: list[str] = []
    for row in csv.reader(io.StringIO(text)):
        first = row[0] if row else ""
        if first == "#datatype":
            types, header = row, []
        elif first == "#default":
            defaults = ["", *row[1:]]
        elif not header and any(row) and not first.startswith("#"):
            header = row
        elif any(row) and not first.startswith("#"):
            cells = [cell or spare for cell, spare in zip(row, defaults or row, strict=True)]
            yield from _of_flux(dict(zip(header, zip(types, cells, strict=True), strict=True)))


def _of_flux(cells: Mapping[str, tuple[str, str]]) -> Iterator[Record]:
    if "error" in cells:
        raise SourceDataError(cells["error"][1])
    if "_time" not in cells:
        raise SourceDataError("the answer has no _time: let the query keep that column")
    labels = {name: text for name, (kind, text) in cells.items()
              if kind == "string" and text and name not in FLUX_OWN}  # fmt: skip
    values = {name: float(text) for name, (kind, text) in cells.items()
              if kind in NUMBERS and text and name not in FLUX_OWN}  # fmt: skip
    values |= {name: float(text == "true") for name, (kind, text) in cells.items()
               if kind == "boolean" and text}  # fmt: skip
    yield micros(cells["_time"][1]), labels, values


def sql(text: str) -> Iterator[Record]:
    """Yield the records of `/api/v3/query_sql` as one JSON object a line."""
    for line in filter(None, text.splitlines()):
        told = cast("Json", json.loads(line))
        if "time" not in told:
            raise SourceDataError("the answer has no column time: select it, or name one so")
        at = micros(str(told.pop("time")))
        yield at, _texts(told), _numbers(told)


RECORDS = {"influxql": influxql, "flux": flux, "sql": sql}


def micros(text: str) -> int:
    """Return the microseconds of ISO 8601 text; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    span = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (span.days * 86_400 + span.seconds) * 10**6 + span.microseconds


def _texts(cells: Json) -> dict[str, str]:
    return {name: value for name, value in cells.items() if isinstance(value, str) and value}


def _numbers(cells: Json) -> dict[str, float]:
    return {name: float(value) for name, value in cells.items() if isinstance(value, int | float)}


def _series(records: Iterator[Record]) -> Iterator[Series]:
    """Yield the series of records, each field apart; Flux names the field of `_value` itself."""
    found: dict[tuple[tuple[str, str], ...], tuple[list[int], list[float]]] = {}
    for at, labels, values in records:
        for name, value in values.items():
            own = labels if name == "_value" else {**labels, FIELD: name}
            times, numbers = found.setdefault(tuple(sorted(own.items())), ([], []))
            times.append(at)
            numbers.append(value)
    for key, (times, numbers) in found.items():
        yield Series(dict(key), times, numbers)


PARSERS: Mapping[str, Parser] = {f"points.{name}": parser(name) for name in RECORDS}
