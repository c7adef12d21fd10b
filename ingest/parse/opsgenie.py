"""Opsgenie's REST API and webhooks to rows: incidents, alerts, turns on call, accounts.

What is alike in its answers: the list is at `data`, priorities are P1 to P5.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from ingest.parse.hosted import event, own, part
from ingest.parse.rows import epoch, frame, instant
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

SEVERITY = {"P1": "critical", "P2": "high", "P3": "medium", "P4": "low", "P5": "low"}
OVER = frozenset({"resolved", "closed"})
LABELS = ("alias", "source", "owner", "acknowledged", "count", "tags")
"""Fields of an alert that are kept as its labels, beside its integration."""
HOOKS = {"Create": "open", "Acknowledge": "open", "UnAcknowledge": "open", "Snooze": "open",
         "Close": "closed"}  # fmt: skip
"""Actions of a webhook that tell the state of the alert."""


def is_over(one: Mapping[str, Any]) -> bool:
    """Tell whether an incident or alert has come to its end."""
    return one.get("status") in OVER


def incidents(payload: Payload) -> Tables:
    """Return the incidents of a page, or the one that was asked for by itself."""
    found: object = payload.object()["data"]
    several = cast("list[Json]", found if isinstance(found, list) else [found])
    rows = [_incident(payload, one) for one in several]
    return {"core.incidents": frame("core.incidents", rows)}


def _incident(payload: Payload, one: Json) -> Json:
    """Return the cells of an incident; nobody acknowledges one, responders are known by id."""
    names: Mapping[str, str] = payload.context.get("services") or {}
    concerned = [names.get(key) or str(key) for key in one.get("impactedServices") or ()]
    responders = [f"{payload.instance.name}:{each['id']}" for each in one.get("responders") or ()]
    return own(payload) | {
        "incident_id": f"{payload.instance.name}:{one['id']}", "number": one.get("tinyId"),
        "title": one.get("message"), "service": ", ".join(concerned) or None,
        "severity": SEVERITY.get(str(one.get("priority"))),
        "status": "resolved" if is_over(one) else "open", "started_at": one["createdAt"],
        "resolved_at": (one.get("impactEndDate") or one["updatedAt"]) if is_over(one) else None,
        "assignees": responders, "url": part(one, "links").get("web"),
    }  # fmt: skip


def alerts(payload: Payload) -> Tables:
    """Return a page of alerts."""
    rows = [_alert(payload, one) for one in payload.objects("data")]
    return {"core.alerts": frame("core.alerts", rows)}


def _alert(payload: Payload, one: Json) -> Json:
    started = instant(one["createdAt"])
    status = "suppressed" if one.get("snoozed") else "firing"
    labels = {name: one[name] for name in LABELS if one.get(name) not in (None, "", [])}
    integration = part(one, "integration").get("name")
    return own(payload) | {
        "alert_id": f"{payload.instance.name}:{one['id']}", "instance": payload.instance.name,
        "name": one.get("message"), "service": one.get("entity") or None,
        "severity": SEVERITY.get(str(one.get("priority"))),
        "status": "resolved" if is_over(one) else status,
        "labels": json.dumps(labels | ({"integration": integration} if integration else {})),
        "summary": one.get("description") or None, "started_at": started,
        "updated_at": one["updatedAt"], "resolved_at": _closed(one, started),
        "url": _page(payload, one["id"]),
    }  # fmt: skip


def _closed(one: Json, started: datetime | None) -> datetime | None:
    """Return when an alert was closed: its report says after how many milliseconds."""
    if not is_over(one):
        return None
    after = part(one, "report").get("closeTime")
    return started + timedelta(milliseconds=after) if started and after else instant(
        one["updatedAt"]
    )  # fmt: skip


def _page(payload: Payload, key: str) -> str | None:
    """Return where people look at an alert: beside the host of the API is one for them."""
    url = str(payload.instance.options.get("url") or "https://api.opsgenie.com")
    host = url.replace("://api.", "://app.", 1)
    return f"{host}/alert/detail/{key}/details" if host != url else None


def turns(timeline: Mapping[str, Any], until: str) -> dict[str, Json]:
    """Return the turns of a timeline that began before `until`, by schedule, person and start.

    One that began before the timeline is cut there and has another start than it had: it is left
    out, an earlier timeline had the whole of it. Nobody, or a team, is no person.
    """
    schedule, edge = part(timeline, "_parent"), instant(timeline.get("startDate"))
    rotations = part(timeline, "finalTimeline").get("rotations") or ()
    periods = [one for each in rotations for one in each.get("periods") or ()]
    return {
        f"{schedule['id']}:{one['recipient']['id']}:{one['startDate']}": one
        for one in periods
        if part(one, "recipient").get("type") == "user"
        and instant(one["startDate"]) != edge
        and _time(one["startDate"]) < _time(until)
    }


def _time(text: str) -> datetime:
    return instant(text) or datetime.max.replace(tzinfo=UTC)


def on_call(payload: Payload) -> Tables:
    """Return the turns of a schedule that began before the time in the context."""
    timeline = payload.object()["data"]
    rows = [
        own(payload) | {
            "turn_id": f"{payload.instance.name}:{key}", "schedule": timeline["_parent"]["name"],
            "person": one["recipient"]["name"], "started_at": one["startDate"],
            "ended_at": one["endDate"],
        }
        for key, one in turns(timeline, payload.context["until"]).items()
    ]  # fmt: skip
    return {"core.on_call": frame("core.on_call", rows)}


def users(payload: Payload) -> Tables:
    """Return a page of accounts."""
    return _accounts(payload, payload.objects("data"), is_gone=False)


def gone_users(payload: Payload) -> Tables:
    """Return the accounts that the last walk did not find any more, as it remembered them."""
    return _accounts(payload, payload.object().values(), is_gone=True)


KEPT_OF_USER = ("id", "username", "fullName", "createdAt")


def kept_user(one: Mapping[str, Any]) -> Json:
    """Return what is remembered of an account."""
    return {name: one.get(name) for name in KEPT_OF_USER}


def _accounts(payload: Payload, found: Iterable[Mapping[str, Any]], *, is_gone: bool) -> Tables:
    rows = [
        own(payload) | {
            "account_id": f"{payload.instance.name}:{one['id']}", "login": one["username"],
            "name": one.get("fullName"), "email": one["username"],
            "is_active": not is_gone and not one.get("blocked"), "created_at": one.get("createdAt"),
        }
        for one in found
    ]  # fmt: skip
    return {"core.accounts": frame("core.accounts", rows)}


def nothing(_: Payload) -> Tables:
    """Return nothing: who is on call now is kept to know when to ask for the turns."""
    return {}


def hooked(body: bytes) -> Json | None:
    """Return the alert of a webhook as a list would show it, None for actions that tell no state.

    Times are milliseconds, that of the change nanoseconds. Raises SourceDataError.
    """
    told = event(body)
    alert, status = part(told, "alert"), HOOKS.get(str(told.get("action")))
    if not status or not alert.get("alertId"):
        return None
    created = _iso(epoch(alert["createdAt"], per_second=1000))
    changed = _iso(epoch(alert.get("updatedAt"), per_second=10**9)) or created
    return {
        "id": alert["alertId"], "tinyId": alert.get("tinyId"), "alias": alert.get("alias"),
        "message": alert.get("message"), "description": alert.get("description"), "status": status,
        "acknowledged": told["action"] == "Acknowledge", "snoozed": told["action"] == "Snooze",
        "tags": alert.get("tags"), "source": alert.get("source"), "entity": alert.get("entity"),
        "priority": alert.get("priority"), "createdAt": created, "updatedAt": changed,
        "integration": {"name": told.get("integrationName")},
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


PARSERS: dict[str, Parser] = {
    "incidents": incidents,
    "alerts": alerts,
    "on_call_now": nothing,
    "on_call_now.gone": nothing,
    "on_call": on_call,
    "users": users,
    "users.gone": gone_users,
}
