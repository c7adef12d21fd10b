"""Deployments of the simulated shop, what they broke, and what repaired it.

Main is deployed on working days by what its newest build of that day allows. Some deployments break
the shop: an incident follows, and a rollback or a hotfix ends it. Some incidents have nothing to do
with any deployment. Draws come from a stream of their own, so that builds and tests do not depend
on them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from models.simulation.history import MAIN, Commit, History
from models.simulation.rows import SOURCE, Frames, with_day
from models.simulation.shape import Shape

HOUR = 3_600.0
SERVICES = ("storefront", "checkout")
WEEKEND = 5
DAILY = 0.7
"""Chance that a service is deployed on a working day."""
FAILS = 0.06
"""Chance that a deployment does not get through."""
BREAKS = 0.14
"""Chance that one that got through breaks the shop."""
ROLLED_BACK = 0.5
OTHER_INCIDENTS = 0.04
"""Chance on a day of an incident without a deployment behind it."""
TITLES = (
    "Checkout answers 500", "Search is slow", "Payments are declined", "Pages load without styles",
    "Orders are written twice", "Sign-in loops",
)  # fmt: skip
SEVERITIES = ("critical", "high", "medium", "low")


def operation(past: History, shape: Shape, seed: int) -> Frames:
    """Return deployments and incidents of a history; the same seed makes the same rows."""
    rng = np.random.default_rng([seed, 8_5_0_1])
    main = [one for one in past.commits if one.branch == MAIN or one.is_merge]
    story = _Story(past, shape, rng, main)
    for service in SERVICES:
        story.service(service)
    story.others()
    return {
        "core.deployments": with_day("core.deployments", story.deployments, "queued_at"),
        "core.incidents": with_day("core.incidents", story.incidents, "started_at"),
    }


class _Story:
    def __init__(
        self, past: History, shape: Shape, rng: np.random.Generator, main: list[Commit]
    ) -> None:
        self.shape, self.rng, self.main = shape, rng, main
        first, last = past.commits[0].at, past.commits[-1].at
        self.days = [
            datetime.fromtimestamp(first, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            + timedelta(days=number)
            for number in range(int((last - first) // (24 * HOUR)) + 1)
        ]
        self.last = last
        self.deployments: list[dict[str, Any]] = []
        self.incidents: list[dict[str, Any]] = []

    def service(self, service: str) -> None:
        """Deploy a service day by day."""
        live: Commit | None = None
        for day in self.days:
            if day.weekday() >= WEEKEND or self.rng.random() > DAILY:
                continue
            at = day.timestamp() + (10 + 7 * self.rng.random()) * HOUR
            commit = self._newest(at)
            if commit is None or commit is live or at > self.last:
                continue
            if self.rng.random() < FAILS:
                self._deploy(service, commit, at, "failed")
                at += HOUR / 2
            self._deploy(service, commit, at, "passed")
            if live is not None and self.rng.random() < BREAKS:
                commit = self._broken(service, commit, live, at)
            live = commit

    def others(self) -> None:
        """Add incidents that no deployment caused."""
        for day in self.days:
            at = day.timestamp() + 24 * HOUR * self.rng.random()
            if self.rng.random() < OTHER_INCIDENTS and at < self.last:
                self._incident("database", at, at + HOUR * self.rng.exponential(2.0))

    def _broken(self, service: str, commit: Commit, before: Commit, at: float) -> Commit:
        """Tell an incident and its repair; return the commit that is live then."""
        began = at + HOUR * (0.1 + self.rng.exponential(0.8))
        repaired = began + HOUR * (0.3 + self.rng.exponential(1.5))
        self._incident(service, began, repaired)
        if self.rng.random() < ROLLED_BACK:
            self._deploy(service, before, repaired, "passed")
            return before
        fix = self._newest(repaired) or commit
        self._deploy(service, fix, repaired, "passed", branch="hotfix/restore")
        return fix

    def _newest(self, at: float) -> Commit | None:
        known = [one for one in self.main if one.at <= at]
        return known[-1] if known else None

    def _deploy(
        self, service: str, commit: Commit, at: float, status: str, branch: str = MAIN
    ) -> None:
        number = len(self.deployments) + 1
        seconds = 90 + 240 * float(self.rng.random())
        instance = f"{self.shape.project_id}-deploy"
        self.deployments.append({
            "deployment_id": f"{instance}:{number}", "project_id": self.shape.project_id,
            "source": SOURCE, "repository_id": f"{self.shape.project_id}-git", "service": service,
            "environment": "production", "environment_kind": "production", "status": status,
            "commit_sha": commit.sha, "branch": branch, "build_id": None,
            "queued_at": at, "started_at": at + 5,
            "finished_at": at + 5 + seconds, "duration_s": seconds,
            "creator": "deploy-bot", "url": None,
        })  # fmt: skip

    def _incident(self, service: str, began: float, ended: float) -> None:
        number = len(self.incidents) + 1
        is_over = ended <= self.last
        self.incidents.append({
            "incident_id": f"{self.shape.project_id}-oncall:{number}",
            "project_id": self.shape.project_id, "source": SOURCE, "number": str(number),
            "title": str(self.rng.choice(TITLES)), "service": service,
            "severity": str(self.rng.choice(SEVERITIES, p=[0.2, 0.4, 0.3, 0.1])),
            "status": "resolved" if is_over else "acknowledged", "started_at": began,
            "acknowledged_at": began + 300 * float(self.rng.exponential(1.0)),
            "resolved_at": ended if is_over else None, "assignees": ["on-call"],
            "url": None,
        })  # fmt: skip
