"""Daily partitions: what a run of today and what a run of days gone by means.

A run of today's partition is the incremental one: everything since the cursor, whatever day it
happened on. A run of past days asks the sources for that window again and leaves the cursors where
they are. Reasons and measurements: docs/adr/0003-orchestration.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from golive_core.window import Window

HISTORY_START = date(2020, 1, 1)
SINGLE_RUN = dg.BackfillPolicy.single_run()


def daily(start: date | None = None) -> dg.DailyPartitionsDefinition:
    """Return the partitions that every asset with days shares; today is one of them."""
    return dg.DailyPartitionsDefinition(str(start or HISTORY_START), end_offset=1)


def today() -> str:
    """Return the key of today's partition, UTC."""
    return str(datetime.now(UTC).date())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is to do: the news, past days, or both."""

    news: bool
    past: tuple[date, ...] = ()

    @property
    def windows(self) -> list[Window]:
        """The past days as windows of consecutive days."""
        found: list[list[date]] = []
        for day in self.past:
            if found and day - found[-1][-1] == timedelta(days=1):
                found[-1].append(day)
            else:
                found.append([day])
        return [Window.of_days(days[0], days[-1]) for days in found]


def asked(keys: Sequence[str]) -> Asked:
    """Return what a run of these partitions is to do; without partitions it is the news."""
    now = datetime.now(UTC).date()
    days = sorted(date.fromisoformat(key) for key in keys)
    past = tuple(day for day in days if day < now)
    return Asked(news=not days or len(past) < len(days), past=past)


def newest(keys: Iterable[dg.AssetKey]) -> list[dg.AssetDep]:
    """Return the dependencies of an asset without days on the newest day of assets with days.

    Without this Dagster takes all days for input and lists them again at every step: two fifths
    of the time of a run without news.
    """
    return [dg.AssetDep(key, partition_mapping=dg.LastPartitionMapping()) for key in keys]


def partition_keys(context: dg.AssetExecutionContext) -> Sequence[str]:
    """Return the partitions of a run, none if it was started without."""
    return context.partition_keys if context.has_partition_key_range else ()
