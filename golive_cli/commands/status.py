"""`golive status`: how fresh and how sound everything is, from what the lake knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_cli.output import Json, ago, emit, say, show, size

if TYPE_CHECKING:
    from golive_core.http.limits import Known
    from golive_core.lake import Lake
    from golive_core.settings import Settings

HEALTH = "select * from ops.source_health"


def command(as_json: Json = False) -> None:
    """Show freshness, lag and health of each source, the size of the lake, and the last run."""
    from golive_cli.folder import configured
    from golive_core.lake import Lake

    settings = configured()
    lake = Lake(settings.home / "lake")
    sources = _sources(settings, lake)
    document = {
        "home": str(settings.home),
        "lake": {"version": lake.version(), "tables": len(lake.tables()), **_size(lake.root)},
        "last_run": _last_run(settings.home),
        "sources": sources,
    }
    if as_json:
        emit(document)
    else:
        _tell(document, sources)


def _sources(settings: Settings, lake: Lake) -> list[dict[str, Any]]:
    from golive_core.http import limits

    known = {row["instance"]: row for row in lake.query(HEALTH).to_dicts()}
    now = datetime.now(UTC)
    found: list[dict[str, Any]] = []
    for name, one in settings.instances.items():
        health = known.get(name, {})
        newest = health.get("newest_at")
        found.append({
            "instance": name, "source": one.type, "project": one.project_id,
            "status": health.get("status", "never asked"),
            "checked_at": health.get("checked_at"), "succeeded_at": health.get("succeeded_at"),
            "newest_at": newest,
            "lag_s": round((now - newest).total_seconds()) if newest else None,
            "error": health.get("error"), "hint": health.get("hint"),
            **_limits(limits.known(settings.home, name), now),
        })  # fmt: skip
    return found


def _limits(known: Known, now: datetime) -> dict[str, Any]:
    """Return what the server lets us ask now, as any process of this home was told last."""
    at = now.timestamp()
    hold, quota = known.hold(at), known.tightest(at)
    told = None
    if quota:
        is_over = quota.is_over(at)
        told = {
            "name": quota.name, "limit": quota.limit, "told_at": _instant(quota.told_at),
            "remaining": quota.limit if is_over else quota.remaining,
            "resets_at": None if is_over else _instant(quota.resets_at),
            "resets_in_s": round(quota.resets_at - at) if quota.resets_at and not is_over else None,
        }  # fmt: skip
    return {
        "quota": told, "limits": known.shown(at),
        "pause_ends_at": _instant(hold.until) if hold else None,
        "paused_by": hold.why if hold else None,
    }  # fmt: skip


def _instant(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None


def _size(root: Path) -> dict[str, int]:
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    return {"files": len(sizes), "size_bytes": sum(sizes)}


def _last_run(home: Path) -> dict[str, Any] | None:
    """Return the newest run that Dagster remembers: id, job, status, end."""
    if not (home / "dagster" / "dagster.yaml").exists():
        return None
    from golive_dagster.instance import open_instance

    with open_instance(home) as instance:
        records = instance.get_run_records(limit=1)
    if not records:
        return None
    record = records[0]
    return {
        "run_id": record.dagster_run.run_id,
        "job": record.dagster_run.job_name,
        "status": record.dagster_run.status.value.lower(),
        "ended_at": datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
    }


def _tell(document: dict[str, Any], sources: list[dict[str, Any]]) -> None:
    if sources:
        show(
            ["source", "type", "project", "health", "asked", "newest event", "limits"],
            [
                [
                    one["instance"], one["source"], one["project"], one["status"],
                    ago(one["checked_at"]), ago(one["newest_at"]), one["limits"] or "none told",
                ]
                for one in sources
            ],
        )  # fmt: skip
    else:
        say("No source is configured; golive init looks what this folder has.")
    for one in sources:
        if one["error"]:
            say(f"{one['instance']}: {one['error']}")
    if any(one["pause_ends_at"] for one in sources):
        say("What is paused goes on by itself; nothing is lost meanwhile.")
    lake, run = document["lake"], document["last_run"]
    say(f"Lake: {lake['tables']} tables, {size(lake['size_bytes'])} in {lake['files']:,} files.")
    if run:
        say(f"Last run: {run['status']}, {ago(run['ended_at'])} ({run['job']}).")
