"""Learned models on a schedule: looks every hour, and runs where enough is new."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.learning.due import due
from assets.learning.graph import GROUP
from assets.workspace import Workspace
from models.learned import learned_models

if TYPE_CHECKING:
    # What define_asset_job returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

JOB = "learning"
CRON = "41 * * * *"


def learning_jobs() -> "list[UnresolvedAssetJobDefinition]":
    """Return the job that evaluates, fits and promotes; none where there is no learned model."""
    if not learned_models():
        return []
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.groups(GROUP),
        description="Evaluate, fit and promote learned models where enough is new.",
        executor_def=dg.in_process_executor,
    )
    return [job]


def learning_schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    """Return the schedule of the job: an hourly look that costs a count per project."""
    return [_schedule(workspace)] if learned_models() else []


def _schedule(workspace: Workspace) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=JOB,
        job_name=JOB,
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fits models again where enough is new, or where the world has moved.",
    )
    def tick() -> dg.RunRequest | dg.SkipReason:
        home = workspace.settings.home
        reasons = {
            f"{name} of {one.project_id}": one.reason or one.damage
            for name, model in learned_models().items()
            for one in due(workspace.lake, home, model)
            if one.reason or one.damage
        }
        if not reasons:
            return dg.SkipReason("nothing new enough to learn from")
        return dg.RunRequest(
            tags={"golive/due": "; ".join(f"{k}: {v}" for k, v in reasons.items())}
        )

    return tick
