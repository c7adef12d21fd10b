"""An Opsgenie account on the loopback, in the words of its REST API: searches, paging, timelines.

Shapes are those of DevLake's recording and of the vendor's description. Every answer says how long
it took and has an id, so that none is like another; a search gives no more than its first 20,000.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok

T0 = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=20)
LIMIT = 20_000
NUMBERS = count()
TIME = re.compile(r"createdAt (>=|<) (\d+)")


def at(minutes: float) -> str:
    """Return a time as Opsgenie writes it."""
    text = (T0 + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def millis(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def incident(number: int, minutes: float, *, ended: float | None = None) -> dict[str, Any]:
    over = {"status": "resolved", "impactEndDate": at(ended or 0), "updatedAt": at(ended or 0)}
    return {
        "id": f"i{number}", "tinyId": str(number), "message": f"Incident {number}",
        "description": "", "impactedServices": ["s1"], "status": "open", "tags": [],
        "createdAt": at(minutes), "updatedAt": at(minutes), "priority": "P1", "ownerTeam": "",
        "responders": [{"type": "user", "id": "u1"}, {"type": "team", "id": "t1"}],
        "impactStartDate": at(minutes), "extraProperties": {}, "actions": [],
        "links": {"web": f"https://acme.app.opsgenie.com/incident/detail/i{number}", "api": "x"},
        **(over if ended is not None else {}),
    }  # fmt: skip


def alert(number: int, minutes: float, *, closed: float | None = None) -> dict[str, Any]:
    over = {
        "status": "closed", "updatedAt": at(closed or 0), "acknowledged": True,
        "report": {"ackTime": 30_000, "closeTime": int(60_000 * ((closed or 0) - minutes))},
    }  # fmt: skip
    return {
        "id": f"a{number}", "tinyId": str(number), "alias": f"disk-{number}",
        "message": "Disk full",
        "status": "open", "acknowledged": False, "isSeen": True, "tags": ["disk"], "count": 1,
        "snoozed": False, "createdAt": at(minutes), "updatedAt": at(minutes), "source": "probe",
        "lastOccurredAt": at(minutes), "owner": "", "priority": "P2", "responders": [],
        "integration": {"id": "x", "name": "Nagios", "type": "API"},
        **(over if closed is not None else {}),
    }  # fmt: skip


def period(user: str, day: float, days: float = 1, **more: Any) -> dict[str, Any]:
    return {
        "startDate": at(1440 * day), "endDate": at(1440 * (day + days)), "type": "default",
        "recipient": {"id": user, "type": "user", "name": f"{user}@example.org"}, **more,
    }  # fmt: skip


def user(name: str) -> dict[str, Any]:
    return {
        "id": f"u{name}", "username": f"{name}@example.org", "fullName": name.title(),
        "blocked": False, "verified": True, "createdAt": at(0), "role": {"name": "User"},
    }  # fmt: skip


@dataclass
class Opsgenie(Loopback):
    """Incidents and alerts by id; of each schedule its periods and who is on call now."""

    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    periods: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    now: dict[str, list[str]] = field(default_factory=dict)
    users: list[dict[str, Any]] = field(default_factory=list)
    throttled: str = "OK"

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "X-RateLimit-State": self.throttled}

    def answer(self, asked: Asked) -> Reply:
        lists: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "v1/incidents": lambda: self.search(asked, self.incidents),
            "v2/alerts": lambda: self.search(asked, self.alerts),
            "v1/services": lambda: [{"id": key, "name": self.services[key]}
                                    for key in self.services],
            "v2/users": lambda: self.users,
        }  # fmt: skip
        if asked.path in lists:
            return self.page(asked, lists[asked.path]())
        one = self.single(asked)
        return missing() if one is None else said({"data": one})

    def single(self, asked: Asked) -> object:
        match asked.path.split("/"):
            case ["v1", "incidents", key]:
                return self.incidents.get(key)
            case ["v2", "schedules", "on-calls"]:
                return [
                    {"_parent": {"id": key, "name": key.title(), "enabled": True},
                     "onCallRecipients": people}
                    for key, people in self.now.items()
                ]  # fmt: skip
            case ["v2", "schedules", key, "timeline"] if key in self.periods:
                return self.timeline(asked, key)
        return None

    def timeline(self, asked: Asked, key: str) -> dict[str, Any]:
        """Return the periods within the months or days asked for, cut at both ends."""
        days = {"months": 31, "days": 1}[asked.query["intervalUnit"]]
        start = datetime.fromisoformat(asked.query["date"])
        ends = [start, start + timedelta(days=days * int(asked.query["interval"]))]
        first, last = (one.isoformat().replace("+00:00", "Z") for one in ends)
        found = [
            {**one, "startDate": max(one["startDate"], first, key=millis),
             "endDate": min(one["endDate"], last, key=millis)}
            for one in self.periods[key]
            if millis(one["endDate"]) > millis(first) and millis(one["startDate"]) < millis(last)
        ]  # fmt: skip
        return {
            "_parent": {"id": key, "name": key.title(), "enabled": True}, "startDate": first,
            "endDate": last,
            "finalTimeline": {"rotations": [{"id": "r", "name": "r", "order": 1.0,
                                             "periods": found}]},
        }  # fmt: skip

    def search(self, asked: Asked, of: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what a query of times made, of `status: open` and AND finds, sorted."""
        clauses = [one.strip("()") for one in asked.query.get("query", "").split(" AND ") if one]
        found = [one for one in of.values() if all(holds(clause, one) for clause in clauses)]
        is_falling = asked.query.get("order", "desc") == "desc"
        by = asked.query.get("sort", "createdAt")
        return sorted(found, key=lambda one: (one[by], one["id"]), reverse=is_falling)

    def page(self, asked: Asked, found: list[dict[str, Any]]) -> Reply:
        offset, size = int(asked.query.get("offset", 0)), int(asked.query.get("limit", 20))
        if offset + size > LIMIT:
            return 422, b'{"message":"Sum of offset and limit is over the limit"}', {}
        end = offset + size
        following = urlencode({**asked.query, "offset": end})
        paging = {"next": f"{self.url}/{asked.path}?{following}"} if end < len(found) else {}
        return said({"data": found[offset:end], "paging": paging})


def said(told: dict[str, Any]) -> Reply:
    number = next(NUMBERS)
    return ok({**told, "took": number / 1000, "requestId": f"request-{number}"})


def holds(clause: str, one: dict[str, Any]) -> bool:
    if " OR " in clause:
        return any(holds(part, one) for part in clause.split(" OR "))
    if clause.startswith("priority: "):
        return one["priority"] == clause.removeprefix("priority: ")
    if clause == "status: open":
        return one["status"] == "open"
    sign, text = TIME.fullmatch(clause).groups()
    made = millis(one["createdAt"])
    return made >= int(text) if sign == ">=" else made < int(text)
