"""The code location: everything that Dagster shows, assembled. How assets work is in `assets`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from assets.core import core_assets
from assets.learning.graph import learning_assets
from assets.log_templates import template_asset
from assets.marts import mart_assets
from assets.partitions import daily
from assets.publish import publish_asset
from assets.raw import raw_assets
from assets.refresh import FOLDER
from assets.uploads import uploads_asset
from assets.workspace import Workspace
from golive_dagster.discover import predictions
from golive_dagster.jobs import ingest_jobs, uploads_job
from golive_dagster.lineage import VIEWS, page_specs
from golive_dagster.own import own_jobs, own_schedules, own_sensors
from golive_dagster.schedules import ingest_schedules
from golive_dagster.sensors import sensors


def build_defs(
    workspace: Workspace | None = None, *, marts: Path = FOLDER, views: Path = VIEWS
) -> dg.Definitions:
    """Return the definitions of a workspace, by default the one configured where Dagster runs."""
    workspace = workspace or Workspace.load()
    start = workspace.settings.history_start
    partitions = daily(start.date() if start else None)
    assets: list[dg.AssetsDefinition] = [
        *raw_assets(workspace, partitions),
        uploads_asset(),
        *core_assets(workspace, partitions),
        template_asset(workspace),
        *mart_assets(partitions, marts),
        *learning_assets(),
        *predictions(),
    ]
    jobs, handed_in = ingest_jobs(workspace), uploads_job()
    return dg.Definitions(
        assets=[*assets, publish_asset(assets), *page_specs(views)],
        jobs=[*jobs, handed_in, *own_jobs(workspace)],
        schedules=[*ingest_schedules(workspace), *own_schedules(workspace)],
        sensors=[*sensors(workspace, jobs), *own_sensors(workspace, jobs, handed_in)],
        resources={"workspace": workspace},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return what `dagster dev` and `dg` load."""
    return build_defs()
