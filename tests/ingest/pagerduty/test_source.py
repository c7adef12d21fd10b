"""What is particular to PagerDuty: the log, ranges of time, turns on call, hooks, doctor."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pagerduty_server
import polars as pl
import pytest
from hosted_reader import core, cursor, rows
from pagerduty_server import ANN, BANK, BOB, SHOP, T0, at, incident, reference, turn
from pagerduty_server import Pagerduty as Server

from golive_core.errors import SourceDataError
from golive_core.window import Window
from ingest.parse import pagerduty as parse
from ingest.sources import pagerduty
from ingest.sources.pagerduty import Pagerduty

Make = Callable[..., Pagerduty]


def after(source: Pagerduty, known: dict) -> tuple[pl.DataFrame, dict]:
    """Return what a further pull tells of incidents, and the cursor behind it."""
    found: list[pl.DataFrame] = []
    for pulled in source.pull("incidents", cursor=known, window=None):
        known = dict(pulled.cursor)
        for unit in source.plan(pulled.payloads):
            for parsed in source.parse(unit):
                assert not parsed.rejects
                found.append(parsed.tables["core.incidents"])
    return pl.concat(found) if found else pl.DataFrame(), known


def last(found: pl.DataFrame) -> pl.DataFrame:
    """Return what was told last of each incident, as the lake keeps it."""
    return found.unique("incident_id", keep="last").sort("number")


def minutes(value: datetime) -> float:
    return (value - T0).total_seconds() / 60


def test_an_incident_tells_when_it_was_taken_by_whom_and_ended(
    server: Server, source: Make
) -> None:
    server.begin(1, 0)
    server.take(1, 4)
    server.take(1, 9, BOB)
    server.end(1, 30)
    server.incidents["Q1"]["priority"] = reference("priority", "P2", "P2")
    (row,) = core(source(), "incidents")["core.incidents"].to_dicts()
    assert (row["incident_id"], row["number"], row["title"]) == ("pd:Q1", "1", "It burns")
    assert (row["status"], row["severity"], row["service"]) == ("resolved", "high", "Shop")
    times = [row[name] for name in ("started_at", "acknowledged_at", "resolved_at")]
    assert list(map(minutes, times)) == [0, 4, 30]
    assert row["assignees"] == ["Ann", "Bob"]
    assert row["url"] == "https://acme.pagerduty.com/incidents/Q1"


def test_an_open_incident_tells_itself_who_took_it(server: Server, source: Make) -> None:
    server.begin(1, 0)
    server.begin(2, 1)
    server.take(2, 5, BOB)
    found = last(core(source(), "incidents")["core.incidents"])
    assert found["status"].to_list() == ["open", "acknowledged"]
    assert [minutes(one) if one else None for one in found["acknowledged_at"]] == [None, 5]
    assert found["assignees"].to_list() == [["Ann"], ["Ann", "Bob"]]
    assert not server.asked("incidents/")


def test_what_changed_is_seen_in_the_log(server: Server, source: Make) -> None:
    for number in range(1, 6):
        server.begin(number, number)
    made = source()
    known = cursor(made, "incidents")
    server.seen.clear()
    found, known = after(made, known)
    assert (found.height, len(server.seen)) == (0, 1)
    server.take(2, 20)
    found, known = after(made, known)
    assert dict(found.select("number", "status").rows())["2"] == "acknowledged"
    server.end(2, 40)
    server.begin(6, 41)
    assert made.has_news("incidents", known) is True
    found, known = after(made, known)
    told = {row["number"]: row for row in found.to_dicts()}
    assert (told["2"]["status"], minutes(told["2"]["acknowledged_at"])) == ("resolved", 20)
    assert told["6"]["status"] == "open"
    assert made.has_news("incidents", known) is False


def test_a_log_that_only_refers_to_incidents_does_as_well(server: Server, source: Make) -> None:
    server.includes = False
    server.begin(1, 0)
    server.begin(2, 1)
    made = source()
    known = cursor(made, "incidents")
    server.take(1, 10)
    server.end(1, 20)
    server.take(2, 11)
    found, _ = after(made, known)
    told = {row["number"]: row for row in found.to_dicts()}
    assert (told["1"]["status"], minutes(told["1"]["acknowledged_at"])) == ("resolved", 10)
    assert told["2"]["status"] == "acknowledged"


def test_logs_are_read_as_one_where_that_takes_fewer_requests(server: Server, source: Make) -> None:
    for number in range(1, 101):
        server.begin(number, 10 * number)
        server.take(number, 10 * number + 2)
        server.end(number, 10 * number + (20_000 if number % 50 == 0 else 5))
    found = core(source(), "incidents")["core.incidents"]
    assert found.height == 100
    assert found["acknowledged_at"].null_count() == 0
    assert len(server.asked("incidents/")) == 2
    assert len(server.seen) < 12


@pytest.mark.parametrize(
    ("took_s", "every_s", "singly"), [(300, 600, 0), (3000, 1, 100), (90_000, 60, 100)]
)
def test_dense_or_long_incidents_are_asked_singly(
    took_s: float, every_s: float, singly: int
) -> None:
    over = [
        {"id": str(n), "started_at": at(n * every_s / 60),
         "resolved_at": at((n * every_s + took_s) / 60)}
        for n in range(100)
    ]  # fmt: skip
    together, single = pagerduty.lasting(over)
    assert len(single) == singly
    assert len(together) == 100 - singly
    assert pagerduty.lasting([]) == ([], [])


def test_no_list_is_walked_beyond_what_can_be_had(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "LIMIT", 300)
    monkeypatch.setattr(pagerduty_server, "LIMIT", 300)
    for number in range(1, 651):
        server.begin(number, number)
    made = source()
    found = core(made, "incidents")["core.incidents"]
    assert found["number"].n_unique() == 650
    known = cursor(made, "incidents")
    for number in range(1, 651):
        server.take(number, 1000 + number)
    found, _ = after(made, known)
    assert found.filter(pl.col("status") == "acknowledged")["number"].n_unique() == 650


def test_a_second_with_more_than_can_be_had_is_an_error(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "LIMIT", 300)
    monkeypatch.setattr(pagerduty_server, "LIMIT", 300)
    server.incidents = {f"Q{n}": incident(n, 5) for n in range(1, 450)}
    with pytest.raises(SourceDataError, match="more than 300 entries") as caught:
        core(source(), "incidents")
    assert caught.value.hint


def test_a_history_of_years_is_read_by_half_years(server: Server, source: Make) -> None:
    day = 24 * 60
    for number, when in enumerate((-1500, -1499, -900, -20, 1), 1):
        server.begin(number, when * day)
        server.end(number, when * day + 10)
    found = core(source(), "incidents")["core.incidents"]
    assert sorted(found["number"].to_list()) == ["1", "2", "3", "4", "5"]
    server.seen.clear()
    since = (T0 - timedelta(days=1000)).date().isoformat()
    found = core(source(since=since), "incidents")["core.incidents"]
    assert sorted(found["number"].to_list()) == ["3", "4", "5"]
    assert len(server.asked("incidents?")) == 6


def test_a_window_tells_what_began_in_it(server: Server, source: Make) -> None:
    for number in range(1, 300):
        server.begin(number, 10 * number)
    window = Window(T0 + timedelta(minutes=500), T0 + timedelta(minutes=1000))
    found = core(source(), "incidents", window)["core.incidents"]
    assert sorted(map(int, found["number"].to_list())) == list(range(50, 100))
    assert len(server.seen) == 1


def test_only_incidents_of_named_services_are_kept(server: Server, source: Make) -> None:
    for number, service in ((1, SHOP), (2, BANK), (3, BANK)):
        server.begin(number, number, service)
    server.end(2, 9)
    found = last(core(source(services=["PSHOP"]), "incidents")["core.incidents"])
    assert found["service"].to_list() == ["Shop"]
    assert not server.asked("incidents/")


def test_turns_are_told_once_and_their_end_is_brought_up_to_date(
    server: Server, source: Make
) -> None:
    server.turns = [turn("daily", ANN, day) for day in range(10)]
    server.turns += [turn("weekly", BOB, 12, 60), turn("weekly", BOB, 12, 60)]
    made = source()
    found = core(made, "on_call")["core.on_call"]
    assert found.filter(pl.col("schedule") == "weekly")["person"].to_list() == ["Bob"]
    assert found.height == 11
    known = cursor(made, "on_call")
    assert made.has_news("on_call", known) is False
    for one in server.turns[10:]:
        one["end"] = at(1440 * 15)
    assert made.has_news("on_call", known) is True
    server.seen.clear()
    again = list(made.pull("on_call", cursor=known, window=None))
    assert (len(again), len(server.seen)) == (1, 1)
    (unit,) = made.plan(again[0].payloads)
    (parsed,) = made.parse(unit)
    (row,) = parsed.tables["core.on_call"].to_dicts()
    assert minutes(row["ended_at"]) == 1440 * 15
    assert row["turn_id"] in found["turn_id"].to_list()


def hooked(source: Pagerduty, kind: str, **data: object) -> list[dict]:
    told = {
        "id": "01ABC", "event_type": kind, "resource_type": "incident", "occurred_at": at(7),
        "agent": ANN, "client": None,
        "data": {
            "id": "Q7", "type": "incident", "number": 7, "title": "It burns", "status": "triggered",
            "created_at": at(2), "service": SHOP, "urgency": "low", "priority": None,
            "assignees": [BOB], "html_url": "https://acme.pagerduty.com/incidents/Q7", **data,
        },
    }  # fmt: skip
    found = source.parse_webhook({}, json.dumps({"event": told}).encode())
    return [row for context, body in found for row in rows(source, context, body)["core.incidents"]]


def test_a_hook_tells_an_incident(source: Make) -> None:
    (row,) = hooked(source(), "incident.triggered")
    assert (row["incident_id"], row["number"], row["status"]) == ("pd:Q7", "7", "open")
    assert (row["severity"], row["assignees"], row["service"]) == ("low", ["Bob"], "Shop")
    (row,) = hooked(source(), "incident.acknowledged", status="acknowledged")
    assert (row["status"], minutes(row["acknowledged_at"])) == ("acknowledged", 7)
    (row,) = hooked(source(), "incident.resolved", status="resolved", assignees=[])
    assert (row["status"], minutes(row["resolved_at"])) == ("resolved", 7)
    assert hooked(source(), "service.updated") == []
    assert hooked(source(), "incident.annotated", type="incident_note") == []
    assert source().parse_webhook({}, b'{"messages": []}') == []
    with pytest.raises(SourceDataError):
        source().parse_webhook({}, b"[")


def test_only_what_is_signed_is_heard(source: Make) -> None:
    made, body = source(), b'{"event": {}}'
    right = "v1=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    for given in (right, f"v1={'0' * 64},{right}", f"{right}, v2=ff"):
        assert made.verify({"X-PagerDuty-Signature": given}, body, "s3cret")
    for given in ("", "v1=", right.replace("v1", "v0"), right[:-1]):
        assert not made.verify({"x-pagerduty-signature": given}, body, "s3cret")
    assert not made.verify({"x-pagerduty-signature": right}, body + b" ", "s3cret")
    assert not made.verify({"x-pagerduty-signature": right}, body, "")


def test_doctor_tells_what_is_missing_and_what_is_left(server: Server, source: Make) -> None:
    server.left = 900
    found = list(source().check())
    assert "900 of 960" in next(one for one in found if one.check == "quota").detail
    server.left = 20
    assert any(one.check == "quota" and one.state == "warning" for one in source().check())
    server.left = 900
    server.fault("oncalls", "403", times=9)
    (bad,) = [one for one in source().check() if one.state == "failed"]
    assert (bad.check, bad.detail[:8]) == ("scopes", "on_call:")
    assert bad.hint.startswith("The token needs oncalls.read")
    assert {one.state for one in source(streams=["incidents"]).check()} == {"ok"}
    server.seen.clear()
    assert core(source(streams=["incidents"]), "on_call") == {}
    assert server.seen == []


def test_tokens_are_sent_as_their_kind_wants(
    server: Server, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "k3y"
    monkeypatch.setenv("PD_TOKEN", "k3y")
    for scheme in ("token", "bearer"):
        found = list(source(token="env:PD_TOKEN", scheme=scheme).check())
        assert {one.state for one in found} == {"ok"}


def test_a_body_of_another_shape_is_not_taken_for_incidents(source: Make) -> None:
    with pytest.raises(SourceDataError, match="neither"):
        rows(source(), {"kind": "incidents"}, b'{"error": 1}')
    assert set(parse.STATUS.values()) == {"open", "acknowledged", "resolved"}
