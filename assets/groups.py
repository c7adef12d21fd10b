"""What goes in and out of conform at once: slices of raw payloads in, one commit of outcomes out.

Both are bounded in memory. The order of the work is in `assets/conforming.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assets import rules
from assets.cursors import alone
from assets.parsing import Outcome, size_of
from golive_core import schema
from golive_core.lake import Lake, WriteResult
from ingest.source import Instance

SLICE_BYTES = 64_000_000
"""Bodies that are read from raw at once; a single pulled batch may be larger."""
LAST = 2**63 - 1
"""No sequence is above it."""
GROUP_BYTES = 16_000_000
"""Rows to merge that are gathered before they are committed."""
FOLD_BYTES = 5_000_000
"""Rows of a table from which they are folded to one a key: the same tests come with every unit."""
GROUP_UNITS = 512
"""Units whose files one commit adds at most."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Payloads of consecutive sequences that fit into memory together."""

    first: int
    last: int
    payloads: int
    size_bytes: int


def slices_of(lake: Lake, instance: Instance, stream: str, above: int) -> list[Slice]:
    """Return the payloads above a sequence, cut where their bodies exceed SLICE_BYTES."""
    rows = _raw(lake, instance, stream, above + 1, LAST)
    counts = rows.group_by("sequence").agg(
        pl.len(), pl.col("size_bytes").sum(), pl.col("body").bin.size().sum()
    )
    found = counts.sort("sequence").collect(engine="streaming")
    slices: list[Slice] = []
    held = 0
    for sequence, payloads, size, body in found.iter_rows():
        if slices and held + body <= SLICE_BYTES:
            last = slices.pop()
            both = (last.payloads + payloads, last.size_bytes + size)
            slices.append(Slice(last.first, sequence, *both))
            held += body
        else:
            slices.append(Slice(sequence, sequence, payloads, size))
            held = body
    return slices


def sequence_before(lake: Lake, instance: Instance, stream: str, at: datetime) -> int:
    """Return the sequence after which the payloads received from `at` (aware) on begin."""
    rows = _raw(lake, instance, stream, 0, LAST).filter(pl.col("fetched_at") >= at)
    first = rows.select(pl.col("sequence").min()).collect().item()
    return LAST if first is None else first - 1


def read_slice(lake: Lake, instance: Instance, stream: str, one: Slice) -> pl.DataFrame:
    """Return the raw rows of a slice, all columns, in the order they were pulled."""
    rows = _raw(lake, instance, stream, one.first, one.last)
    return rows.sort("sequence", "payload_id").collect()


def _raw(lake: Lake, instance: Instance, stream: str, first: int, last: int) -> pl.LazyFrame:
    """Return the raw rows of a stream from one sequence to another."""
    table, name = f"raw.{instance.type}", instance.name
    rows = lake.scan(table, instance=(name, name), stream=(stream, stream), sequence=(first, last))
    return rows.filter(
        pl.col("instance") == name,
        pl.col("stream") == stream,
        pl.col("sequence").is_between(first, last),
    )


class Group:
    """Outcomes of units that are committed together."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._units = 0
        self._loose: dict[str, int] = {}
        self.total = Outcome()

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of the next unit."""
        self._units += 1
        for table, staged in outcome.staged.items():
            self.total.staged.setdefault(table, []).extend(staged)
        for table, frames in outcome.gathered.items():
            self._gather(table, frames)
        self.total.quarantine += outcome.quarantine
        self.total.rejected += outcome.rejected
        newest = [at for at in (self.total.newest_at, outcome.newest_at) if at]
        self.total.newest_at = max(newest, default=None)

    def _gather(self, table: str, frames: list[pl.DataFrame]) -> None:
        """Keep rows to merge; `_loose` says how many bytes came since they were last folded."""
        held = self.total.gathered.setdefault(table, [])
        held += frames
        self._loose[table] = self._loose.get(table, 0) + size_of(frames)
        if self._loose[table] > FOLD_BYTES:
            held[:] = [rules.combine(schema.find(table), held)]
            self._loose[table] = 0

    def is_full(self) -> bool:
        """Tell whether it is time to commit."""
        return self._units >= GROUP_UNITS or self.total.size_bytes() > GROUP_BYTES

    def commit(self, mark: pl.DataFrame | None, note: str) -> Sequence[WriteResult]:
        """Write everything, and the watermark if the slice is done, in one transaction."""
        with alone(self._lake, "settle"), self._lake.transaction(note) as txn:
            for table, staged in self.total.staged.items():
                txn.insert(table, staged)
            for table, frames in self.total.gathered.items():
                txn.merge(table, settled(self._lake, table, frames))
            if self.total.quarantine:
                txn.insert("ops.quarantine", self._kept_out())
            if mark is not None:
                txn.merge("ops.cursors", mark)
        return txn.results

    def _kept_out(self) -> pl.DataFrame:
        """Return what is new to the quarantine, also where it was kept out in another month."""
        rows = pl.concat(self.total.quarantine).unique("quarantine_id", maintain_order=True)
        known = self._lake.query(
            "select quarantine_id from ops.quarantine where quarantine_id in (select unnest(?))",
            [rows["quarantine_id"].to_list()],
        )
        return rows.join(known, on="quarantine_id", how="anti")


def settled(lake: Lake, table: str, frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return one row a key, with first and last times settled against what the lake has."""
    spec = schema.find(table)
    rows = rules.combine(spec, frames)
    columns = list(spec.key) + list(rules.SETTLE.get(table, ()))
    if table not in rules.SETTLE or not lake.exists(table):
        return rows
    known = lake.query(f"select {', '.join(columns)} from {table}")  # noqa: S608 - schema's names
    return rules.settle(spec, rows, known)


def added(one: WriteResult, other: WriteResult) -> WriteResult:
    """Return the sum of two results of one table."""
    return WriteResult(
        one.table,
        new=one.new + other.new,
        changed=one.changed + other.changed,
        unchanged=one.unchanged + other.unchanged,
        files=one.files + other.files,
        days=one.days | other.days,
    )
