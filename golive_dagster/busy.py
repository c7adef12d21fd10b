"""Why a tick leaves an instance alone: it is being ingested already, or its server wants rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.cursors import is_held
from assets.workspace import Workspace
from golive_core.http import limits
from golive_dagster.jobs import INSTANCE_TAG

STALE = timedelta(hours=1)
"""A run that said nothing for so long was killed; it must not hold its instance back for ever."""
WAITING = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip


def is_busy(instance: dg.DagsterInstance, workspace: Workspace, name: str) -> bool:
    """Tell whether a run of the source `name` waits or runs, or its lock is held."""
    if is_held(workspace.lake, name):
        return True
    return is_waiting(instance, tags={INSTANCE_TAG: name})


def is_waiting(
    instance: dg.DagsterInstance, *, job: str | None = None, tags: Mapping[str, str] | None = None
) -> bool:
    """Tell whether a run of that job or with these tags waits or runs."""
    mine = dg.RunsFilter(
        job_name=job, tags=tags or {}, statuses=WAITING, updated_after=datetime.now(UTC) - STALE
    )
    return bool(instance.get_run_records(filters=mine, limit=1))


def pause_of(workspace: Workspace, name: str) -> str:
    """Return why the server of an instance is not to be asked now, empty if it may be."""
    now = datetime.now(UTC).timestamp()
    known = limits.known(workspace.settings.home, name)
    return f"{name} is {known.shown(now)}" if known.hold(now) else ""
