"""Alerts that go and come: what a pull makes of it and what a replay makes of it are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from contract_stage import FILES, module
from loopback import serving

from assets.load import IngestResult, conform
from golive_core.lake import Lake
from ingest.source import Source
from ingest.sources.alertmanager import Alertmanager

Make = Callable[..., Source]
Read = Callable[[Source], IngestResult]
server = module(FILES["alertmanager"])
ROWS = "select * from {} order by all"
TABLES = ("core.alerts", "core.incidents")


@pytest.fixture
def world() -> Iterator[Any]:
    with serving(server.World()) as found:
        found.fill()
        yield found


@pytest.fixture
def source(world: Any, made: Make) -> Any:
    return made("alertmanager", url=world.url)


def dump(lake: Lake) -> list[list[tuple[object, ...]]]:
    return [lake.query(ROWS.format(name)).rows() for name in TABLES]


def replayed(lake: Lake, source: Source) -> list[list[tuple[object, ...]]]:
    conform(lake, source, source.instance, full=True, processes=1)
    return dump(lake)


def test_an_alert_that_was_away_for_a_moment_fires_again(
    world: Any, source: Any, read: Read, lake: Lake
) -> None:
    read(source)
    before, alerts = dump(lake), dict(world.alerts)
    world.alerts.clear()
    read(source)
    away = lake.query("select distinct status from core.alerts").to_series().to_list()
    world.alerts |= alerts
    read(source)
    assert away == ["resolved"]
    assert dump(lake) == before
    assert replayed(lake, source) == before


def test_polls_overrule_webhooks_in_the_order_in_which_they_came(
    source: Alertmanager, made: Make
) -> None:
    told = json.loads(hook("firing"))["alerts"][0]
    listed = [{"labels": {"alertname": "A"}, "receiver": {"name": "pager"}, "alerts": [
        {**told, "status": {"state": "suppressed"}, "updatedAt": "2026-11-01T10:05:00.000Z",
         "endsAt": "2026-11-01T10:09:00.000Z"}
    ]}]  # fmt: skip
    kinds = [("alerts.hook", hook("firing")), ("alerts.groups", json.dumps(listed).encode()),
             ("alerts.hook", hook("resolved"))]  # fmt: skip
    assert last(source, kinds) == "resolved"
    assert last(source, kinds[:2]) == "suppressed"
    assert last(source, [kinds[1], kinds[0]]) == "firing"


def last(source: Alertmanager, kinds: list[tuple[str, bytes]]) -> str:
    """Return the status that the last row of the alert has."""
    rows = [
        {"payload_id": str(number), "uri": "u", "body": body, "size_bytes": len(body),
         "stream": "alerts", "context": json.dumps({"kind": kind, "at": "2026-11-01", "open": {}})}
        for number, (kind, body) in enumerate(kinds)
    ]  # fmt: skip
    found = [
        parsed.tables["core.alerts"]["status"][0]
        for unit in source.plan(pl.DataFrame(rows)) for parsed in source.parse(unit)
    ]  # fmt: skip
    assert len(found) == len(kinds)
    return found[-1]


def hook(status: str) -> bytes:
    ends = "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-01T11:00:00.5Z"
    alert = {
        "status": status, "labels": {"alertname": "A"}, "annotations": {}, "endsAt": ends,
        "startsAt": "2026-11-01T10:00:00.123456789Z", "generatorURL": "", "fingerprint": "f",
    }  # fmt: skip
    return json.dumps({
        "version": "4", "status": status, "receiver": "pager", "groupKey": "{}:{}",
        "groupLabels": {"alertname": "A"}, "alerts": [alert], "truncatedAlerts": 0,
    }).encode()  # fmt: skip


def test_an_incident_goes_on_while_one_of_its_alerts_is_left(
    world: Any, source: Any, read: Read, lake: Lake
) -> None:
    read(source)
    for pod in range(server.PODS - 1):
        del world.alerts["Down", pod]
        read(source)
    rows = lake.query("select status, started_at from core.incidents where title = 'Down'").rows()
    began = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=2 * server.PODS)
    assert rows == [("open", began)]
    left = lake.query("select distinct incident_id from core.alerts where name = 'Down'").height
    assert left == 1
    assert replayed(lake, source) == dump(lake)


def test_a_list_of_which_nothing_changed_is_no_payload(
    world: Any, source: Any, read: Read, lake: Lake
) -> None:
    read(source)
    world.clock_s = 60
    assert read(source).pull.payloads == 0
    assert not source.has_news("alerts", cursor(lake))
    del world.alerts["Down", 0]
    assert source.has_news("alerts", cursor(lake))


def cursor(lake: Lake) -> dict[str, Any]:
    return json.loads(lake.query("select cursor from ops.cursors where role = 'pull'").item())


def test_alerts_without_groups_have_no_incidents(
    world: Any, made: Make, read: Read, lake: Lake
) -> None:
    real = world.answer

    def plain(asked: Any) -> Any:
        if asked.path != "api/v2/alerts":
            return server.missing()
        asked.raw_path += "/groups"
        status, body, headers = real(asked)
        alerts = [one for group in json.loads(body) for one in group["alerts"]]
        return status, json.dumps(alerts).encode(), headers

    world.answer = plain
    source = made("alertmanager", url=world.url, groups=False)
    assert read(source).error is None
    assert lake.rows("core.alerts") == len(world.alerts)
    assert not lake.exists("core.incidents")
    del world.alerts["Down", 3]
    read(source)
    over = lake.query("select summary from core.alerts where status = 'resolved'").rows()
    assert over == [("Down on p3",)]
