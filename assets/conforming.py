"""Raw payloads into core: slices of payloads, units of a slice, groups of outcomes, commits.

Which streams are due is decided here too; how a unit is parsed is in `assets/parsing.py`, in which
process in `assets/workers.py`, what a row must be like in `assets/rules.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from assets.cursors import Mark, State, alone
from assets.groups import Group, Slice, added, read_slice, sequence_before, slices_of
from assets.steps import Progress, Step, quiet
from assets.workers import Job, Parsers
from golive_core.lake import Lake, WriteResult
from ingest.source import Context, Instance, Source


@dataclass(slots=True)
class ConformResult:
    """Rows by core table, and how many rows and payloads were kept out."""

    instance: str
    tables: dict[str, WriteResult] = field(default_factory=dict[str, WriteResult])
    payloads: int = 0
    quarantined: int = 0
    rejected: int = 0
    newest_at: datetime | None = None

    @property
    def rows_new(self) -> int:
        """Core rows that were not there before."""
        return sum(result.new for result in self.tables.values())


@dataclass(slots=True)
class Conforming:
    """The conforming of one instance; `result` grows with every commit."""

    lake: Lake
    source: Source
    instance: Instance
    result: ConformResult
    context: Context | None = None
    processes: int | None = None
    progress: Progress = quiet

    def run(
        self, streams: Iterable[str] | None = None, *, full: bool = False,
        since: datetime | None = None,
    ) -> None:  # fmt: skip
        """Conform what raw has above the watermark of the streams, or all of it.

        With `since` (aware), what was received from then on, whether or not it is in core.
        """
        lake, source, instance = self.lake, self.source, self.instance
        job = Job(lake, type(source), instance, self.context) if self.context else None
        count = self.processes or len(os.sched_getaffinity(0))
        with (
            alone(lake, instance.name),
            Parsers(lake, source, job, instance, processes=count) as parsers,
        ):
            state = State.read(lake, instance.name)
            for name in chosen(source, streams):
                mark = state.mark(name, "conform").sequence
                if since:
                    above = min(mark, sequence_before(lake, instance, name, since))
                    self._stream(name, state, parsers, above=above)
                elif full or state.mark(name, "pull").sequence > mark:
                    self._stream(name, state, parsers, above=0 if full else mark)

    def _stream(self, name: str, state: State, parsers: Parsers, *, above: int) -> None:
        slices = slices_of(self.lake, self.instance, name, above)
        so_far = _Count(self, name, total=sum(one.payloads for one in slices))
        for one in slices:
            group = self._parse(name, one, parsers, so_far)
            self._commit(name, group, state.row(name, "conform", Mark(one.last)))
            self.result.payloads += one.payloads

    def _parse(self, name: str, one: Slice, parsers: Parsers, so_far: _Count) -> Group:
        """Parse a slice, committing whenever a group is full; return the last group."""
        group = Group(self.lake)
        units = self.source.plan(read_slice(self.lake, self.instance, name, one))
        for outcome in parsers.run(units, size_bytes=one.size_bytes):
            if group.is_full():
                self._commit(name, group, None)
                group = Group(self.lake)
            group.add(outcome)
            so_far.add(outcome.payloads, outcome.rows)
        return group

    def _commit(self, stream: str, group: Group, mark: pl.DataFrame | None) -> None:
        result = self.result
        for written in group.commit(mark, f"conform {self.instance.name} {stream}"):
            known = result.tables.get(written.table)
            if written.table.startswith("core."):
                result.tables[written.table] = added(known, written) if known else written
            elif written.table == "ops.quarantine":
                result.quarantined += written.new
        result.rejected += group.total.rejected
        newest = [at for at in (result.newest_at, group.total.newest_at) if at]
        result.newest_at = max(newest, default=None)


def chosen(source: Source, streams: Iterable[str] | None) -> list[str]:
    """Return the names of the source's streams that are asked for, in the source's order."""
    names = [stream.name for stream in source.streams]
    return names if streams is None else [name for name in names if name in set(streams)]


class _Count:
    """Counts of one stream, reported as they grow."""

    def __init__(self, run: Conforming, stream: str, *, total: int) -> None:
        self._run, self._stream, self._total = run, stream, total
        self._payloads = self._rows = 0
        self.add(0, 0)

    def add(self, payloads: int, rows: int) -> None:
        self._payloads += payloads
        self._rows += rows
        name = self._run.instance.name
        self._run.progress(
            Step(name, "conform", self._stream, self._payloads, self._rows, total=self._total)
        )
