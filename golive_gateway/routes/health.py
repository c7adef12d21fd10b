"""Is the process alive, and can it do its work? For supervisors, probes and people."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice
from typing import Any

from fastapi import APIRouter, Response

from golive_core import cron
from golive_core.errors import GoLiveError, SettingsError
from golive_core.inbox import Inbox
from golive_core.lake import Lake
from golive_core.settings import home, load

router = APIRouter(prefix="/health", tags=["health"])
STARTED = time.monotonic()
FEW_BYTES, LEAST_BYTES = 2_000_000_000, 200_000_000
"""Room on the disk below which it is tight, and below which nothing should be taken any more."""
DEEP = 10_000
"""Deliveries waiting in the inbox from which something does not take them."""
OLD_S = 600.0
"""Age of the oldest delivery from which likewise."""
LATE_TICKS, RENEWED = 3, timedelta(minutes=15)
"""Ticks of its schedule without a success after which a source is late, and how much later than it
was a success without news is noted: as `golive doctor` has it."""
ORDER = ("healthy", "degraded", "unhealthy")
Check = dict[str, Any]


@router.get("/live")
def live() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok", "version": version("golive")}


@router.get("/ready", responses={503: {"description": "It cannot do its work; the body says why."}})
def ready(response: Response) -> dict[str, Any]:
    """Answer 200 where it can do its work, else 503, and tell what was looked at."""
    checks = {name: _tried(check) for name, check in CHECKS.items()}
    worst = max((one["status"] for one in checks.values()), key=ORDER.index)
    if worst == "unhealthy":
        response.status_code = 503
    return {
        "status": worst, "version": version("golive"),
        "uptime_s": round(time.monotonic() - STARTED, 1), "checks": checks,
    }  # fmt: skip


def _tried(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except GoLiveError as error:
        told = {"error": error.what, "where": error.where, "hint": error.hint}
        # With a slip in golive.toml it still takes deliveries and answers.
        state = "degraded" if isinstance(error, SettingsError) else "unhealthy"
        return {"status": state, **told}


def _lake() -> Check:
    lake = Lake(home() / "lake")
    return {"status": "healthy", "lake_version": lake.version(), "tables": len(lake.tables())}


def _inbox() -> Check:
    inbox = Inbox(home())
    depth, oldest = inbox.depth(), inbox.oldest_at()
    age = max(0.0, time.time() - oldest) if oldest else 0.0
    state = "degraded" if depth >= DEEP or age >= OLD_S else "healthy"
    return {"status": state, "waiting": depth, "oldest_age_s": round(age, 1)}


def _disk() -> Check:
    place = next(one for one in (home(), *home().parents) if one.exists())
    free = shutil.disk_usage(place).free
    state = "healthy" if free > FEW_BYTES else "degraded" if free > LEAST_BYTES else "unhealthy"
    return {"status": state, "free_bytes": free}


def _sources() -> Check:
    """Tell which sources failed and which are late: they missed LATE_TICKS of their schedule."""
    configured, now = load(), datetime.now(UTC)
    lake = Lake(home() / "lake")
    rows = lake.lookup("ops.source_health").to_dicts() if lake.exists("ops.source_health") else []
    known = {row["instance"]: row for row in rows if row["instance"] in configured.instances}
    failed = sorted(name for name, row in known.items() if row["status"] == "failed")
    late = sorted(
        name for name, row in known.items() if _is_late(configured.schedule(name), row, now)
    )
    newest = {name: row["newest_at"] for name, row in sorted(known.items())}
    state = "degraded" if failed or late else "healthy"
    return {"status": state, "failed": failed, "late": late, "newest_at": newest}


def _is_late(schedule: str, row: dict[str, Any], now: datetime) -> bool:
    if row["status"] == "paused" or row["succeeded_at"] is None:
        return False
    missed = cron.ticks(schedule, row["succeeded_at"] + RENEWED, now)
    return len(list(islice(missed, LATE_TICKS))) == LATE_TICKS


CHECKS: dict[str, Callable[[], Check]] = {
    "lake": _lake, "inbox": _inbox, "disk": _disk, "sources": _sources,
}  # fmt: skip
