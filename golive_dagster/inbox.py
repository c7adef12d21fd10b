"""The sensor of the inbox: webhooks into raw, then a run of just the assets that they concern.

The run pulls nothing: it starts at core. A webhook that only rings starts the whole job of its
instance. A run is asked for again as long as raw holds what core has not, so that one that was
lost or failed loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from assets.core import ONLY_TAG
from assets.cursors import State
from assets.inbox import drain
from assets.partitions import today
from assets.uploads import waiting
from assets.workspace import Workspace
from golive_core.errors import GoLiveError
from golive_core.inbox import Inbox
from golive_dagster.busy import is_busy, is_waiting
from golive_dagster.jobs import INSTANCE_TAG, UPLOADS_JOB, job_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from golive_dagster.jobs import UnresolvedAssetJobDefinition

RETRY_S = 60.0
"""Between two tries of uploads whose run failed."""
SECONDS = 2
"""Between two looks: one count in a SQLite file."""


def inbox_sensor(
    workspace: Workspace, jobs: Sequence[UnresolvedAssetJobDefinition],
    handed_in: UnresolvedAssetJobDefinition,
) -> list[dg.SensorDefinition]:  # fmt: skip
    """Return the sensor `inbox`: of webhooks, for sources that take some, and of uploads.

    `jobs` are those of the instances, `handed_in` that of uploads.
    """
    by_name = {job.name: job for job in jobs}
    hooked = {
        name: by_name[job_name(name)]
        for name, one in workspace.instances.items()
        if one.webhook_secret
    }

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if not Inbox(workspace.settings.home).depth():
            return dg.SensorResult(skip_reason=dg.SkipReason("nothing came"))
        try:
            found = [*requests(context, workspace, hooked), *uploads(context, workspace)]
            return dg.SensorResult(run_requests=found)
        except GoLiveError as error:
            context.log.warning(str(error))
            return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))

    return [
        dg.SensorDefinition(
            name="inbox",
            evaluation_fn=evaluate,
            jobs=[*hooked.values(), handed_in],
            minimum_interval_seconds=SECONDS,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description="Takes webhooks and uploads in and refreshes what they concern.",
        )
    ]


def requests(
    context: dg.SensorEvaluationContext, workspace: Workspace,
    jobs: Mapping[str, UnresolvedAssetJobDefinition],
) -> Iterator[dg.RunRequest]:  # fmt: skip
    """Drain the inbox and yield a run for every instance that it concerns."""
    done = drain(workspace)
    if done.refused:
        context.log.warning("%d deliveries were refused: see Data health", done.refused)
    for name in sorted(done.told):
        yield _told(context, workspace, name, jobs[name])
    for name in sorted(done.rung - done.told.keys()):
        if not is_busy(context.instance, workspace, name):
            yield dg.RunRequest(
                job_name=job_name(name), partition_key=today(), tags={INSTANCE_TAG: name}
            )


def uploads(context: dg.SensorEvaluationContext, workspace: Workspace) -> Iterator[dg.RunRequest]:
    """Yield a run for the uploads that wait, unless one is on its way; a failed one is repeated."""
    found = waiting(workspace)
    if not found or is_waiting(context.instance, job=UPLOADS_JOB):
        return
    tries = int(time.time() // RETRY_S)
    yield dg.RunRequest(
        run_key=f"uploads:{found[-1].sequence}:{tries}", job_name=UPLOADS_JOB,
        partition_key=today(),
    )  # fmt: skip


def _told(
    context: dg.SensorEvaluationContext, workspace: Workspace, name: str,
    job: UnresolvedAssetJobDefinition,
) -> dg.RunRequest:  # fmt: skip
    sequence = State.read(workspace.lake, name).next_sequence()
    return dg.RunRequest(
        run_key=f"inbox:{name}:{sequence}",
        job_name=job.name,
        partition_key=today(),
        asset_selection=_after_raw(context, job.name),
        tags={INSTANCE_TAG: name, ONLY_TAG: name},
    )


def _after_raw(context: dg.SensorEvaluationContext, job: str) -> list[dg.AssetKey]:
    """Return the assets of a job without those that ask the source."""
    definitions = context.repository_def
    assert definitions is not None  # noqa: S101 - a sensor is evaluated with its repository
    keys = definitions.get_job(job).asset_layer.executable_asset_keys
    return [key for key in keys if key.path[0] != "raw"]
