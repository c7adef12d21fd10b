"""Uploads into the lake: report files that were handed in, as if `golive ingest` had read them.

An upload leaves the inbox after its rows are committed. One in which nothing is a report stays on
disk and is told in ops.quarantine. Its own instance is `<project>-uploads`, so that reports of one
build join, however many uploads they came in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from assets import load
from assets.core import UPLOADS, write_projects
from assets.inbox import refuse
from assets.load import IngestResult
from assets.steps import Progress, quiet
from assets.workspace import Workspace
from golive_core.inbox import REMEMBERED_S, Delivery, Inbox
from golive_core.uploads import KIND, Upload, prune
from ingest.source import Instance

KINDS = ("junit", "reports")
"""Sources that are shown every upload: each takes the formats that it knows."""
AT_ONCE = 200


def waiting(workspace: Workspace) -> list[Delivery]:
    """Return the uploads that are not in the lake yet, oldest first."""
    return [one for one in Inbox(workspace.settings.home).waiting() if one.kind == KIND][:AT_ONCE]


def take(workspace: Workspace, progress: Progress = quiet) -> Iterator[IngestResult]:
    """Load the waiting uploads and yield what each source found in each."""
    found = waiting(workspace)
    if found:
        write_projects(workspace)
        prune(workspace.settings.home, before=time.time() - REMEMBERED_S)
    for delivery in found:
        yield from _take(workspace, delivery, progress)


def _take(workspace: Workspace, delivery: Delivery, progress: Progress) -> Iterator[IngestResult]:
    upload, home = Upload.of(delivery), workspace.settings.home
    results: list[IngestResult] = []
    folder = str(upload.fetch(home))
    for kind in KINDS:
        instance = _instance(upload, kind, folder)
        own = Workspace(
            replace(workspace.settings, instances={instance.name: instance}), workspace.lake
        )
        done = load.ingest(
            own.lake, own.source(instance.name), instance, context=own.context, full=True,
            processes=workspace.settings.cores, progress=progress,
        )  # fmt: skip
        results.append(done)
        yield done
    errors = [str(one.error) for one in results if one.error]
    if errors or not any(one.conform.tables for one in results):
        reason = "; ".join(errors) or "nothing in it is a report that is understood"
        refuse(workspace, Inbox(home), [delivery], reason)
    else:
        Inbox(home).done([delivery.sequence])
        upload.forget(home)


def _instance(upload: Upload, kind: str, folder: str) -> Instance:
    name = f"{upload.project_id}-uploads{'' if kind == KINDS[0] else f'-{kind}'}"
    return Instance(name, kind, upload.project_id, {"paths": [folder], **upload.options})


def uploads_asset() -> dg.AssetsDefinition:
    """Return the asset that takes uploads into the lake; core and marts follow it."""

    @dg.asset(
        key=UPLOADS,
        group_name="uploads",
        description="Report files that were handed in through the gateway.",
        kinds={"deltalake"},
        tags={"layer": "raw"},
    )
    def uploads(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
        done = list(take(workspace, workspace.progress))
        rows = sum(one.conform.rows_new for one in done)
        failed = [str(one.error) for one in done if one.error]
        metadata: dict[str, dg.MetadataValue] = {
            "uploads": dg.MetadataValue.int(len(done) // len(KINDS)),
            "rows_new": dg.MetadataValue.int(rows),
        }
        if failed:
            metadata["errors"] = dg.MetadataValue.text("\n".join(failed))
        return dg.MaterializeResult(metadata=metadata)

    return uploads
