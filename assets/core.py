"""Core assets: one per table that a source type feeds, written by one step; and the projects.

How raw becomes core is in `assets/load.py`. The step hands what it wrote to the checks of
`assets/checking.py`; a failed blocking check stops what follows, and its days are checked again by
every run until they pass.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import polars as pl

from assets import checking, health, load
from assets.checking import Checking
from assets.groups import added
from assets.load import ConformResult
from assets.partitions import SINGLE_RUN
from assets.raw import key_of, owners, streams_by_table
from assets.steps import Progress, Step
from assets.workspace import Workspace
from golive_core import schema
from golive_core.errors import GoLiveError
from golive_core.lake import WriteResult
from ingest.source import Instance

CHECK = "sources_understood"
ONLY_TAG = "golive/only"
"""Tag of a run in which one instance is conformed and none is pulled."""
PROJECTS = dg.AssetKey(["core", "projects"])
UPLOADS = dg.AssetKey(["raw", "uploads"])
"""Reports that were handed in: they write core themselves, before the checks and the marts."""


def core_key(table: str) -> dg.AssetKey:
    """Return the asset key of a table such as `core.builds`."""
    return dg.AssetKey(table.split("."))


def core_assets(
    workspace: Workspace, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """Return the step `conform` with an asset per core table, and core.projects."""
    return [_conform(workspace, partitions), _projects()]


def _conform(workspace: Workspace, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    specs = [_spec(workspace, table, partitions) for table in streams_by_table(workspace)]
    understood = [
        dg.AssetCheckSpec(CHECK, asset=spec.key, description="What was pulled could be written.")
        for spec in specs
    ]
    quality = list(checking.specs(spec.key for spec in specs))

    @dg.multi_asset(
        name="conform",
        specs=specs,
        check_specs=understood + quality,
        can_subset=True,
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
    )
    def conform(
        context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with Checking(workspace.lake, context.run.run_id) as checks:
            reporting = workspace.reporting(_warming(checks, workspace.progress))
            done = conform_all(reporting, instances_of(context, workspace))
            for problem in done.errors.values():
                context.log.error(str(problem))
            for key in sorted(context.selected_asset_keys):
                yield _result(workspace, key, done)
            tables = {name: written.days for name, written in done.tables.items()}
            yield from checks.results(tables, context.selected_asset_check_keys)

    return conform


def _warming(checks: Checking, progress: Progress) -> Progress:
    """Start the checks' slow import as soon as there are rows, while the rest is parsed."""

    def report(step: Step) -> None:
        if step.rows:
            checks.warm()
        progress(step)

    return report


def _spec(
    workspace: Workspace, table: str, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetSpec:
    feeding = streams_by_table(workspace)[table]
    spec = schema.find(table)
    columns = [
        dg.TableColumn(one.name, str(one.dtype), description=one.doc) for one in spec.columns
    ]
    return dg.AssetSpec(
        core_key(table),
        deps=[UPLOADS, *(key_of(instance.name, stream.name) for instance, stream in feeding)],
        description=f"{spec.grain[:1].upper()}{spec.grain[1:]}.",
        group_name="core",
        owners=sorted({one for i, _ in feeding for one in owners(workspace.owner(i.name))}),
        kinds={"polars", "deltalake"},
        tags={"layer": "core"},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns),
            "dagster/table_name": table,
            "key": ", ".join(spec.key),
            "partition": spec.partition,
        },
        partitions_def=partitions,
    )


@dataclass(slots=True)
class Conformed:
    """What the conforming of several instances came to."""

    tables: dict[str, WriteResult] = field(default_factory=dict[str, WriteResult])
    results: list[ConformResult] = field(default_factory=list[ConformResult])
    errors: dict[str, GoLiveError] = field(default_factory=dict[str, GoLiveError])

    def add(self, result: ConformResult) -> None:
        """Take the result of one more instance."""
        self.results.append(result)
        for name, written in result.tables.items():
            known = self.tables.get(name)
            self.tables[name] = added(known, written) if known else written


def conform_all(workspace: Workspace, instances: Iterable[Instance]) -> Conformed:
    """Conform each instance and note its health; one that fails does not stop the others."""
    done = Conformed()
    for instance in instances:
        result = ConformResult(instance.name)
        error: GoLiveError | None = None
        try:
            run = load.Conforming(
                workspace.lake, workspace.source(instance.name), instance, result,
                workspace.context, workspace.settings.cores, workspace.progress,
            )  # fmt: skip
            run.run(None)
        except GoLiveError as problem:
            done.errors[instance.name] = error = problem
        done.add(result)
        health.note_rows(workspace.lake, instance, load.visit_of_rows(result, error))
    return done


def instances_of(context: dg.AssetExecutionContext, workspace: Workspace) -> list[Instance]:
    """Return the instances whose raw assets are part of this run, all if none is.

    A run that is tagged with an instance is about that one alone. A run of one instance must not
    wait for the pull of another in another process.
    """
    only = context.run.tags.get(ONLY_TAG)
    if only is not None:
        return [one for one in workspace.instances.values() if one.name == only]
    keys = context.job_def.asset_layer.executable_asset_keys
    pulled = {key.path[1] for key in keys if key.path[0] == "raw"}
    found = workspace.instances.values()
    return [one for one in found if one.name in pulled] or list(found)


def _result(workspace: Workspace, key: dg.AssetKey, done: Conformed) -> dg.MaterializeResult[Any]:
    table = ".".join(key.path)
    written = done.tables.get(table)
    metadata: dict[str, dg.MetadataValue] = {
        "rows_new": dg.MetadataValue.int(written.new if written else 0),
        "rows_changed": dg.MetadataValue.int(written.changed if written else 0),
        "rows_unchanged": dg.MetadataValue.int(written.unchanged if written else 0),
        "files": dg.MetadataValue.int(written.files if written else 0),
        "days": dg.MetadataValue.int(len(written.days) if written else 0),
        "folder": dg.MetadataValue.path(workspace.lake.root.joinpath(*key.path)),
    }
    failed = {
        instance.name: str(done.errors[instance.name])
        for instance, _ in streams_by_table(workspace)[table]
        if instance.name in done.errors
    }
    check = dg.AssetCheckResult(
        passed=not failed,
        check_name=CHECK,
        asset_key=key,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"failed": failed},
    )
    return dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=[check])


def _projects() -> dg.AssetsDefinition:
    @dg.asset(
        key=PROJECTS,
        description="The projects of golive.toml.",
        group_name="core",
        kinds={"deltalake"},
        tags={"layer": "core"},
    )
    def projects(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
        written = write_projects(workspace)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": written.new + written.changed + written.unchanged}
        )

    return projects


def write_projects(workspace: Workspace) -> WriteResult:
    """Merge the configured projects into core.projects."""
    rows = [
        {
            "project_id": one.id, "name": one.name, "description": one.description,
            "owner": one.owner, "git_repository": one.git_repository,
            "is_simulated": one.is_simulated,
        }
        for one in workspace.settings.projects.values()
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema.PROJECTS.schema)
    return workspace.lake.merge("core.projects", frame)
