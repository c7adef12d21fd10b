"""Raw assets: one per stream of every configured source, materialised by `assets.load.pull`.

How a pull works is in `assets/load.py`. An instance that cannot be read fails its check
`source_answers` and not its step, since Dagster would then skip core for every other instance too.
One whose server wants rest only warns: what it has not given yet comes with a later run.
"""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets import health, load
from assets.health import Visit
from assets.load import PullResult
from assets.partitions import SINGLE_RUN, Asked, asked, partition_keys
from assets.workspace import Workspace
from golive_core.errors import GoLiveError, SourceThrottledError
from golive_core.http import limits
from ingest.source import Instance, Stream

CHECK = "source_answers"


def key_of(instance: str, stream: str) -> dg.AssetKey:
    """Return the asset key of a stream of an instance."""
    return dg.AssetKey(["raw", instance, stream])


def word(text: str) -> str:
    """Return the text as Dagster wants names of groups, pools and operations."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def raw_assets(
    workspace: Workspace, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """Return the assets of every configured instance."""
    return [_of_instance(workspace, one, partitions) for one in workspace.instances.values()]


def _of_instance(
    workspace: Workspace, instance: Instance, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    kind = workspace.types[instance.type]
    specs = [_spec(workspace, instance, stream, partitions) for stream in kind.streams]

    @dg.multi_asset(
        name=f"pull_{word(instance.name)}",
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(CHECK, asset=spec.key, description="The source could be read.")
            for spec in specs
        ],
        can_subset=True,
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        pool=word(instance.name),
    )
    def pulled(
        context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        streams = [key.path[-1] for key in context.selected_asset_keys]
        result, error = pull(workspace, instance, streams, asked(partition_keys(context)))
        if isinstance(error, SourceThrottledError):
            context.log.warning("%s is paused: %s", instance.name, error)
        elif error:
            context.log.error(str(error))
        shown = limits.known(workspace.settings.home, instance.name).shown()
        if shown:
            context.log.info("Limits of %s: %s", instance.name, shown)
        for name in streams:
            yield _result(workspace, instance, name, result, error)

    return pulled


def _spec(
    workspace: Workspace,
    instance: Instance,
    stream: Stream,
    partitions: dg.PartitionsDefinition[str],
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(instance.name, stream.name),
        description=f"{stream.doc[:1].upper()}{stream.doc[1:]}, as received from {instance.name}.",
        group_name=word(instance.type),
        owners=owners(workspace.owner(instance.name)),
        kinds={word(instance.type), "deltalake"},
        tags={"layer": "raw", "project": instance.project_id},
        metadata={"table": f"raw.{instance.type}", "feeds": ", ".join(stream.tables)},
        partitions_def=partitions,
    )


def owners(owner: str) -> list[str]:
    """Return an owner as Dagster has it: an e-mail address or `team:name`."""
    if not owner:
        return []
    return [owner if "@" in owner or owner.startswith("team:") else f"team:{owner}"]


def pull(
    workspace: Workspace, instance: Instance, streams: list[str], to_do: Asked
) -> tuple[PullResult, GoLiveError | None]:
    """Pull the news, then the windows; note health, return what came and what stopped it."""
    result = PullResult(instance.name)
    error: GoLiveError | None = None
    try:
        source = workspace.source(instance.name)
        for window in ([None] if to_do.news else []) + to_do.windows:
            load.pull(
                workspace.lake, source, instance,
                streams=streams, window=window, progress=workspace.progress, result=result,
            )  # fmt: skip
    except GoLiveError as problem:
        error = problem
    visit = Visit(requests=result.requests, payloads=result.payloads, error=error)
    health.note(workspace.lake, instance, visit)
    return result, error


def _result(
    workspace: Workspace, instance: Instance, stream: str, result: PullResult,
    error: GoLiveError | None,
) -> dg.MaterializeResult[Any]:  # fmt: skip
    new, known = result.new.get(stream, 0), result.known.get(stream, 0)
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(new),
        "payloads_known": dg.MetadataValue.int(known),
        "requests_of_instance": dg.MetadataValue.int(result.requests),
        "folder": dg.MetadataValue.path(workspace.lake.root / "raw" / instance.type),
    }
    if shown := limits.known(workspace.settings.home, instance.name).shown():
        metadata["limits"] = dg.MetadataValue.text(shown)
    url = str(instance.options.get("url", ""))
    if url.startswith(("http://", "https://")):
        metadata["source"] = dg.MetadataValue.url(url)
    check = dg.AssetCheckResult(
        passed=error is None,
        check_name=CHECK,
        asset_key=key_of(instance.name, stream),
        severity=dg.AssetCheckSeverity.WARN
        if isinstance(error, SourceThrottledError)
        else dg.AssetCheckSeverity.ERROR,
        description=str(error) if error else "answered",
    )
    return dg.MaterializeResult(
        asset_key=key_of(instance.name, stream), metadata=metadata, check_results=[check]
    )


def streams_by_table(workspace: Workspace) -> dict[str, list[tuple[Instance, Stream]]]:
    """Return which configured streams feed each core table, for every table of a known type."""
    feeding: dict[str, list[tuple[Instance, Stream]]] = {
        table: []
        for kind in workspace.types.values()
        for one in kind.streams
        for table in one.tables
    }
    for instance in workspace.instances.values():
        for stream in workspace.types[instance.type].streams:
            for table in stream.tables:
                feeding[table].append((instance, stream))
    return feeding
