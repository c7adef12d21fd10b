"""InfluxDB 2.x and 3.x as their documentation says: how they are asked, and what stops a pull."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from loopback import Asked, Loopback, Reply, missing, serving

from assets.load import IngestResult
from golive_core.errors import SourceAuthError, SourceDataError
from golive_core.lake import Lake
from ingest.source import Source

Make = Callable[..., Source]
Read = Callable[[Source], IngestResult]
STEP = 3600
FLUX = 'from(bucket: "shop") |> range({time}) |> aggregateWindow(every: {step}, fn: mean)'
SQL = "SELECT time, host, usage FROM cpu WHERE {time}"
HEAD = """\
#datatype,string,long,dateTime:RFC3339,double,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,host
"""


@dataclass
class World(Loopback):
    """Answers Flux with annotated CSV and SQL with a JSON object a line."""

    times: list[int] = field(default_factory=list)
    token: str | None = "right"

    def answer(self, asked: Asked) -> Reply:
        if (asked.method, asked.path) == ("POST", "api/v2/query"):
            return self.flux(asked)
        if asked.path == "api/v3/query_sql":
            return self.sql(asked)
        return missing()

    def flux(self, asked: Asked) -> Reply:
        told = asked.json()
        assert asked.query == {"org": "shop"}
        assert asked.headers["authorization"] == "Token right"
        assert "annotations" in told["dialect"]
        assert f"every: {STEP}s" in told["query"]
        start, stop = (stamp(told["query"].partition(f"{word}: ")[2]) for word in ("start", "stop"))
        lines = [f",,0,{written(at)},1.5,a" for at in self.times if start <= at < stop]
        body = HEAD + "\n".join(lines) + "\n\n" if lines else "\n"
        return 200, body.encode(), {"Content-Type": "text/csv; charset=utf-8"}

    def sql(self, asked: Asked) -> Reply:
        assert (asked.query["db"], asked.query["format"]) == ("shop", "jsonl")
        assert asked.headers["authorization"] == "Bearer right"
        start, stop = (
            stamp(asked.query["q"].partition(f"time {word} '")[2]) for word in (">=", "<")
        )
        found = [{"time": written(at)[:-1], "host": "a", "usage": 1.5}
                 for at in self.times if start <= at < stop]  # fmt: skip
        return 200, "".join(f"{json.dumps(one)}\n" for one in found).encode(), {}


def stamp(text: str) -> float:
    return datetime.fromisoformat(text[:20]).timestamp()


def written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("INFLUX", "right")
    now = int(time.time()) // STEP * STEP
    with serving(World(times=[now - n * STEP for n in range(30, 3, -1)])) as found:
        yield found


@pytest.fixture
def later(world: World, made: Make) -> Callable[..., Source]:
    """Return a function that builds the source of a language."""

    def make(language: str, query: str, **more: Any) -> Source:
        return made(
            "influxdb", url=world.url, language=language, org="shop", database="shop",
            token="env:INFLUX", queries={"cpu": query}, step_s=STEP, days=2, points=10, **more,
        )  # fmt: skip

    return make


@pytest.mark.parametrize(("language", "query"), [("flux", FLUX), ("sql", SQL)])
def test_values_are_read_once_and_then_only_new_ones(
    world: World, later: Make, read: Read, lake: Lake, language: str, query: str
) -> None:
    world.fault("api/v", "500", times=2)
    source = later(language, query)
    assert read(source).error is None
    assert lake.rows("core.metric_points") == 27
    world.times.append(world.times[-1] + STEP)
    second = read(source)
    assert (second.pull.requests, second.conform.rows_new) == (1, 1)
    assert {one.state for one in source.check()} == {"ok"}


def test_flux_that_dates_a_step_at_its_end_is_told_how_not_to(
    world: World, later: Make, read: Read, lake: Lake
) -> None:
    real, world.times = world.flux, [world.times[-1]]

    def shifted(asked: Asked) -> Reply:
        status, body, headers = real(asked)
        found = written(world.times[0]).encode()
        return status, body.replace(found, written(world.times[0] + 40 * STEP).encode()), headers

    world.flux = shifted
    error = read(later("flux", FLUX)).error
    assert isinstance(error, SourceDataError)
    assert 'timeSrc: "_start"' in error.what


def test_a_wrong_token_of_flux_is_told(
    later: Make, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUX", "wrong-hunter2")
    error = read(later("flux", FLUX)).error
    assert isinstance(error, SourceAuthError)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(("language", "query"), [("flux", FLUX), ("sql", SQL)])
def test_a_login_page_is_no_answer_without_values(
    world: World, later: Make, read: Read, language: str, query: str
) -> None:
    world.fault("api/v", "login", times=9)
    error = read(later(language, query)).error
    assert isinstance(error, SourceAuthError)
    assert "page for people" in error.hint


def test_what_flux_refuses_is_told_in_its_words(world: World, later: Make, read: Read) -> None:
    told = {"code": "invalid", "message": "compilation failed: error at @1:6-1:7"}
    world.flux = lambda _: (400, json.dumps(told).encode(), {"Content-Type": "application/json"})
    error = read(later("flux", FLUX)).error
    assert isinstance(error, SourceDataError)
    assert "compilation failed: error at @1:6-1:7" in error.what
    assert "queries.cpu" in error.hint
