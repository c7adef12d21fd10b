"""Prometheus as its HTTP API answers: a matrix by steps, rules with their alerts, what it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.prometheus import Prometheus

STEP, SIZE = 3600, 10
QUERY = "shop_queue"
SERIES = 'queue{__name__="shop_queue",job="pay"}'
JOBS = ("cart", "pay")


@dataclass
class World(Loopback):
    """Values by job and step, the last of them some steps ago; alerts by name."""

    values: dict[str, dict[int, str]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    ever: set[str] = field(default_factory=set)
    last: int = field(default_factory=lambda: int(time.time()) // STEP * STEP - 5 * STEP)

    def add(self, count: int, *jobs: str) -> None:
        for job in jobs:
            steps = range(self.last - (count - 1) * STEP, self.last + STEP, STEP)
            self.values[job] = {step: str(step % 7) for step in steps}

    def alert(self, name: str, state: str = "firing") -> None:
        at = datetime.fromtimestamp(self.last, UTC)
        self.alerts[name] = {
            "labels": {"alertname": name, "job": "cart", "severity": "page"},
            "annotations": {"summary": "too long"}, "state": state, "value": "9e+00",
            "activeAt": at.isoformat().replace("+00:00", ".18908375Z"),
        }  # fmt: skip
        self.ever.add(name)

    def fill(self) -> None:
        self.add(34, *JOBS)
        for number in range(23):
            self.alert(f"Queue{number}", "pending" if number % 5 == 0 else "firing")

    def expected(self) -> dict[str, int]:
        points = sum(map(len, self.values.values()))
        return {"core.metric_points": points, "core.alerts": len(self.ever)}

    def change(self) -> Changed:
        self.values["cart"][self.last + STEP] = "NaN"
        self.values["pay"][self.last + STEP] = "12.5"
        return Changed("core.metric_points", "value > 10", "series", SERIES)

    def delete(self) -> Changed:
        del self.alerts["Queue7"]
        return Changed("core.alerts", "name = 'Queue7'", "status", "resolved")

    def answer(self, asked: Asked) -> Reply:
        known = {
            "api/v1/query_range": self.matrix, "api/v1/query": self.one, "api/v1/rules": self.rules,
            "api/v1/status/buildinfo": lambda _: {"version": "2.42.0"},
            "api/v1/status/runtimeinfo": lambda _: {"storageRetention": "15d"},
        }  # fmt: skip
        if asked.path not in known:
            return missing()
        return ok({"status": "success", "data": known[asked.path](asked)})

    def one(self, asked: Asked) -> dict:
        assert asked.query["query"] == "1"
        return {"resultType": "scalar", "result": [time.time() + self.clock_s, "1"]}

    def matrix(self, asked: Asked) -> dict:
        assert asked.query["query"] == QUERY
        start, end, step = (int(asked.query[name]) for name in ("start", "end", "step"))
        assert start % step == end % step == 0
        assert (end - start) // step < SIZE
        result = []
        for job, values in self.values.items():
            found = [[at, text] for at, text in sorted(values.items()) if start <= at <= end]
            labels = {"__name__": QUERY, "job": job}
            result += [{"metric": labels, "values": found}] if found else []
        return {"resultType": "matrix", "result": result}

    def rules(self, asked: Asked) -> dict:
        assert asked.query == {"type": "alert"}
        rules = [
            {"name": name, "query": "shop_queue > 5", "type": "alerting", "health": "ok",
             "state": one["state"], "alerts": [one], "lastEvaluation": f"{time.time()}"}
            for name, one in self.alerts.items()
        ]  # fmt: skip
        return {"groups": [{"name": "shop", "file": "rules.yml", "rules": rules}]}


def page(world: World, count: int) -> dict[str, int]:
    world.add(count, "cart")
    return {"core.metric_points": count}


CASE = Case(
    source=Prometheus,
    world=World,
    main="query_range?",
    options=lambda url: {
        "url": url, "queries": {"queue": QUERY}, "step_s": STEP, "points": SIZE, "days": 2,
        "delay_s": 0,
    },
    secret={"token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=2,
)  # fmt: skip
