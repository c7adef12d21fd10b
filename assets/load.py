"""From a source into core: what the assets and `golive ingest` share. Knows no Dagster.

    pull     source -> raw.<type>, and the source's cursor in the same commit
    conform  raw    -> core.*, what was kept out, and the watermark in the same commit

Each commit leaves a state from which the next run goes on, so that a process may be killed at
any moment: rows are never lost, and keys keep them from being doubled. How a unit is parsed is in
`assets/parsing.py`, in which process in `assets/workers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from assets import health
from assets.conforming import Conforming, ConformResult, chosen
from assets.cursors import Mark, State, alone
from assets.health import Visit
from assets.steps import Progress, Step, quiet
from golive_core import schema
from golive_core.errors import GoLiveError, SourceAuthError, SourceDataError
from golive_core.lake import Lake
from golive_core.window import Window
from ingest.source import Context, Instance, Pulled, Source

__all__ = [
    "ConformResult", "Conforming", "IngestResult", "Progress", "PullResult", "Step",
    "conform", "ingest", "ingest_all", "pull", "quiet", "replay", "visit_of", "visit_of_rows",
]  # fmt: skip


@dataclass(slots=True)
class PullResult:
    """What a pull brought: payloads that were new to raw or known, by stream."""

    instance: str
    new: dict[str, int] = field(default_factory=dict[str, int])
    known: dict[str, int] = field(default_factory=dict[str, int])
    batches: int = 0
    requests: int = 0

    @property
    def payloads(self) -> int:
        """Payloads received, known ones too."""
        return sum(self.new.values()) + sum(self.known.values())


@dataclass(slots=True)
class IngestResult:
    """A pull and the conform after it; `error` is what stopped either."""

    instance: Instance
    pull: PullResult
    conform: ConformResult
    error: GoLiveError | None = None


def pull(
    lake: Lake,
    source: Source,
    instance: Instance,
    *,
    streams: Iterable[str] | None = None,
    full: bool = False,
    window: Window | None = None,
    progress: Progress = quiet,
    result: PullResult | None = None,
) -> PullResult:
    """Ask the source for news and store the payloads in `raw.<type>`, batch by batch.

    `full` forgets the cursor; `window` asks for that window whatever is known, and leaves the
    cursor where it is. A payload that raw has already is conformed again, since the source held
    it for news (a branch that moved back, say). Raises SourceError after what came before it has
    been committed; `result` then tells how much that was. A stream that cannot be read stops no
    other one, its error comes last; a server that is away or wants rest is left alone at once.
    """
    result = result or PullResult(instance.name)
    errors: list[GoLiveError] = []
    with alone(lake, instance.name):
        state = State.read(lake, instance.name)
        for name in chosen(source, streams):
            cursor = None if full or window else state.mark(name, "pull").cursor
            batches = source.pull(name, cursor=cursor, window=window)
            try:
                _store_all(lake, instance, name, batches, state, result, progress, window is None)
            except (SourceAuthError, SourceDataError) as error:
                errors.append(error)
    if errors:
        raise errors[0]
    return result


def _store_all(
    lake: Lake, instance: Instance, stream: str, batches: Iterable[Pulled], state: State,
    result: PullResult, progress: Progress, moves: bool,
) -> None:  # fmt: skip
    """Commit what a stream brings, batch by batch, and count it."""
    step = Step(instance.name, "pull", stream)
    progress(step)
    for batch in batches:
        new, known = store(lake, instance, stream, batch, state, moves=moves)
        result.new[stream] = result.new.get(stream, 0) + new
        result.known[stream] = result.known.get(stream, 0) + known
        result.batches += 1
        result.requests += batch.requests
        step = Step(
            instance.name, "pull", stream,
            payloads=step.payloads + new + known, requests=step.requests + batch.requests,
        )  # fmt: skip
        progress(step)


def store(
    lake: Lake, instance: Instance, stream: str, batch: Pulled, state: State, *, moves: bool
) -> tuple[int, int]:
    """Commit one batch with its cursor; return how many payloads were new and known."""
    before = state.mark(stream, "pull")
    cursor = batch.cursor if moves else before.cursor
    if not batch.payloads.height:
        if cursor != before.cursor:
            lake.merge("ops.cursors", state.row(stream, "pull", Mark(before.sequence, cursor)))
        return 0, 0
    sequence = state.next_sequence()
    rows = _raw_rows(instance, stream, sequence, batch.payloads)
    new, known = _known_apart(lake, instance, stream, rows)
    with lake.transaction(f"pull {instance.name} {stream}") as txn:
        if known.height:
            txn.merge(f"raw.{instance.type}", pl.concat([known, new]))
        else:
            txn.insert(f"raw.{instance.type}", new)
        txn.merge("ops.cursors", state.row(stream, "pull", Mark(sequence, cursor)))
    return new.height, known.height


def _raw_rows(
    instance: Instance, stream: str, sequence: int, payloads: pl.DataFrame
) -> pl.DataFrame:
    now = datetime.now(UTC)
    rows = payloads.unique("payload_id", keep="last", maintain_order=True).with_columns(
        instance=pl.lit(instance.name), stream=pl.lit(stream), sequence=pl.lit(sequence),
        project_id=pl.lit(instance.project_id), day=pl.lit(now.date()), fetched_at=pl.lit(now),
    )  # fmt: skip
    return schema.conform(schema.raw_table(instance.type), rows)


def _known_apart(
    lake: Lake, instance: Instance, stream: str, rows: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into new ones and ones that raw has; those keep the day they first came on."""
    ids, name = rows["payload_id"], instance.name
    held = lake.scan(
        f"raw.{instance.type}",
        instance=(name, name), stream=(stream, stream), payload_id=(ids.min(), ids.max()),
    )  # fmt: skip
    of_stream = held.filter(pl.col("instance") == name, pl.col("stream") == stream)
    first = of_stream.join(rows.lazy().select("payload_id"), on="payload_id", how="semi")
    first = first.select("payload_id", "day", "fetched_at").collect()
    new = rows.join(first, on="payload_id", how="anti")
    known = rows.drop("day", "fetched_at").join(first, on="payload_id", how="inner")
    return new, known.select(rows.columns)


def conform(
    lake: Lake,
    source: Source,
    instance: Instance,
    *,
    context: Context | None = None,
    streams: Iterable[str] | None = None,
    full: bool = False,
    processes: int | None = None,
    progress: Progress = quiet,
) -> ConformResult:
    """Parse what raw has above the watermark and write it into core.

    `full` starts over from the first payload. `processes` counts the parent and defaults to the
    cores that this process may use; without `context` all is parsed here. Commits happen per group
    of units; the watermark of a stream moves with the commit that ends a slice of its payloads.
    """
    result = ConformResult(instance.name)
    run = Conforming(lake, source, instance, result, context, processes, progress)
    run.run(streams, full=full)
    return result


def replay(
    lake: Lake, source: Source, instance: Instance, *, since: datetime | None = None,
    context: Context | None = None, processes: int | None = None,
) -> ConformResult:  # fmt: skip
    """Parse once more what raw received at `since` (aware) or later, all of it by default.

    The source is not asked for anything.
    """
    result = ConformResult(instance.name)
    run = Conforming(lake, source, instance, result, context, processes)
    run.run(full=since is None, since=since)
    return result


def ingest(
    lake: Lake,
    source: Source,
    instance: Instance,
    *,
    context: Context | None = None,
    full: bool = False,
    window: Window | None = None,
    processes: int | None = None,
    progress: Progress = quiet,
) -> IngestResult:
    """Pull and conform one instance and note its health; an error is in the result, not raised.

    What was pulled before an error is conformed all the same.
    """
    done = IngestResult(instance, PullResult(instance.name), ConformResult(instance.name))
    try:
        pull(lake, source, instance, full=full, window=window, progress=progress, result=done.pull)
    except GoLiveError as error:
        done.error = error
    run = Conforming(lake, source, instance, done.conform, context, processes, progress)
    try:
        run.run()
    except GoLiveError as error:
        done.error = done.error or error
    health.note(lake, instance, visit_of(done))
    return done


def visit_of(done: IngestResult) -> Visit:
    """Return what the ingest says about the health of its source."""
    return replace(visit_of_rows(done.conform, done.error), requests=done.pull.requests)


def visit_of_rows(result: ConformResult, error: GoLiveError | None = None) -> Visit:
    """Return what a conform alone says about the health of its source."""
    return Visit(
        payloads=result.payloads,
        rows_new=result.rows_new,
        rejected=result.rejected + result.quarantined,
        newest_at=result.newest_at,
        error=error,
    )


def ingest_all(
    lake: Lake,
    sources: Iterable[tuple[Instance, Source]],
    *,
    context: Context | None = None,
    full: bool = False,
    processes: int | None = None,
    progress: Progress = quiet,
) -> Iterator[IngestResult]:
    """Yield the ingest of each instance in turn; one that fails does not stop the others."""
    for instance, source in sources:
        yield ingest(
            lake, source, instance,
            context=context, full=full, processes=processes, progress=progress,
        )  # fmt: skip
