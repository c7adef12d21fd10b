"""Templates of log lines in the lake: core.log_templates, and the lines that have them.

`mine_lines` is what the asset and the command line share and knows no Dagster. What a template is,
`models/log_templates.py` says; that and numpy are imported inside functions only.

Stack traces become failures with a signature, as those of tests are: a line with one has a
`failure_id`.

The files of core.log_lines whose lines have no template are found by the log of the table alone.
They are read, mined and written again, once, in one transaction with the templates, which are all
that is known of the lines before: a run goes on where the last one ended, and costs what is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import alone
from assets.groups import settled
from assets.partitions import newest
from assets.raw import streams_by_table
from assets.steps import Progress, Step, quiet
from assets.workspace import Workspace
from golive_core import schema
from golive_core.errors import LakeConflictError
from golive_core.ids import content_ids
from golive_core.lake import Lake
from golive_core.schema import FAILURES, LOG_LINES, LOG_TEMPLATES
from ingest.parse.tests import contents
from ingest.parse.traces import thrown

if TYPE_CHECKING:
    from golive_core.lake.snapshot import DataFile

LINES, TEMPLATES = LOG_LINES.name, LOG_TEMPLATES.name
ROWS_AT_ONCE = 1_000_000
"""Lines that are mined together: bounds the memory of a first run; one file may have more."""
ATTEMPTS = 5
"""How often a part is begun again because another process compacted its files meanwhile."""
EXAMPLE_CHARS = 1_000
TEXT_CHARS = 64 * 1024
FAILURES_NONE = pl.DataFrame(schema=FAILURES.schema)


@dataclass(frozen=True, slots=True)
class MinedLines:
    """What a run came to: lines that got a template, templates that are new, merged or changed."""

    lines: int = 0
    new: int = 0
    changed: int = 0


def mine_lines(
    lake: Lake, *, rows_at_once: int = ROWS_AT_ONCE, progress: Progress = quiet
) -> MinedLines:
    """Give every line of core.log_lines that has none its template.

    Nothing is read or written where all have one; two processes take turns.
    """
    done = MinedLines()
    with alone(lake, TEMPLATES):
        while part := _mine_next(lake, rows_at_once):
            lines = done.lines + part.lines
            done = MinedLines(lines, done.new + part.new, done.changed + part.changed)
            progress(Step(TEMPLATES, "mine", "lines", rows=lines))
    return done


def _mine_next(lake: Lake, rows_at_once: int) -> MinedLines | None:
    """Mine the next files; None if there are none. Raises LakeConflictError if it never fits."""
    for attempt in range(ATTEMPTS):
        files = next(_parts(lake.unfilled(LINES, "template_id"), rows_at_once), None)
        if files is None:
            return None
        try:
            return _mine(lake, files)
        except LakeConflictError:
            if attempt == ATTEMPTS - 1:
                raise
    return None


def _parts(files: Sequence[DataFile], rows_at_once: int) -> Iterator[list[DataFile]]:
    """Yield the files in parts of about `rows_at_once` rows, the oldest days first."""
    part: list[DataFile] = []
    for file in sorted(files, key=lambda one: (one.partition or "", one.path)):
        if part and sum(one.rows for one in part) + file.rows > rows_at_once:
            yield part
            part = []
        part.append(file)
    if part:
        yield part


def _mine(lake: Lake, files: Sequence[DataFile]) -> MinedLines:
    from models.log_templates import mine

    rows = lake.read(LINES, files)
    is_new = rows["template_id"].is_null()
    lines = rows.filter(is_new)
    known = lake.lookup(TEMPLATES)
    found = mine(lines["message"].fill_null(""), known)
    lines = lines.with_columns(found.ids.alias("template_id"), found.parameters)
    lines, failures = with_failures(lines)
    templates = changed(known, found.templates, lines)
    with alone(lake, "settle"), lake.transaction(f"mine {LINES}") as txn:
        txn.rewrite(LINES, [one.path for one in files], pl.concat([rows.filter(~is_new), lines]))
        txn.merge(TEMPLATES, templates)
        if failures.height:
            txn.merge(FAILURES.name, settled(lake, FAILURES.name, [failures]))
    written = next(one for one in txn.results if one.table == TEMPLATES)
    return MinedLines(lines.height, written.new, written.changed)


def with_failures(lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines with the `failure_id` of their stack traces, and rows of core.failures."""
    numbered = lines.with_row_index("row").filter(
        pl.col("message").str.contains("\n", literal=True)
    )
    traces = numbered.select("row", pl.col("at").alias("started_at"))
    said = thrown(numbered["message"]).with_columns(pl.all().str.head(TEXT_CHARS))
    traces = traces.hstack(said).filter(pl.col("type").is_not_null())
    ids = content_ids(traces, ["type", "message", "details"]).alias("failure_id")
    traces = traces.with_columns(ids)
    every = pl.repeat(None, lines.height, dtype=pl.Int64, eager=True)
    every = every.scatter(traces["row"], traces["failure_id"]).alias("failure_id")
    failures = schema.conform(FAILURES, contents(traces)) if traces.height else FAILURES_NONE
    return lines.with_columns(every), failures


def changed(known: pl.DataFrame, mined: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of core.log_templates that are not as they were.

    `mined` are all templates by now, `lines` those that were given one now. A template that took
    in others has their times too.
    """
    seen = lines.group_by("template_id").agg(
        pl.col("at").min().alias("first_seen_at"), pl.col("at").max().alias("last_seen_at"),
        pl.col("message").sort_by("at", "line").first().str.head(EXAMPLE_CHARS).alias("example"),
    )  # fmt: skip
    times = ["template_id", "first_seen_at", "last_seen_at", "example"]
    every = pl.concat([known.select(times), seen])
    own = every.group_by("template_id").agg(
        pl.col("first_seen_at").min(), pl.col("last_seen_at").max(), pl.col("example").first()
    )
    merged = mined.drop_nulls("merged_into").select("template_id", "merged_into")
    taken = own.join(merged, on="template_id", how="inner").group_by("merged_into").agg(
        pl.col("first_seen_at").min().alias("first_taken"),
        pl.col("last_seen_at").max().alias("last_taken"),
    )  # fmt: skip
    rows = mined.join(own, on="template_id", how="left").join(
        taken, left_on="template_id", right_on="merged_into", how="left"
    )
    rows = rows.with_columns(
        pl.min_horizontal("first_seen_at", "first_taken"),
        pl.max_horizontal("last_seen_at", "last_taken"),
    ).select(LOG_TEMPLATES.schema.names())
    return rows.join(known, on=rows.columns, how="anti", nulls_equal=True)


def template_asset(workspace: Workspace) -> dg.AssetsDefinition:
    """Return the asset core.log_templates, which comes after the lines of all sources."""
    is_fed = LINES in streams_by_table(workspace)

    @dg.asset(
        key=core_key(TEMPLATES),
        deps=newest([core_key(LINES)] if is_fed else []),
        group_name="core",
        description="What log lines say, without what varies; every line gets its template.",
        kinds={"polars", "deltalake"},
        tags={"layer": "core"},
    )
    def log_templates(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
        done = mine_lines(workspace.lake, progress=workspace.progress)
        metadata: dict[str, dg.MetadataValue] = {
            "dagster/row_count": dg.MetadataValue.int(workspace.lake.rows(TEMPLATES)),
            "dagster/table_name": dg.MetadataValue.text(TEMPLATES),
            "lines_mined": dg.MetadataValue.int(done.lines),
            "rows_new": dg.MetadataValue.int(done.new),
            "rows_changed": dg.MetadataValue.int(done.changed),
        }
        return dg.MaterializeResult(metadata=metadata)

    return log_templates
