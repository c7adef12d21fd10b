"""Is the process alive, and can it answer from the lake? For supervisors and probes."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Response

from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from golive_core.settings import home

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok", "version": version("golive")}


@router.get("/ready")
def ready(response: Response) -> dict[str, object]:
    """Answer 200 with the lake's version if it can be read, else 503 with the reason."""
    try:
        lake = Lake(home() / "lake")
        return {"status": "ok", "lake_version": lake.version(), "tables": len(lake.tables())}
    except GoLiveError as error:
        response.status_code = 503
        return {"status": "failed", "error": error.what, "where": error.where, "hint": error.hint}
