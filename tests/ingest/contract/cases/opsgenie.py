"""Opsgenie, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "opsgenie"))

from contract_case import Case, Changed
from opsgenie_server import Opsgenie as Server
from opsgenie_server import alert, at, incident, period, user

from ingest.sources.opsgenie import Opsgenie

COUNT, DAYS, INCIDENTS = 230, 12, 130


@dataclass
class World(Server):
    """Alerts are the long list; some incidents are open since long."""

    def add(self, count: int) -> None:
        for number in range(1, count + 1):
            closed = 30 * number + 20 if number % 4 else None
            self.alerts[f"a{number}"] = alert(number, 30 * number, closed=closed)

    def fill(self) -> None:
        self.add(COUNT)
        for number in range(1, INCIDENTS + 1):
            ended = 60 * number + 30 if number > 3 and number < INCIDENTS else None
            self.incidents[f"i{number}"] = incident(number, 60 * number, ended=ended)
        self.services = {"s1": "Shop"}
        self.periods = {
            "daily": [period(f"u{day % 2}", day) for day in range(DAYS)],
            "second": [period("u2", 0, 60), period("t", 1, recipient={"type": "none"})],
        }
        self.now = {"daily": ["u0@example.org"], "second": ["u2@example.org"]}
        self.users = [user(name) for name in ("ann", "bob", "cid")]

    def expected(self) -> dict[str, int]:
        return {
            "core.incidents": INCIDENTS, "core.alerts": COUNT, "core.on_call": DAYS + 1,
            "core.accounts": 3,
        }  # fmt: skip

    def change(self) -> Changed:
        self.incidents["i2"] |= {"status": "resolved", "updatedAt": at(60 * COUNT)}
        self.incidents["i2"]["impactEndDate"] = at(60 * COUNT)
        return Changed("core.incidents", "number = '2'", "status", "resolved")

    def delete(self) -> Changed:
        self.users.pop()
        return Changed("core.accounts", "name = 'Cid'", "is_active", False)


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {"core.alerts": count}


CASE = Case(
    source=Opsgenie,
    world=World,
    main="v2/alerts?",
    options=lambda url: {"url": url},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    second_run=5,
)
