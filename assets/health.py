"""The last known state of every instance: rows of ops.source_health.

Written when the state changes, when a pull brought something, or when the last row is older than
RENEW_AFTER, so that asking a quiet source every minute does not fill the lake with versions. What
is left of a quota changes with every request and is no news: `golive status` shows it as it is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from golive_core import schema
from golive_core.errors import GoLiveError, SourceThrottledError
from golive_core.http import limits
from golive_core.lake import Lake
from ingest.source import Instance

RENEW_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Visit:
    """What one ingest of an instance came to."""

    requests: int = 0
    payloads: int = 0
    rows_new: int = 0
    rejected: int = 0
    newest_at: datetime | None = None
    error: GoLiveError | None = None

    def status(self, before: str | None) -> str:
        """Return failed if the source could not be read, degraded if something was kept out.

        A source that wants to be left alone for a while is paused, which is no fault of anybody.

        A visit without news leaves a degraded source degraded: nobody has mended it.
        """
        if self.error:
            return "paused" if isinstance(self.error, SourceThrottledError) else "failed"
        stays = before == "degraded" and not self.payloads
        return "degraded" if self.rejected or stays else "ok"


def note(lake: Lake, instance: Instance, visit: Visit) -> bool:
    """Store what a pull says about the instance's health; tell whether a row was written."""
    before, now = _read(lake, instance.name), datetime.now(UTC)
    row = _row(instance, visit, before, now) | quota(home_of(lake), instance.name, now)
    if before and not visit.rows_new and not _is_news(row, before, now):
        return False
    lake.merge("ops.source_health", pl.DataFrame([row], schema=schema.SOURCE_HEALTH.schema))
    return True


def note_rows(lake: Lake, instance: Instance, visit: Visit) -> bool:
    """Add what conforming came to; a source whose pull failed stays failed."""
    if not (visit.payloads or visit.error):
        return False
    before = _read(lake, instance.name)
    stays = before.get("status") in ("failed", "paused") and not visit.error
    kept = ("requests", "succeeded_at") + (("status", "error", "hint") if stays else ())
    now = datetime.now(UTC)
    row = _row(instance, visit, before, now) | quota(home_of(lake), instance.name, now)
    row |= {name: before[name] for name in kept if name in before}
    lake.merge("ops.source_health", pl.DataFrame([row], schema=schema.SOURCE_HEALTH.schema))
    return True


def home_of(lake: Lake) -> Path:
    """Return the home that a lake lies in."""
    return lake.root.parent


def quota(home: Path, instance: str, now: datetime) -> dict[str, Any]:
    """Return what is known of the limits of an instance, as cells of ops.source_health."""
    known, at = limits.known(home, instance), now.timestamp()
    hold, tightest = known.hold(at), known.tightest(at)
    return {
        "quota_limit": tightest.limit if tightest else None,
        "quota_remaining": tightest.remaining if tightest else None,
        "quota_resets_at": _instant(tightest.resets_at) if tightest else None,
        "pause_ends_at": _instant(hold.until) if hold else None,
    }


def _instant(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _row(instance: Instance, visit: Visit, before: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "instance": instance.name,
        "source": instance.type,
        "project_id": instance.project_id,
        "status": visit.status(before.get("status")),
        "checked_at": now,
        "succeeded_at": before.get("succeeded_at") if visit.error else now,
        "newest_at": _later(visit.newest_at, before.get("newest_at")),
        "error": str(visit.error) if visit.error else None,
        "hint": visit.error.hint if visit.error else None,
        "requests": visit.requests,
        "rows_new": visit.rows_new or before.get("rows_new", 0),
    }


def _read(lake: Lake, instance: str) -> dict[str, Any]:
    found = lake.lookup("ops.source_health", instance=instance)
    return found.row(0, named=True) if found.height else {}


def _is_news(row: dict[str, Any], before: dict[str, Any], now: datetime) -> bool:
    if any(row[name] != before[name] for name in ("status", "error", "source", "project_id")):
        return True
    return now - before["checked_at"] > RENEW_AFTER


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at), default=None)
