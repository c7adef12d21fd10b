"""From a pushed gauge to rows: real Prometheus, Alertmanager, node-exporter, InfluxDB."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from hosted_reader import rows as rows_of
from metric_servers import RECEIVER, SECRET, Stack, get, post, until

from assets.load import IngestResult, conform
from golive_core.errors import SourceDataError
from golive_core.lake import Lake
from ingest.source import Source

Make = Callable[..., Source]
Read = Callable[[Source], IngestResult]
QUERIES = {
    "queue": "shop_queue",
    "load": "node_load1",
    "nothing": "0 / (shop_queue * 0)",
    "endless": "1 / (shop_queue * 0)",
}


SHORT = {"step_s": 1, "delay_s": 0, "days": 1, "points": 11_000}


def table(lake: Lake, sql: str) -> list[dict[str, Any]]:
    return lake.query(sql).to_dicts()


def states(lake: Lake, source: str) -> dict[str, str]:
    found = table(lake, f"select name, status from core.alerts where source = '{source}'")
    return {row["name"]: row["status"] for row in found}


def test_a_pushed_gauge_becomes_values_alerts_and_an_incident(
    stack: Stack, made: Make, read: Read, lake: Lake
) -> None:
    prometheus = made("prometheus", url=stack.prometheus, queries=QUERIES, **SHORT)
    alertmanager = made("alertmanager", url=stack.alertmanager)
    stack.push(9)
    firing = until(stack.groups)[0]["alerts"][0]
    until(lambda: stack.hooks.of("firing"))
    time.sleep(1)
    for source in (prometheus, alertmanager):
        assert read(source).error is None

    points = table(lake, 'select * from core.metric_points order by series, "at"')
    by_metric = {row["metric"]: row for row in points}
    assert by_metric["queue"]["value"] == 9
    assert json.loads(by_metric["queue"]["labels"]) == {"__name__": "shop_queue", "job": "cart"}
    assert json.loads(by_metric["load"]["labels"])["job"] == "node"
    assert by_metric["load"]["value"] >= 0
    assert by_metric["nothing"]["value"] is by_metric["endless"]["value"] is None

    assert states(lake, "prometheus") == {"QueueFull": "firing", "QueueStays": "pending"}
    assert states(lake, "alertmanager") == {"QueueFull": "firing"}
    (alert,) = table(lake, "select * from core.alerts where source = 'alertmanager'")
    (incident,) = table(lake, "select * from core.incidents")
    assert alert["incident_id"] == incident["incident_id"]
    assert (alert["summary"], alert["severity"]) == ("the queue holds 9", "page")
    assert (incident["status"], incident["severity"]) == ("open", "critical")
    assert incident["number"] == f'{RECEIVER}{{alertname="QueueFull"}}'
    assert firing["fingerprint"] in alert["alert_id"]
    (same,) = table(
        lake, "select * from core.alerts where source = 'prometheus' and name = 'QueueFull'"
    )
    assert firing["fingerprint"] in same["alert_id"]
    assert "g0.expr=shop_queue" in same["url"]

    by_hook = hooked(alertmanager, stack, "firing")
    assert by_hook == {"core.alerts": [alert], "core.incidents": [incident]}

    stack.push(1)
    until(lambda: not stack.groups())
    until(lambda: stack.hooks.of("resolved"))
    for source in (prometheus, alertmanager):
        assert read(source).error is None
    assert set(states(lake, "prometheus").values()) == {"resolved"}
    assert states(lake, "alertmanager") == {"QueueFull": "resolved"}
    (over,) = table(lake, "select * from core.incidents")
    assert over["status"] == "resolved"
    assert over["started_at"] == incident["started_at"] < over["resolved_at"]

    told = hooked(alertmanager, stack, "resolved")
    (polled,) = table(lake, "select * from core.alerts where source = 'alertmanager'")
    ends = {"resolved_at", "updated_at"}
    assert {**told["core.alerts"][0], **{name: polled[name] for name in ends}} == polled
    assert told["core.alerts"][0]["resolved_at"] <= polled["resolved_at"]
    assert {**told["core.incidents"][0], "resolved_at": over["resolved_at"]} == over
    again(lake, prometheus, alertmanager)


def hooked(source: Any, stack: Stack, status: str) -> dict[str, list[dict]]:
    """Return the rows by table of the first webhook of a status that Alertmanager delivered."""
    headers, body = stack.hooks.of(status)[0]
    assert source.verify(headers, body, SECRET)
    assert not source.verify(headers, body, "another")
    ((context, payload),) = source.parse_webhook(headers, body)
    return rows_of(source, context, payload)


def again(lake: Lake, *sources: Source) -> None:
    """Make core again from raw and see that no row differs."""
    names = ("core.metric_points", "core.alerts", "core.incidents")

    def dump() -> list[list[str]]:
        return [sorted(map(str, lake.query(f"select * from {name}").rows())) for name in names]

    before = dump()
    for source in sources:
        conform(lake, source, source.instance, full=True, processes=1)
    assert dump() == before


def test_the_groups_of_alertmanager_hold_every_alert(stack: Stack) -> None:
    stack.push(9)
    until(stack.groups)
    plain = get(f"{stack.alertmanager}/api/v2/alerts")
    grouped = [one for group in stack.groups() for one in group["alerts"]]
    assert {one["fingerprint"] for one in plain} == {one["fingerprint"] for one in grouped}
    stack.push(1)
    until(lambda: not stack.groups())


def test_a_silence_suppresses_an_alert_and_acknowledges_its_incident(
    stack: Stack, made: Make, read: Read, lake: Lake
) -> None:
    stack.push(9)
    until(stack.groups)
    silence = {
        "matchers": [{"name": "alertname", "value": "QueueFull", "isRegex": False}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "ann", "comment": "known",
    }  # fmt: skip
    asked = urllib.request.Request(
        f"{stack.alertmanager}/api/v2/silences", json.dumps(silence).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(asked, timeout=10) as answer:
        silenced = json.loads(answer.read())["silenceID"]
    try:
        until(lambda: stack.groups()[0]["alerts"][0]["status"]["state"] == "suppressed")
        assert read(made("alertmanager", url=stack.alertmanager)).error is None
    finally:
        post(f"{stack.alertmanager}/api/v2/silence/{silenced}", b"", "DELETE")
        stack.push(1)
        until(lambda: not stack.groups())
    assert states(lake, "alertmanager") == {"QueueFull": "suppressed"}
    assert table(lake, "select status from core.incidents") == [{"status": "acknowledged"}]


def test_prometheus_is_asked_for_new_steps_alone(
    stack: Stack, made: Make, read: Read, lake: Lake
) -> None:
    options = {"url": stack.prometheus, "step_s": 1, "delay_s": 0, "alerts": "none"}
    source = made("prometheus", queries={"up": "up"}, days=1, points=1000, **options)
    until(lambda: stack.asked("query", query="up")["data"]["result"])
    first = read(source)
    newest = table(lake, 'select max("at") as at from core.metric_points')[0]
    assert not source.has_news("points", {"after": {"up": int(time.time()) + 60}})
    time.sleep(1.1)
    assert source.has_news("points", {"after": {"up": int(newest["at"].timestamp())}})
    second = read(source)
    later = table(lake, 'select max("at") as at from core.metric_points')[0]
    assert first.pull.requests == 87
    assert second.pull.requests == 1
    assert later["at"] > newest["at"]
    span = """date_diff('second', min("at"), max("at")) + 1 as s"""
    steps = table(lake, f"select series, count(*) as n, {span} from core.metric_points group by 1")
    assert all(row["n"] == row["s"] for row in steps), steps


def test_a_bad_query_is_told_in_the_words_of_prometheus_and_stops_no_other(
    stack: Stack, made: Make, read: Read, lake: Lake
) -> None:
    queries = {"bad": "up{", "good": "up"}
    source = made("prometheus", url=stack.prometheus, queries=queries, **SHORT)
    error = read(source).error
    assert isinstance(error, SourceDataError)
    assert str(error).startswith(f"prometheus: {stack.prometheus}/api/v1/query_range: ")
    assert "query 'bad' was refused: 1:4: parse error" in error.what
    assert "queries.bad" in error.hint
    found = table(lake, "select distinct metric from core.metric_points")
    assert found == [{"metric": "good"}]
    doctor = {one.check: one for one in source.check() if one.state == "failed"}
    assert "parse error" in doctor["query"].detail


def test_doctor_finds_real_servers_well(stack: Stack, influx_url: str, made: Make) -> None:
    sources = {
        "prometheus": made("prometheus", url=stack.prometheus, queries={"up": "up"}),
        "alertmanager": made("alertmanager", url=stack.alertmanager),
        "influxdb": made("influxdb", url=influx_url, database="shop", queries=CPU),
    }
    found = {name: {one.check: one for one in source.check()} for name, source in sources.items()}
    assert {one.state for checks in found.values() for one in checks.values()} == {"ok"}
    assert set(found["prometheus"]) >= {"reachable", "authorised", "clock", "version", "retention"}
    assert found["prometheus"]["retention"].detail == "15 days"
    assert found["influxdb"]["retention"].detail == "30 days"
    assert found["influxdb"]["version"].detail.startswith("1.")
    (short,) = [
        one for one in made("prometheus", url=stack.prometheus, days=90).check()
        if one.check == "retention"
    ]  # fmt: skip
    assert short.state == "warning"
    assert "90" in short.detail


CPU_ROWS = """select * from core.metric_points where metric = 'cpu' order by "at", series"""
CPU = {
    "cpu": 'SELECT mean("usage") FROM "cpu" WHERE {time} GROUP BY time({step}), *',
    "all": {"query": 'SELECT * FROM "cpu" WHERE {time} GROUP BY *', "step_s": 300},
}


def test_what_is_written_to_influx_is_read_once(
    influx_url: str, made: Make, read: Read, lake: Lake
) -> None:
    began = int(time.time()) // 3600 * 3600 - 10 * 3600

    def write(minute: int, host: str, usage: float) -> None:
        line = f'cpu,host={host} usage={usage},n=3i,ok=true,word="x" {began + 60 * minute}'
        post(f"{influx_url}/write?db=shop&precision=s", line.encode())

    for minute in range(20):
        write(minute, "a", minute / 2)
    write(3, "b", 7)
    source = made("influxdb", url=influx_url, database="shop", queries=CPU, days=29, points=1000)
    first = read(source)
    assert first.error is None
    found = table(lake, CPU_ROWS)
    assert [row["value"] for row in found if '"a"' in row["labels"]] == [n / 2 for n in range(20)]
    assert found[4]["series"] == 'cpu{_field="mean",_measurement="cpu",host="b"}'
    assert found[4]["value"] == 7
    fields = table(lake, "select distinct json_extract_string(labels, '_field') as f"
                   " from core.metric_points where metric = 'all' order by 1")  # fmt: skip
    assert [row["f"] for row in fields] == ["n", "ok", "usage"]
    write(30, "a", 11)
    second = read(source)
    assert second.error is None
    assert second.conform.rows_new == 4
    assert second.pull.requests <= 0.05 * first.pull.requests
    again_read = read(source)
    assert again_read.conform.rows_new == 0


@pytest.mark.parametrize(
    ("database", "query", "told"),
    [
        ("shop", "SELEC {time}", "error parsing query"),
        ("nope", "SELECT * FROM cpu WHERE {time}", "database not found: nope"),
        ("shop", "SELECT foo(x) FROM cpu WHERE {time}", "undefined function"),
    ],
)
def test_what_influx_refuses_is_told_in_its_words(
    influx_url: str, made: Make, read: Read, database: str, query: str, told: str
) -> None:
    error = read(made("influxdb", url=influx_url, database=database, queries={"cpu": query})).error
    assert isinstance(error, SourceDataError)
    assert told in error.what
    assert "queries.cpu" in error.hint
    assert error.where.startswith("influxdb: http://127.0.0.1")
