"""Security events from the gateway into the lake, and what is odd about them. Knows no Dagster.

Events leave `.golive/security.db` after they are committed; a process killed in between takes them
again, and their ids keep them from being doubled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime

import polars as pl

from golive_core import schema
from golive_core.lake import Lake
from golive_core.security import Event, Recorder
from golive_core.settings import Settings

EVENTS, ALERTS = schema.SECURITY_EVENTS, schema.SECURITY_ALERTS
PAST = """
select * from ops.security_events
where day >= ? and "at" >= ? and (outcome = 'ok' or "at" >= ?)
"""
"""Of the past only what worked says what is usual."""
KNOWN = 'select alert_id, severity from ops.security_alerts where "at" >= ?'


def take(settings: Settings, lake: Lake, *, now: datetime | None = None) -> pl.DataFrame:
    """Take waiting events into ops.security_events; return the alerts that are new or worse.

    Shape (n, the columns of ops.security_alerts). Raises GoLiveError where the lake cannot be
    written; nothing is lost then.
    """
    recorder = Recorder(settings.home)
    waiting = recorder.waiting()
    if not waiting:
        return pl.DataFrame(schema=ALERTS.schema)
    rows = rows_of(waiting)
    since = rows["at"].min()
    assert isinstance(since, datetime)  # noqa: S101 - for the type: there are rows
    lake.insert(EVENTS.name, rows)
    fresh = _found(lake, since, now or datetime.now(UTC))
    if fresh.height:
        lake.merge(ALERTS.name, fresh)
    recorder.done(waiting)
    return fresh


def rows_of(events: Sequence[Event]) -> pl.DataFrame:
    """Return rows of ops.security_events."""
    made = [
        {
            "event_id": _id(one), "at": _time(one.at), "until_at": _time(one.until_at),
            "day": _time(one.at).date(), "kind": one.fact.kind, "name": one.fact.name,
            "outcome": one.fact.outcome, "actor": one.fact.actor, "address": one.fact.address,
            "resource": one.fact.resource, "events": one.events, "size_bytes": one.size_bytes,
        }
        for one in events
    ]  # fmt: skip
    return schema.conform(EVENTS, pl.DataFrame(made, infer_schema_length=None))


def _found(lake: Lake, since: datetime, now: datetime) -> pl.DataFrame:
    """Return the alerts about the hours since `since` that are not known like that yet."""
    from models.security_signals import HISTORY, detect

    start = since.replace(minute=0, second=0, microsecond=0)
    first = since - HISTORY
    events = lake.query(PAST, [first.date(), first, start])
    told = schema.conform(ALERTS, detect(events, since=since, made_at=now))
    if told.is_empty() or not lake.exists(ALERTS.name):
        return told
    known = lake.query(KNOWN, [start])
    return told.join(known, on=["alert_id", "severity"], how="anti")


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _id(one: Event) -> str:
    words = "\x1f".join(map(str, (one.sequence, one.at, *astuple(one.fact))))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:32]
