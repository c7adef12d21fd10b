"""A PagerDuty account on the loopback, in the words of its REST API v2 and its OpenAPI examples.

Lists are paged by number up to 10,000 entries, incidents come for six months at most, the log
newest first. Times are not long ago, since turns on call are asked for up to now.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok

T0 = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=20)
LIMIT = 10_000


def at(minutes: float) -> str:
    """Return a time as PagerDuty writes it."""
    return (T0 + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def reference(kind: str, key: str, summary: str) -> dict[str, Any]:
    return {
        "id": key, "type": f"{kind}_reference", "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{key}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{key}",
    }  # fmt: skip


ANN, BOB = reference("user", "PANN", "Ann"), reference("user", "PBOB", "Bob")
SHOP, BANK = reference("service", "PSHOP", "Shop"), reference("service", "PBANK", "Bank")


def incident(number: int, minutes: float, service: dict[str, Any] = SHOP) -> dict[str, Any]:
    return {
        "id": f"Q{number}", "type": "incident", "summary": f"[#{number}] It burns",
        "incident_number": number, "title": "It burns", "status": "triggered", "urgency": "high",
        "created_at": at(minutes), "updated_at": at(minutes), "last_status_change_at": at(minutes),
        "resolved_at": None, "service": service, "acknowledgements": [], "priority": None,
        "assignments": [{"at": at(minutes), "assignee": ANN}], "alert_counts": {"all": 1},
        "html_url": f"https://acme.pagerduty.com/incidents/Q{number}",
    }  # fmt: skip


def turn(schedule: str, user: dict[str, Any], day: float, days: float = 1) -> dict[str, Any]:
    return {
        "user": user, "schedule": reference("schedule", f"P{schedule.upper()}", schedule),
        "escalation_policy": reference("escalation_policy", "PESC", "All"), "escalation_level": 1,
        "start": at(1440 * day), "end": at(1440 * (day + days)),
    }  # fmt: skip


def user(name: str) -> dict[str, Any]:
    return reference("user", f"P{name.upper()}", name.title()) | {
        "type": "user", "name": name.title(), "email": f"{name}@example.org", "role": "user",
        "time_zone": "UTC",
    }  # fmt: skip


@dataclass
class Pagerduty(Loopback):
    """Incidents by id, the log of all of them, turns and users; `includes` full incidents."""

    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)
    includes: bool = True
    left: int | None = None

    def begin(self, number: int, minutes: float, service: dict[str, Any] = SHOP) -> None:
        one = incident(number, minutes, service)
        self.incidents[one["id"]] = one
        self.note("trigger", one, minutes, service)
        self.note("notify", one, minutes, ANN)

    def take(self, number: int, minutes: float, by: dict[str, Any] = ANN) -> None:
        one = self.incidents[f"Q{number}"]
        one |= {"status": "acknowledged", "last_status_change_at": at(minutes)}
        one["acknowledgements"] = [{"at": at(minutes), "acknowledger": by}]
        self.note("acknowledge", one, minutes, by)

    def end(self, number: int, minutes: float, by: dict[str, Any] = BOB) -> None:
        one = self.incidents[f"Q{number}"]
        one |= {
            "status": "resolved", "resolved_at": at(minutes), "last_status_change_at": at(minutes),
            "acknowledgements": [], "assignments": [],
        }  # fmt: skip
        self.note("resolve", one, minutes, by)

    def note(self, kind: str, one: dict[str, Any], minutes: float, by: dict[str, Any]) -> None:
        self.log.append({
            "id": f"R{len(self.log)}", "type": f"{kind}_log_entry", "summary": kind, "agent": by,
            "created_at": at(minutes), "channel": {"type": "api"}, "incident": one["id"],
        })  # fmt: skip

    def is_known(self, headers: Any) -> bool:
        return headers.get("authorization") in (f"Token token={self.token}", f"Bearer {self.token}")

    def headers(self) -> dict[str, str]:
        if self.left is None:
            return super().headers()
        told = {"ratelimit-limit": "960", "ratelimit-remaining": str(self.left)}
        return {**super().headers(), **told}

    def answer(self, asked: Asked) -> Reply:
        names = asked.path.split("/")
        lists = {
            "log_entries": lambda: self.entries(asked, self.log),
            "oncalls": lambda: self.on_call(asked),
            "users": lambda: self.users,
        }
        if asked.path == "incidents":
            return self.listed(asked)
        if asked.path in lists:
            return self.page(asked, asked.path, lists[asked.path]())
        if names[0] != "incidents" or names[1] not in self.incidents:
            return missing()
        if names[2:] == ["log_entries"]:
            mine = [one for one in self.log if one["incident"] == names[1]]
            return self.page(asked, "log_entries", self.entries(asked, mine))
        return ok({"incident": self.incidents[names[1]]})

    def listed(self, asked: Asked) -> Reply:
        found = sorted(self.incidents.values(), key=lambda one: one["created_at"])
        if asked.query.get("date_range") != "all" and "since" in asked.query:
            since, until = moment(asked.query["since"]), moment(asked.query["until"])
            if until - since > timedelta(days=184):
                return 400, b'{"error":{"message":"Invalid Input Provided"}}', {}
            found = [one for one in found if since <= moment(one["created_at"]) < until]
        return self.page(asked, "incidents", found)

    def entries(self, asked: Asked, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first = moment(asked.query.get("since", "2001-01-01T00:00:00Z"))
        last = moment(asked.query.get("until", "2101-01-01T00:00:00Z"))
        full = self.includes and asked.query.get("include[]") == "incidents"
        return [
            one | {"incident": self.incidents[one["incident"]] if full
                   else reference("incident", one["incident"], "x")}
            for one in sorted(log, key=lambda one: one["created_at"], reverse=True)
            if first <= moment(one["created_at"]) <= last
        ]  # fmt: skip

    def on_call(self, asked: Asked) -> list[dict[str, Any]]:
        if "since" not in asked.query:
            return self.turns
        since, until = moment(asked.query["since"]), moment(asked.query["until"])
        return [
            one for one in self.turns
            if not one["start"] or (moment(one["start"]) < until and moment(one["end"]) > since)
        ]  # fmt: skip

    def page(self, asked: Asked, name: str, found: list[dict[str, Any]]) -> Reply:
        offset, size = int(asked.query.get("offset", 0)), int(asked.query.get("limit", 25))
        if offset + size > LIMIT:
            return 400, b'{"error":{"message":"Offset must be less than 10000"}}', {}
        end = offset + size
        return ok({name: found[offset:end], "limit": size, "offset": offset,
                   "more": end < len(found), "total": None})  # fmt: skip
