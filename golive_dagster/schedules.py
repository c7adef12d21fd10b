"""Schedules: every instance at its own minute, and upkeep at night. Sensors are the quicker way."""

import dagster as dg

from assets.partitions import today
from assets.raw import word
from assets.workspace import Workspace
from golive_core.ids import content_id
from golive_dagster.busy import is_busy, pause_of
from golive_dagster.jobs import INSTANCE_TAG, job_name

HTTP_MINUTES = 15
LOCAL_MINUTES = 5
UPKEEP_CRON = "17 3 * * *"


def cron_of(workspace: Workspace, name: str) -> str:
    """Return the cron line of an instance: its own, or one staggered by its name.

    Sources behind a network are asked every 15 minutes, files and repositories every 5, so that
    their minutes differ and a restart of GoLive is no burst of requests.
    """
    if name in workspace.settings.schedules:
        return workspace.settings.schedules[name]
    url = str(workspace.instances[name].options.get("url", ""))
    every = HTTP_MINUTES if url.startswith(("http://", "https://")) else LOCAL_MINUTES
    return f"{content_id(name) % every}-59/{every} * * * *"


def ingest_schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    """Return a schedule per instance.

    A tick is skipped while the instance is being ingested, and while its server wants rest.
    """
    return [_schedule(workspace, name) for name in workspace.instances]


def _schedule(workspace: Workspace, name: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"every_{word(name)}",
        job_name=job_name(name),
        cron_schedule=cron_of(workspace, name),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Pulls {name}.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if is_busy(context.instance, workspace, name):
            return dg.SkipReason(f"{name} is being ingested")
        if pause := pause_of(workspace, name):
            return dg.SkipReason(pause)
        return dg.RunRequest(partition_key=today(), tags={INSTANCE_TAG: name})

    return tick


def upkeep_schedule() -> dg.ScheduleDefinition:
    """Return the nightly schedule of upkeep."""
    return dg.ScheduleDefinition(
        name="nightly_upkeep",
        job_name="upkeep",
        cron_schedule=UPKEEP_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
