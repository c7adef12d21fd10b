"""What a page is asked about: one project, one period, one moment.

The frame makes it from the filters in the URL; pages only read it. Periods end at the newest day
of the project's data, so that an old history shows something too.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import streamlit as st

from dashboards import data, moment

PERIODS = (7, 14, 30, 90)
"""Days that the period filter offers."""
DEFAULT_DAYS = 30
NAMES = "select project_id, name, is_simulated from core.projects order by project_id"
ACTIVITY = (
    "select project_id, max(day) as newest_day from marts.build_health_daily group by project_id",
    "select project_id, max(day) as newest_day from marts.test_daily group by project_id",
    "select project_id, max(day) as newest_day from marts.commit_activity_daily group by all",
)
"""The newest day of builds or tests counts; that of commits only where there is neither."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project that has data; `newest_day` is the last UTC day of it, None if there is none."""

    id: str
    name: str
    is_simulated: bool
    newest_day: date | None


@dataclass(frozen=True, slots=True)
class Scope:
    """The project, the length of the period in days, and the reader's moment and zone.

    `now` is a past instant where the URL asks for one: pages take it instead of the clock.
    """

    project: Project
    days: int
    now: datetime
    zone: tzinfo

    @property
    def last_day(self) -> date:
        """The last day (UTC) of the period."""
        return self.project.newest_day or self.now.date()

    @property
    def first_day(self) -> date:
        """The first day (UTC) of the period."""
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def period(self) -> str:
        """The period in words."""
        return f"{self.days} days to {self.last_day:%-d %b %Y}"


def projects() -> list[Project]:
    """Return the projects that are known or have data.

    First those with builds or tests, real ones before simulated: the first page shall show some.
    """
    builds, tests, commits = (_newest(sql) for sql in ACTIVITY)
    newest = commits | builds | {
        project: max(day, builds.get(project, day)) for project, day in tests.items()
    }  # fmt: skip
    named = {row["project_id"]: row for row in data.rows(NAMES).dicts()}
    found = [
        Project(
            id=project,
            name=named.get(project, {}).get("name") or project,
            is_simulated=bool(named.get(project, {}).get("is_simulated")),
            newest_day=newest.get(project),
        )
        for project in {*named, *newest}
    ]
    filled = {*builds, *tests}
    return sorted(
        found,
        key=lambda one: (
            one.id not in filled, one.newest_day is None, one.is_simulated, one.name,
        ),
    )  # fmt: skip


def _newest(sql: str) -> dict[str, date]:
    return {row["project_id"]: row["newest_day"] for row in data.rows(sql).dicts()}


def reader_zone() -> tzinfo:
    """Return the time zone of the reader's browser, UTC where it tells none."""
    try:
        return zoneinfo.ZoneInfo(st.context.timezone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def make(project: Project, days: int) -> Scope:
    """Return the scope of the moment that the reader looks at: now, or the one in the URL."""
    return Scope(project, days, moment.as_of() or datetime.now(UTC), reader_zone())
