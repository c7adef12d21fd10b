"""Mart assets: one per .sql file in `assets/marts/`, refreshed by `assets.refresh`.

Nobody lists marts: a file is an asset, its header is the description, and its dependencies are the
tables that its SELECT names.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from assets import checking
from assets.core import core_key
from assets.partitions import SINGLE_RUN, asked, partition_keys
from assets.refresh import FOLDER, Mart, Refreshed, marts, refresh
from assets.workspace import Workspace


def mart_assets(
    partitions: dg.PartitionsDefinition[str], folder: Path = FOLDER
) -> list[dg.AssetsDefinition]:
    """Return the asset of every mart file in `folder`."""
    return [_of_mart(mart, partitions) for mart in marts(folder)]


def _of_mart(mart: Mart, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        core_key(mart.table),
        deps=[core_key(name) for name in lineage(mart.inputs)],
        description=mart.description,
        group_name="marts",
        kinds={"duckdb", "sql"},
        tags={"layer": "marts"},
        metadata={
            "sql": dg.MetadataValue.md(f"```sql\n{mart.sql}\n```"),
            "dagster/table_name": mart.table,
            **dict(mart.fields),
        },
        code_version=mart.version,
        partitions_def=partitions,
    )

    @dg.multi_asset(
        name=f"refresh_{mart.name}",
        specs=[spec],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
    )
    def refreshed(
        context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
    ) -> dg.MaterializeResult[Any]:
        refuse_unchecked(workspace, mart)
        to_do = asked(partition_keys(context))
        days = None if to_do.news else to_do.past
        done = refresh(workspace.lake, mart, days=days, by=workspace.compute)
        metadata = describe(workspace, done, in_full=to_do.news)
        return dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    return refreshed


def lineage(tables: Iterable[str]) -> list[str]:
    """Return the tables that are assets: what GoLive keeps of itself (ops) is not."""
    return [name for name in tables if not name.startswith("ops.")]


def refuse_unchecked(workspace: Workspace, mart: Mart) -> None:
    """Raise dagster.Failure while an input has days that have not passed its checks."""
    for table in mart.inputs:
        days = checking.pending(workspace.lake, table)
        if days:
            raise dg.Failure(
                f"{table} has {len(days)} days that fail its checks, first {min(days)}. "
                "See Data health, mend the source and ingest it again",
                allow_retries=False,
            )


def describe(
    workspace: Workspace, done: Refreshed, *, in_full: bool
) -> dict[str, dg.MetadataValue]:
    """Return what Dagster shows of a refresh.

    Without `in_full` it is little: Dagster stores it once for every day of a backfill.
    """
    metadata: dict[str, dg.MetadataValue] = {
        "rows_computed": dg.MetadataValue.int(done.rows),
        "skipped": dg.MetadataValue.bool(done.written is None),
        "folder": dg.MetadataValue.path(workspace.lake.root.joinpath(*done.mart.table.split("."))),
    }
    if done.days is not None:
        metadata["days_computed"] = dg.MetadataValue.int(done.days)
    if in_full and workspace.lake.exists(done.mart.table):
        metadata |= _shape(workspace, done.mart.table)
    return metadata


def _shape(workspace: Workspace, table: str) -> dict[str, dg.MetadataValue]:
    columns = workspace.lake.columns(table)
    cells = [dg.TableColumn(name, str(dtype)) for name, dtype in columns.items()]
    return {
        "dagster/row_count": dg.MetadataValue.int(workspace.lake.rows(table)),
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(cells)),
    }
