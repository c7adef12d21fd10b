"""What parsers of metrics and alerts make of documented answers that no server here gives."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from golive_core.errors import SourceDataError
from golive_core.settings import Instance
from golive_core.window import Window
from ingest.parse import alertmanager, influxdb, prometheus
from ingest.parse.alerts import fingerprint, worst
from ingest.payload import Payload
from ingest.source import Context
from ingest.sources.alertmanager import Alertmanager
from ingest.sources.influxdb import Influxdb
from ingest.sources.prometheus import Prometheus

FLUX = """\
#group,false,false,true,true,false,false,true,true,true\r
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\r
#default,mean,,,,,,,,\r
,result,table,_start,_stop,_time,_value,_field,_measurement,host\r
,,0,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-01T10:00:00.5Z,15.43,used,mem,"a,1"\r
,,0,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-01T10:01:00Z,NaN,used,mem,"a,1"\r
,,1,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-01T10:00:00Z,,used,mem,b\r
\r
#group,false,false,false,false,true,true\r
#datatype,string,long,dateTime:RFC3339,long,boolean,string\r
#default,pivot,,,,,\r
,result,table,_time,errors,ok,host\r
,,0,2026-11-01T10:02:00Z,7,true,c\r
\r
"""
FLUX_ERROR = """\
#datatype,string,string\r
#group,true,true\r
#default,,\r
,error,reference\r
,failed to initialize execute state: could not find bucket "shop",897\r
"""
SQL = """\
{"time":"2026-11-01T10:00:00.123456789","host":"a","usage":1.5,"n":3}
{"time":"2026-11-01T10:01:00","host":"a","usage":null,"n":4}
"""
START = "2026-11-01T10:00:00.123Z"


def payload(body: str, kind: str = "prometheus", **context: Any) -> Payload:
    known = {"name": "m", "until": 2_000_000_000, "at": START, "open": {}, **context}
    instance = Instance("it", kind, "shop", {"url": "https://x.example.org/"})
    return Payload(instance, "p", "u", body.encode(), known)


def points(language: str, body: str, **context: Any) -> dict[str, list[tuple[str, Any]]]:
    """Return time and value of the points by series."""
    rows = influxdb.parser(language)(payload(body, **context))["core.metric_points"].to_dicts()
    found: dict[str, list[tuple[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["series"], []).append((row["at"].isoformat(), row["value"]))
    return found


def test_flux_tells_types_and_names_in_rows_above_its_tables() -> None:
    assert points("flux", FLUX) == {
        'm{_field="used",_measurement="mem",host="a,1"}': [
            ("2026-11-01T10:00:00.500000+00:00", 15.43), ("2026-11-01T10:01:00+00:00", None),
        ],
        'm{_field="errors",host="c"}': [("2026-11-01T10:02:00+00:00", 7.0)],
        'm{_field="ok",host="c"}': [("2026-11-01T10:02:00+00:00", 1.0)],
    }  # fmt: skip


def test_an_error_that_flux_tells_in_a_table_is_no_answer() -> None:
    with pytest.raises(SourceDataError, match='could not find bucket "shop"'):
        points("flux", FLUX_ERROR)


def test_lines_of_sql_have_a_series_for_each_number() -> None:
    assert points("sql", SQL) == {
        'm{_field="usage",host="a"}': [("2026-11-01T10:00:00.123456+00:00", 1.5)],
        'm{_field="n",host="a"}': [
            ("2026-11-01T10:00:00.123456+00:00", 3.0), ("2026-11-01T10:01:00+00:00", 4.0),
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "body"),
    [("sql", '{"usage": 1}'), ("flux", "#datatype,string,double\n,host,_value\n,a,1\n")],
)
def test_an_answer_without_time_names_the_mend(language: str, body: str) -> None:
    with pytest.raises(SourceDataError, match="time"):
        points(language, body)


def test_a_value_that_is_not_final_is_left_out() -> None:
    until = int(datetime(2026, 11, 1, 10, 1, tzinfo=UTC).timestamp())
    assert points("sql", SQL, until=until).keys() == {
        'm{_field="usage",host="a"}', 'm{_field="n",host="a"}'
    }  # fmt: skip
    assert points("sql", SQL, until=until - 60) == {}


def test_labels_are_sorted_and_escaped() -> None:
    result = [{"metric": {"z": 'a"b\\c\nd', "__name__": "m", "a": "1"}, "values": [[1.5, "2"]]}]
    told = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    (row,) = prometheus.points(payload(json.dumps(told)))["core.metric_points"].to_dicts()
    assert row["series"] == r'm{a="1",z="a\"b\\c\nd"}'
    assert json.loads(row["labels"]) == {"a": "1", "z": 'a"b\\c\nd'}
    assert (row["at"].timestamp(), row["value"]) == (1.5, 2.0)


def test_alerts_are_the_same_with_and_without_their_rules() -> None:
    alert = {"labels": {"alertname": "A", "job": "j"}, "annotations": {"message": "hm"},
             "state": "firing", "activeAt": START, "value": "1"}  # fmt: skip
    rule = {"name": "A", "query": "x > 1", "type": "alerting", "alerts": [alert]}
    recording = {"name": "r", "query": "sum(x)", "type": "recording"}
    bare = {"data": {"alerts": [alert]}}
    ruled = {"data": {"groups": [{"name": "g", "rules": [recording, rule]}]}}
    one, other = (prometheus.rows(payload(json.dumps(told)))["core.alerts"].to_dicts()
                  for told in (bare, ruled))  # fmt: skip
    assert [{**row, "url": None} for row in other] == one
    assert other[0]["url"] == "https://x.example.org/graph?g0.expr=x%20%3E%201&g0.tab=1"
    assert other[0]["summary"] == "hm"


def test_the_fingerprint_is_that_of_alertmanager() -> None:
    labels = {"alertname": "QueueFull", "job": "cart", "service": "cart", "severity": "critical"}
    assert fingerprint(labels) == "fe68d5968ca8e1d4"
    assert fingerprint({}) == "cbf29ce484222325"


def test_the_worst_severity_that_is_known_counts() -> None:
    assert worst(["warning", "Page", None]) == "critical"
    assert worst(["weird", None]) is None


def group(*alerts: tuple[str, str, str], **labels: str) -> dict[str, Any]:
    """Return a group of alerts by name, minute of their start and state."""
    told = [
        {"labels": {"alertname": name, **labels, "pod": minute}, "annotations": {},
         "startsAt": f"2026-11-01T10:{minute}:00.000Z", "endsAt": "2026-11-01T12:00:00.000Z",
         "updatedAt": "2026-11-01T11:00:00.000Z", "fingerprint": f"f{name}{minute}",
         "status": {"state": state}}
        for name, minute, state in alerts
    ]  # fmt: skip
    return {"labels": labels, "receiver": {"name": "pager"}, "alerts": told}


def incidents(*groups: dict[str, Any], **context: Any) -> list[dict[str, Any]]:
    one = payload(json.dumps(groups), "alertmanager", **context)
    return alertmanager.groups(one)["core.incidents"].to_dicts()


def test_an_incident_keeps_its_start_when_its_first_alert_is_over() -> None:
    whole = group(("A", "01", "active"), ("A", "02", "active"), job="x")
    (first,) = incidents(whole)
    known = {first["number"]: first["started_at"].isoformat()}
    (later,) = incidents(group(("A", "02", "active"), job="x"), open=known)
    assert later["incident_id"] == first["incident_id"]
    assert later["started_at"].minute == 1
    (anew,) = incidents(group(("A", "02", "active"), job="x"))
    assert anew["incident_id"] != first["incident_id"]


def test_groups_of_two_routes_with_one_receiver_are_one_incident() -> None:
    found = incidents(
        group(("B", "02", "suppressed"), job="x"), group(("A", "01", "active"), job="x"),
        group(("C", "03", "suppressed"), job="y"),
    )  # fmt: skip
    assert [(one["title"], one["status"]) for one in found] == [
        ("A, B (job=x)", "open"), ("C (job=y)", "acknowledged")
    ]  # fmt: skip


def test_an_alert_whose_end_has_passed_is_resolved() -> None:
    told = group(("A", "01", "active"), job="x")
    told["alerts"][0]["endsAt"] = "2026-11-01T10:30:00.000Z"
    (one,) = incidents(told)
    assert (one["status"], one["resolved_at"].minute) == ("resolved", 30)


def hook(**more: Any) -> bytes:
    alert = {
        "status": "firing", "labels": {"alertname": "A"}, "annotations": {}, "startsAt": START,
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "f",
    }  # fmt: skip
    return json.dumps({
        "version": "4", "status": "firing", "receiver": "pager", "groupKey": "{}:{}",
        "groupLabels": {}, "alerts": [alert], "truncatedAlerts": 0, **more,
    }).encode()  # fmt: skip


def source(tmp_path: Any) -> Alertmanager:
    instance = Instance("it", "alertmanager", "shop", {"url": "https://x.example.org"})
    return Alertmanager(instance, Context(tmp_path, tmp_path))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", hook(version="3"), hook(alerts=None)]
)
def test_what_is_no_webhook_of_alertmanager_is_refused(tmp_path: Any, body: bytes) -> None:
    with pytest.raises(SourceDataError):
        source(tmp_path).parse_webhook({}, body)


def test_an_incident_of_which_a_webhook_hides_alerts_stays_open() -> None:
    ended = json.loads(hook())["alerts"][0]
    ended |= {"status": "resolved", "endsAt": "2026-11-01T11:00:00.5Z"}
    cut = alertmanager.hook(payload(hook(alerts=[ended], truncatedAlerts=9).decode()))
    whole = alertmanager.hook(payload(hook(alerts=[ended], status="resolved").decode()))
    assert cut["core.incidents"]["status"].to_list() == ["open"]
    assert cut["core.incidents"]["resolved_at"].to_list() == [None]
    assert whole["core.incidents"]["status"].to_list() == ["resolved"]
    assert cut["core.alerts"]["status"].to_list() == ["resolved"]


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        ("Bearer s3cret", True), ("bearer s3cret", True), ("Bearer wrong", False), ("", False),
        ("s3cret", False), ("Basic !!!", False), ("Digest s3cret", False),
        ("Basic " + base64.b64encode(b"ann:s3cret").decode(), True),
        ("Basic " + base64.b64encode(b"s3cret:ann").decode(), False),
    ],
)  # fmt: skip
def test_a_webhook_brings_the_secret_as_token_or_password(
    tmp_path: Any, given: str, is_right: bool
) -> None:
    headers = {"authorization": given}
    assert source(tmp_path).verify(headers, b"", "s3cret") is is_right
    assert not source(tmp_path).verify(headers, b"", "")


@pytest.mark.parametrize("kind", [Prometheus, Influxdb])
def test_a_window_is_asked_for_in_pieces_that_fit(kind: Any, tmp_path: Any) -> None:
    options = {"url": "https://x.example.org", "queries": {"m": "x{time}"}, "points": 11_000}
    made = kind(Instance("it", kind.type, "shop", options), Context(tmp_path, tmp_path))
    window = Window(datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC))
    spans = list(made.spans("m", None, window))
    assert [one.steps for one in spans] == [11_000, 11_000, 19 * 1440 - 1 - 22_000]
    assert spans[0].start == window.start.timestamp() + 30
    assert spans[-1].stop == window.end.timestamp()
    assert all(one.stop == other.start for one, other in pairwise(spans))
    asked = made.request(spans[0]).params
    if kind is Prometheus:
        assert (int(asked["end"]) - int(asked["start"])) // 60 < 11_000


def test_further_parameters_of_a_query_are_sent_but_replace_none(tmp_path: Any) -> None:
    options = {
        "url": "https://x.example.org", "queries": {"m": "x"},
        "params": {"partial_response": "false", "query": "y"},
    }  # fmt: skip
    made = Prometheus(Instance("it", "prometheus", "shop", options), Context(tmp_path, tmp_path))
    asked = made.request(next(made.spans("m", 0, None))).params
    assert (asked["partial_response"], asked["query"]) == ("false", "x")
