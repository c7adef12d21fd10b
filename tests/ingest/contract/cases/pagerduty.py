"""PagerDuty, over the loopback server of its own tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "pagerduty"))

from contract_case import Case, Changed
from pagerduty_server import ANN, BOB, turn, user
from pagerduty_server import Pagerduty as Server

from ingest.sources.pagerduty import Pagerduty

COUNT, DAYS = 230, 12


@dataclass
class World(Server):
    """Incidents are the long list; the newest ones are open."""

    def add(self, count: int) -> None:
        for number in range(1, count + 1):
            begun = 30 * number
            self.begin(number, begun)
            if number % 5:
                self.take(number, begun + 4)
            if number < COUNT - 2:
                self.end(number, begun + 20)

    def fill(self) -> None:
        self.add(COUNT)
        self.turns = [turn("daily", BOB if day % 2 else ANN, day) for day in range(DAYS)]
        self.turns += [turn("second", BOB, 0, 30), turn("daily", BOB, 1)]
        self.turns.append(turn("x", ANN, 0) | {"schedule": None, "start": None, "end": None})
        self.users = [user(name) for name in ("ann", "bob", "cid")]

    def expected(self) -> dict[str, int]:
        return {"core.incidents": COUNT, "core.on_call": DAYS + 1, "core.accounts": 3}

    def change(self) -> Changed:
        self.end(COUNT - 1, 30 * COUNT + 99)
        return Changed("core.incidents", f"number = '{COUNT - 1}'", "status", "resolved")

    def delete(self) -> Changed:
        self.users.pop()
        return Changed("core.accounts", "name = 'Cid'", "is_active", False)


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {"core.incidents": count}


CASE = Case(
    source=Pagerduty,
    world=World,
    main="incidents?",
    options=lambda url: {"url": url},
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    second_run=3,
)
