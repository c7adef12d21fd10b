"""Is the process alive, and can it do its work? For supervisors, probes and people."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from golive_core.errors import GoLiveError
from golive_core.inbox import Inbox
from golive_core.lake import Lake
from golive_core.settings import home

router = APIRouter(prefix="/health", tags=["health"])
STARTED = time.monotonic()
FEW_BYTES, LEAST_BYTES = 2_000_000_000, 200_000_000
"""Room on the disk below which it is tight, and below which nothing should be taken any more."""
DEEP = 10_000
"""Deliveries waiting in the inbox from which something does not take them."""
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
        return {"status": "unhealthy", **told}


def _lake() -> Check:
    lake = Lake(home() / "lake")
    return {"status": "healthy", "lake_version": lake.version(), "tables": len(lake.tables())}


def _inbox() -> Check:
    depth = Inbox(home()).depth()
    return {"status": "degraded" if depth >= DEEP else "healthy", "waiting": depth}


def _disk() -> Check:
    place = next(one for one in (home(), *home().parents) if one.exists())
    free = shutil.disk_usage(place).free
    state = "healthy" if free > FEW_BYTES else "degraded" if free > LEAST_BYTES else "unhealthy"
    return {"status": state, "free_bytes": free}


def _sources() -> Check:
    sql = "select instance from ops.source_health where status = 'failed' order by instance"
    lake = Lake(home() / "lake")
    failed = lake.query(sql)["instance"].to_list() if lake.exists("ops.source_health") else []
    return {"status": "degraded" if failed else "healthy", "failed": failed}


CHECKS: dict[str, Callable[[], Check]] = {
    "lake": _lake, "inbox": _inbox, "disk": _disk, "sources": _sources,
}  # fmt: skip
