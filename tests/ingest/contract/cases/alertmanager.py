"""Alertmanager as its API answers: groups of alerts, whole; what is resolved is not shown."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing, ok

from ingest.sources.alertmanager import Alertmanager

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES, PODS = ("QueueFull", "Slow", "Down"), 8


def written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class World(Loopback):
    """Alerts by name and pod; a group a name."""

    alerts: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def fill(self) -> None:
        for name in NAMES:
            for pod in range(PODS):
                at = T0 + timedelta(minutes=len(self.alerts))
                self.alerts[name, pod] = {
                    "labels": {"alertname": name, "pod": f"p{pod}", "severity": "warning"},
                    "annotations": {"summary": f"{name} on p{pod}"}, "startsAt": written(at),
                    "fingerprint": f"{len(self.alerts):016x}", "receivers": [{"name": "pager"}],
                    "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
                    "generatorURL": "http://prometheus.example.org/graph",
                }  # fmt: skip

    def expected(self) -> dict[str, int]:
        return {"core.alerts": len(NAMES) * PODS, "core.incidents": len(NAMES)}

    def change(self) -> Changed:
        self.alerts["Slow", 3]["status"] = {"state": "suppressed", "silencedBy": ["s1"]}
        return Changed("core.alerts", "summary = 'Slow on p3'", "status", "suppressed")

    def delete(self) -> Changed:
        for pod in range(PODS):
            del self.alerts["Down", pod]
        return Changed("core.incidents", "title = 'Down'", "status", "resolved")

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "api/v2/status":
            return ok({"versionInfo": {"version": "0.25.0"}, "cluster": {"status": "ready"}})
        if asked.path != "api/v2/alerts/groups":
            return missing()
        now = datetime.fromtimestamp(time.time() + self.clock_s, UTC)
        heard = {"updatedAt": written(now), "endsAt": written(now + timedelta(minutes=4))}
        groups: dict[str, list[dict]] = {}
        for (name, _), one in self.alerts.items():
            groups.setdefault(name, []).append({**one, **heard})
        return ok([
            {"labels": {"alertname": name}, "receiver": {"name": "pager"}, "alerts": alerts}
            for name, alerts in groups.items()
        ])  # fmt: skip


CASE = Case(
    source=Alertmanager,
    world=World,
    main="alerts/groups?",
    options=lambda url: {"url": url},
    secret={"token": "env:CONTRACT_TOKEN"},
    kill_at=(1, 1),
)
