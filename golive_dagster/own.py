"""What GoLive does for itself, whatever the sources are: jobs, schedules and sensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from assets.workspace import Workspace
from golive_dagster.actions import action_job, send_job, send_schedule
from golive_dagster.inbox import inbox_sensor
from golive_dagster.jobs import everything, upkeep_job
from golive_dagster.learning import learning_jobs, learning_schedules
from golive_dagster.monitors import monitor_jobs, monitor_schedules
from golive_dagster.schedules import upkeep_schedule
from golive_dagster.security import security_sensor

if TYPE_CHECKING:
    from golive_dagster.jobs import UnresolvedAssetJobDefinition


def own_jobs(workspace: Workspace) -> list[dg.JobDefinition | UnresolvedAssetJobDefinition]:
    """Return the jobs of actions, messages, upkeep, learning, monitors, and all at once."""
    own = [upkeep_job(), action_job(), send_job(), *learning_jobs(), *monitor_jobs(workspace)]
    return [everything(), *own]


def own_schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    """Return when they run."""
    return [
        upkeep_schedule(), *learning_schedules(workspace), send_schedule(workspace),
        *monitor_schedules(workspace),
    ]  # fmt: skip


def own_sensors(
    workspace: Workspace, jobs: Sequence[UnresolvedAssetJobDefinition],
    handed_in: UnresolvedAssetJobDefinition,
) -> list[dg.SensorDefinition]:  # fmt: skip
    """Return what watches the gateway: its inbox and its security events."""
    return [*inbox_sensor(workspace, jobs, handed_in), security_sensor(workspace)]
