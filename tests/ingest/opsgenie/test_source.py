"""What is particular to Opsgenie: what is open no more, searches, timelines, hooks, doctor."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import opsgenie_server
import polars as pl
import pytest
from hosted_reader import core, cursor, rows
from opsgenie_server import T0, alert, at, incident, millis, period, user
from opsgenie_server import Opsgenie as Server

from golive_core.errors import SourceDataError
from golive_core.window import Window
from ingest.sources import opsgenie
from ingest.sources.opsgenie import Opsgenie

Make = Callable[..., Opsgenie]


def after(source: Opsgenie, stream: str, known: dict) -> tuple[list[dict], dict]:
    """Return the rows that a further pull gives, and the cursor behind it."""
    found: list[dict] = []
    for pulled in source.pull(stream, cursor=known, window=None):
        known = dict(pulled.cursor)
        for unit in source.plan(pulled.payloads):
            for parsed in source.parse(unit):
                assert not parsed.rejects
                found += [row for frame in parsed.tables.values() for row in frame.to_dicts()]
    return found, known


def minutes(value: datetime) -> float:
    return (value - T0).total_seconds() / 60


def test_an_incident_names_its_services_and_responders(server: Server, source: Make) -> None:
    server.incidents["i1"] = incident(1, 0, ended=30)
    server.services = {f"x{n}": "X" for n in range(150)} | {"s1": "Shop"}
    (row,) = core(source(), "incidents")["core.incidents"].to_dicts()
    assert (row["incident_id"], row["number"], row["title"]) == ("og:i1", "1", "Incident 1")
    assert (row["service"], row["severity"], row["status"]) == ("Shop", "critical", "resolved")
    assert (minutes(row["started_at"]), minutes(row["resolved_at"])) == (0, 30)
    assert row["assignees"] == ["og:u1", "og:t1"]
    assert len(server.asked("v1/services")) == 2
    server.fault("v1/services", "403", times=9)
    (row,) = core(source(), "incidents")["core.incidents"].to_dicts()
    assert row["service"] == "s1"


def test_an_incident_that_is_open_no_more_is_asked_for(server: Server, source: Make) -> None:
    for number in range(1, 250):
        ended = None if number in (2, 5, 201) else number + 1
        server.incidents[f"i{number}"] = incident(number, number, ended=ended)
    made = source()
    known = cursor(made, "incidents")
    server.seen.clear()
    assert after(made, "incidents", known)[0] == []
    assert len(server.seen) == 2
    server.incidents["i2"] = incident(2, 2, ended=900)
    server.incidents["i250"] = incident(250, 901)
    del server.incidents["i5"]
    assert made.has_news("incidents", known) is True
    found, known = after(made, "incidents", known)
    told = {row["number"]: row for row in found}
    assert (told["2"]["status"], minutes(told["2"]["resolved_at"])) == ("resolved", 900)
    assert told["250"]["status"] == "open"
    server.seen.clear()
    assert after(made, "incidents", known)[0] == []
    assert not server.asked("v1/incidents/")


def test_more_open_incidents_than_a_page_are_walked_alone(server: Server, source: Make) -> None:
    for number in range(1, 600):
        ended = None if number < 160 else number + 1
        server.incidents[f"i{number}"] = incident(number, number, ended=ended)
    made = source()
    known = cursor(made, "incidents")
    server.incidents["i150"] = incident(150, 150, ended=999)
    server.seen.clear()
    found, _ = after(made, "incidents", known)
    assert {row["number"]: row["status"] for row in found}["150"] == "resolved"
    assert len(server.asked("v1/incidents?")) == 2


def test_changed_alerts_come_first_and_history_once(server: Server, source: Make) -> None:
    for number in range(1, 451):
        server.alerts[f"a{number}"] = alert(number, number)
    made = source()
    known = cursor(made, "alerts")
    assert len(server.seen) == 6
    server.seen.clear()
    assert made.has_news("alerts", known) is False
    server.alerts["a7"] = alert(7, 7, closed=1000)
    server.alerts["a8"] |= {"snoozed": True, "updatedAt": at(1001)}
    found, known = after(made, "alerts", known)
    told = {row["alert_id"]: row for row in found}
    assert (told["og:a7"]["status"], minutes(told["og:a7"]["resolved_at"])) == ("resolved", 1000)
    assert told["og:a8"]["status"] == "suppressed"
    labels = json.loads(told["og:a7"]["labels"])
    assert (labels["alias"], labels["integration"], labels["tags"]) == (
        "disk-7", "Nagios", ["disk"],
    )  # fmt: skip
    assert len(server.seen) == 2


def test_no_search_is_walked_beyond_what_can_be_had(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opsgenie, "LIMIT", 300)
    monkeypatch.setattr(opsgenie_server, "LIMIT", 300)
    for number in range(1, 651):
        server.alerts[f"a{number}"] = alert(number, number)
    made = source()
    assert core(made, "alerts")["core.alerts"]["alert_id"].n_unique() == 650
    known = cursor(made, "alerts")
    for number in range(1, 651):
        server.alerts[f"a{number}"] = alert(number, number, closed=1000 + number)
    found, _ = after(made, "alerts", known)
    assert len({row["alert_id"] for row in found if row["status"] == "resolved"}) == 650
    server.incidents = {f"i{n}": incident(n, 1) for n in range(450)}
    with pytest.raises(SourceDataError, match="more than 300 entries"):
        core(made, "incidents")


def test_what_is_configured_is_asked_for_only(server: Server, source: Make) -> None:
    for number in range(1, 150):
        server.alerts[f"a{number}"] = alert(number, 1440 * (number % 15)) | {
            "priority": f"P{1 + number % 2}"
        }
    made = source(alerts="priority: P1", since=(T0 + timedelta(days=10)).date().isoformat())
    found = core(made, "alerts")["core.alerts"]
    assert set(found["severity"]) == {"critical"}
    window = Window(T0 + timedelta(days=3), T0 + timedelta(days=5))
    server.seen.clear()
    found = core(source(), "alerts", window)["core.alerts"]
    assert {minutes(one) // 1440 for one in found["started_at"]} == {3, 4}
    assert core(source(streams=["alerts"]), "incidents") == {}


def test_turns_are_read_where_somebody_else_is_on_call(server: Server, source: Make) -> None:
    server.periods = {"daily": [period(f"u{day % 3}", day) for day in range(60)]}
    server.now = {"daily": ["u1@example.org"]}
    made = source()
    found = core(made, "on_call")["core.on_call"]
    begun = (datetime.now(UTC) - T0) // timedelta(days=1) + 1
    assert found.height == begun
    assert found["person"][0] == "u0@example.org"
    assert found["schedule"].unique().to_list() == ["Daily"]
    known = cursor(made, "on_call")
    server.seen.clear()
    assert after(made, "on_call", known)[0] == []
    assert len(server.seen) == 1
    server.now = {"daily": ["u2@example.org"]}
    server.periods["daily"][2] = period("u9", 2)
    assert made.has_news("on_call", known) is True
    found, known = after(made, "on_call", known)
    assert "u9@example.org" in {row["person"] for row in found}
    assert made.has_news("on_call", known) is False


def test_a_turn_that_is_cut_off_is_no_turn(server: Server, source: Make) -> None:
    team = period("t1", 3, recipient={"id": "t1", "type": "team", "name": "Ops"})
    server.periods = {"long": [period("u1", 0, 10), period("u2", 10), team]}
    server.now = {"long": []}
    window = Window(T0 + timedelta(days=2), T0 + timedelta(days=15))
    found = core(source(), "on_call", window)["core.on_call"]
    assert found["person"].to_list() == ["u2@example.org"]


def test_accounts_are_told_once_and_when_they_are_blocked(server: Server, source: Make) -> None:
    server.users = [user(f"p{number}") for number in range(640)]
    made = source()
    assert core(made, "accounts")["core.accounts"].height == 640
    known = cursor(made, "accounts")
    assert after(made, "accounts", known)[0] == []
    server.users[3]["blocked"] = True
    found, _ = after(made, "accounts", known)
    assert [row["login"] for row in found if not row["is_active"]] == ["p3@example.org"]


def hooked(source: Opsgenie, action: str, **more: object) -> list[dict]:
    told = {
        "action": action, "integrationName": "GoLive", "source": {"name": "", "type": "web"},
        "alert": {
            "alertId": "a7", "message": "Disk full", "tinyId": "7", "alias": "disk-7",
            "createdAt": millis(at(7)), "updatedAt": millis(at(9)) * 10**6 + 17, "source": "probe",
            "tags": ["disk"], "priority": "P2", "entity": "db", "username": "ann", **more,
        },
    }  # fmt: skip
    found = source.parse_webhook({}, json.dumps(told).encode())
    return [row for context, body in found for row in rows(source, context, body)["core.alerts"]]


def test_a_hook_tells_an_alert(source: Make) -> None:
    (row,) = hooked(source(), "Create")
    assert (row["alert_id"], row["status"], row["severity"]) == ("og:a7", "firing", "high")
    assert (row["service"], minutes(row["started_at"])) == ("db", 7)
    (row,) = hooked(source(), "Close")
    assert row["status"] == "resolved"
    assert minutes(row["resolved_at"]) == pytest.approx(9)
    (row,) = hooked(source(), "Snooze")
    assert row["status"] == "suppressed"
    assert hooked(source(), "AddNote") == []
    assert source().parse_webhook({}, b"{}") == []
    with pytest.raises(SourceDataError):
        source().parse_webhook({}, b"[]")


def test_only_who_brings_the_secret_is_heard(source: Make) -> None:
    made = source()
    basic = base64.b64encode(b"golive:s3cret").decode()
    for given in (f"Basic {basic}", "Bearer s3cret", "GenieKey s3cret", "s3cret"):
        assert made.verify({"Authorization": given}, b"", "s3cret")
        assert not made.verify({"authorization": given}, b"", "other")
    for given in ("", "Basic", "Basic ====", "Basic /w==", "Bearer", "Bearer x"):
        assert not made.verify({"authorization": given}, b"", "s3cret")
    assert not made.verify({"authorization": ""}, b"", "")


def test_doctor_tells_what_is_missing_and_who_is_throttled(server: Server, source: Make) -> None:
    assert any(one.check == "quota" and one.state == "ok" for one in source().check())
    server.fault("v1/incidents", "403", times=9)
    found = {(one.check, one.state) for one in source(streams=["alerts", "incidents"]).check()}
    assert {("scopes", "failed"), ("quota", "ok"), ("authorised", "ok")} <= found or (
        "authorised",
        "failed",
    ) in found
    assert "scopes" in {one.check for one in source(streams=["alerts"]).check()}
    assert not [one for one in source(streams=["alerts"]).check() if one.state == "failed"]


def test_people_have_an_address_for_alerts_beside_that_of_the_api(source: Make) -> None:
    made = source(url="https://api.eu.opsgenie.com")
    body = json.dumps({"data": [alert(1, 1)]}).encode()
    (row,) = rows(made, {"kind": "alerts"}, body)["core.alerts"]
    assert row["url"] == "https://app.eu.opsgenie.com/alert/detail/a1/details"
    assert pl.Series([row["summary"]]).null_count() == 1
