"""PagerDuty's REST API v2 and webhooks v3 to rows: incidents, turns on call, accounts.

A list shows who acknowledged an incident only until it is resolved; then its log alone tells it.
So the pull hands resolved incidents to the parser of the log. All of it is of one kind, for which
the order in which it was received counts: the last that is told of an incident is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from golive_core.errors import SourceDataError
from ingest.parse.hosted import own, part
from ingest.parse.rows import frame, instant
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

STATUS = {"triggered": "open", "acknowledged": "acknowledged", "resolved": "resolved"}
SEVERITY = {
    "p1": "critical",
    "sev1": "critical",
    "sev-1": "critical",
    "p2": "high",
    "sev2": "high",
    "sev-2": "high",
    "high": "high",
    "p3": "medium",
    "sev3": "medium",
    "sev-3": "medium",
    "p4": "low",
    "p5": "low",
    "sev4": "low",
    "sev5": "low",
    "low": "low",
}
"""Names of priorities as they come with an account, and urgencies where there is no priority."""
ACKNOWLEDGED = "acknowledge_log_entry"
TOOK = frozenset({ACKNOWLEDGED, "resolve_log_entry"})
"""Entries of a log by people who worked on the incident."""


def slim(one: Mapping[str, Any]) -> Json:
    """Return what a list tells of an incident, by the names of the columns where there are."""
    acks = [str(each["at"]) for each in one.get("acknowledgements") or ()]
    people = [part(each, "assignee") for each in one.get("assignments") or ()]
    people += [part(each, "acknowledger") for each in one.get("acknowledgements") or ()]
    service, ended = (
        part(one, "service"),
        one.get("resolved_at") or one.get("last_status_change_at"),
    )
    return {
        "id": one["id"], "number": one.get("incident_number") or one.get("number"),
        "title": one.get("title") or one.get("summary"), "status": one["status"],
        "service": service.get("summary"), "service_id": service.get("id"),
        "priority": part(one, "priority").get("summary"), "urgency": one.get("urgency"),
        "started_at": one["created_at"], "acknowledged_at": min(acks, default=None),
        "resolved_at": ended if is_over(one) else None,
        "assignees": [each.get("summary") for each in people or one.get("assignees") or ()],
        "url": one.get("html_url"),
    }  # fmt: skip


def is_over(one: Mapping[str, Any]) -> bool:
    """Tell whether an incident is resolved, after which lists do not say who acknowledged it."""
    return one["status"] == "resolved"


def included(entries: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    """Return the incidents that entries of a log hold, by id; a bare reference has no status."""
    return {one["incident"]["id"]: one["incident"] for one in entries if one.get("incident")}


def incidents(payload: Payload) -> Tables:
    """Return the incidents of a list, of a log that includes them, of the context, or of a hook."""
    services = payload.instance.options.get("services")
    rows = [_row(payload, one) for one in _told(payload) if _is_wanted(one, services)]
    return {"core.incidents": frame("core.incidents", rows)}


def _is_wanted(one: Json, services: list[str] | None) -> bool:
    return not services or one["service_id"] in services


def _told(payload: Payload) -> Iterator[Json]:
    body = payload.object()
    if "incidents" in payload.context:
        yield from logged(payload.context["incidents"], body["log_entries"])
        return
    for one in _listed(body):
        if not (is_over(one) and payload.context.get("log")):
            yield slim(one)


def _listed(body: Json) -> Iterable[Json]:
    """Return the incidents of a body, without bare references; raises SourceDataError."""
    if "incident" in body:
        return [body["incident"]]
    if "log_entries" in body:
        return [one for one in included(body["log_entries"]).values() if "status" in one]
    if "incidents" in body:
        return cast("list[Json]", body["incidents"])
    raise SourceDataError("neither incidents nor a log of them")


def logged(known: Iterable[Json], entries: Iterable[Mapping[str, Any]]) -> Iterator[Json]:
    """Yield incidents with when they were first acknowledged and by whom, as the log says."""
    of: dict[str, list[Mapping[str, Any]]] = {}
    for one in entries:
        if one.get("type") in TOOK:
            of.setdefault(part(one, "incident").get("id", ""), []).append(one)
    for incident in known:
        mine = of.get(incident["id"], [])
        acks = [str(one["created_at"]) for one in mine if one["type"] == ACKNOWLEDGED]
        people = [part(one, "agent") for one in mine]
        yield incident | {
            "acknowledged_at": min(acks, default=None),
            "assignees": [
                one.get("summary") for one in people if str(one.get("type")).startswith("user")
            ],
        }  # fmt: skip


def _row(payload: Payload, one: Json) -> Json:
    priority, urgency = str(one["priority"]).lower(), str(one["urgency"])
    number = one["number"]
    return own(payload) | {
        "incident_id": f"{payload.instance.name}:{one['id']}",
        "number": None if number is None else str(number), "title": one["title"],
        "service": one["service"], "severity": SEVERITY.get(priority) or SEVERITY.get(urgency),
        "status": STATUS.get(one["status"], "open"), "started_at": one["started_at"],
        "acknowledged_at": one["acknowledged_at"], "resolved_at": one["resolved_at"],
        "assignees": sorted({name for name in one["assignees"] if name}), "url": one["url"],
    }  # fmt: skip


def turns(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return turns by schedule, person and start; each once, however many policies use it.

    Who is always on call, without a schedule, has no turns.
    """
    return {
        f"{one['schedule']['id']}:{one['user']['id']}:{_stamp(one['start'])}": one
        for one in entries
        if one.get("schedule") and one.get("start")
    }


def on_call(payload: Payload) -> Tables:
    """Return a page of turns on call."""
    rows = [
        own(payload) | {
            "turn_id": f"{payload.instance.name}:{key}", "schedule": one["schedule"]["summary"],
            "person": one["user"]["summary"], "started_at": one["start"],
            "ended_at": one.get("end"),
        }
        for key, one in turns(payload.objects("oncalls")).items()
    ]  # fmt: skip
    return {"core.on_call": frame("core.on_call", rows)}


def _stamp(text: str) -> str:
    """Return a time as part of an id, in UTC whatever zone it is written in."""
    at = instant(text)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def users(payload: Payload) -> Tables:
    """Return a page of accounts."""
    return _accounts(payload, payload.objects("users"), is_active=True)


def gone_users(payload: Payload) -> Tables:
    """Return the accounts that the last walk did not find any more, as it remembered them."""
    return _accounts(payload, payload.object().values(), is_active=False)


KEPT_OF_USER = ("id", "name", "email", "html_url")


def kept_user(one: Mapping[str, Any]) -> Json:
    """Return what is remembered of an account."""
    return {name: one.get(name) for name in KEPT_OF_USER}


def _accounts(payload: Payload, found: Iterable[Mapping[str, Any]], *, is_active: bool) -> Tables:
    rows = [
        own(payload) | {
            "account_id": f"{payload.instance.name}:{one['id']}", "login": one.get("email"),
            "name": one.get("name"), "email": one.get("email"), "is_active": is_active,
            "url": one.get("html_url"),
        }
        for one in found
    ]  # fmt: skip
    return {"core.accounts": frame("core.accounts", rows)}


def hooked(event: Mapping[str, Any]) -> Json | None:
    """Return the incident of an event of a webhook v3 as a list would show it, None for others.

    A hook tells no times of its own but when it happened, which is that of the acknowledgement or
    of the end in hooks of these.
    """
    kind, data = str(event.get("event_type")), part(event, "data")
    if not kind.startswith("incident.") or data.get("type") != "incident":
        return None
    at = event.get("occurred_at")
    told: Json = {"resolved_at": at} if kind == "incident.resolved" else {}
    if kind == "incident.acknowledged":
        told = {"acknowledgements": [{"at": at, "acknowledger": part(event, "agent")}]}
    return {**data, **told}


PARSERS: dict[str, Parser] = {
    "incidents": incidents,
    "on_call": on_call,
    "users": users,
    "users.gone": gone_users,
}
