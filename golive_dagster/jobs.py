"""Jobs: one ingest per source instance with all that follows from it, everything, and upkeep."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from assets import upkeep
from assets.core import ONLY_TAG, PROJECTS, UPLOADS
from assets.learning.graph import GROUP
from assets.publish import publish
from assets.raw import key_of, word
from assets.workspace import Workspace

if TYPE_CHECKING:
    # What define_asset_job returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

INSTANCE_TAG = "golive/instance"
UPLOADS_JOB = "uploads"
RUNS_AT_ONCE = 100
"""Runs that are looked up at a time while old ones are removed."""


def job_name(instance: str) -> str:
    """Return the name of the job that ingests an instance."""
    return f"ingest_{word(instance)}"


def ingest_jobs(workspace: Workspace) -> "list[UnresolvedAssetJobDefinition]":
    """Return a job per instance: its raw assets and whatever depends on them."""
    return [_ingest(workspace, name) for name in workspace.instances]


def _ingest(workspace: Workspace, name: str) -> "UnresolvedAssetJobDefinition":
    streams = workspace.types[workspace.instances[name].type].streams
    raw = dg.AssetSelection.assets(*(key_of(name, stream.name) for stream in streams))
    wanted = raw.downstream() | dg.AssetSelection.assets(PROJECTS)
    return dg.define_asset_job(
        job_name(name),
        # Models are fitted by a job of their own: news shall not wait for them.
        selection=wanted.materializable() - dg.AssetSelection.groups(GROUP),
        description=f"Pull {name} and refresh everything that follows from it.",
        tags={INSTANCE_TAG: name},
        executor_def=dg.in_process_executor,
    )


def everything() -> "UnresolvedAssetJobDefinition":
    """Return the job of all assets."""
    return dg.define_asset_job(
        "everything",
        selection=dg.AssetSelection.all().materializable(),
        description="Pull every source and refresh all that follows.",
        executor_def=dg.in_process_executor,
    )


def uploads_job() -> "UnresolvedAssetJobDefinition":
    """Return the job of what was handed in: it asks no source."""
    return dg.define_asset_job(
        UPLOADS_JOB,
        selection=dg.AssetSelection.assets(UPLOADS).downstream().materializable()
        - dg.AssetSelection.groups(GROUP),
        description="Take uploads into the lake and refresh all that follows.",
        tags={ONLY_TAG: "uploads"},
        executor_def=dg.in_process_executor,
    )


def upkeep_job() -> dg.JobDefinition:
    """Return the daily job: compact, vacuum, and forget what settings say is too old."""

    @dg.op(description="Merge small files, then remove those that no kept version needs.")
    def tidy_lake(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
        retention = workspace.settings.retention
        rows = upkeep.prune_raw(workspace.lake, days=retention.raw_days)
        artifacts = upkeep.prune_artifacts(
            workspace.lake, workspace.settings.home, evidence_days=retention.evidence_days
        )
        tables = upkeep.compact(workspace.lake)
        upkeep.vacuum(workspace.lake, hours=retention.vacuum_hours)
        # The published file names Parquet files, some of which are gone now.
        publish(workspace.lake, workspace.settings.home)
        context.log.info(
            "%d tables compacted, %d raw rows and %d artifacts (%d bytes) removed",
            len(tables), rows.count, artifacts.count, artifacts.size_bytes,
        )  # fmt: skip

    @dg.op(description="Remove the records of old runs: Dagster itself keeps them for ever.")
    def tidy_runs(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
        before = datetime.now(UTC) - timedelta(days=workspace.settings.retention.runs_days)
        context.log.info("%d old runs removed", prune_runs(context.instance, before))

    @dg.job(
        name="upkeep",
        description="Compact, vacuum and forget what is older than golive.toml keeps.",
        executor_def=dg.in_process_executor,
    )
    def upkeep_() -> None:
        tidy_lake()
        tidy_runs()

    return upkeep_


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete finished runs created before `before`, with their events; return how many."""
    finished = [
        dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED,
    ]  # fmt: skip
    old = dg.RunsFilter(statuses=finished, created_before=before)
    count = 0
    while runs := instance.get_runs(filters=old, limit=RUNS_AT_ONCE):
        for run in runs:
            instance.delete_run(run.run_id)
        count += len(runs)
    return count
