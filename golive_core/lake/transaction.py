"""What a caller collects in `with lake.transaction(...)`, and how it becomes writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from golive_core.errors import LakeError
from golive_core.lake import commit, manifest, plan, stage
from golive_core.lake import snapshot as snapshots
from golive_core.lake.commit import Write, WriteResult
from golive_core.lake.layout import Layout
from golive_core.lake.plan import Plan
from golive_core.lake.snapshot import Snapshot
from golive_core.lake.stage import Staged
from golive_core.schema import Table

Kind = Literal["append", "insert", "merge", "overwrite", "rewrite"]
Rows = pl.DataFrame | Iterable[Staged]


@dataclass(slots=True)
class Part:
    """All that one transaction does to one table; `staged` or `frames` by kind of write."""

    spec: Table
    kind: Kind
    staged: list[Staged] = field(default_factory=list[Staged])
    frames: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    days: Collection[date] | None = None
    paths: Sequence[str] = ()


class Transaction:
    """Writes to several tables that readers see all at once, or never.

    Frames to insert are staged as they come, so that a long transaction needs little memory; one
    table takes one kind of write. `results` is filled when the block ends.
    """

    def __init__(self, layout: Layout, note: str) -> None:
        self._layout, self._note = layout, note
        self._parts: dict[str, Part] = {}
        self.results: list[WriteResult] = []

    def append(self, table: str, rows: Rows) -> None:
        """Add rows without looking at keys."""
        self._stage(table, "append", rows)

    def insert(self, table: str, rows: Rows) -> None:
        """Add the rows whose key is unknown; known keys are left alone."""
        self._stage(table, "insert", rows)

    def merge(self, table: str, rows: Rows) -> None:
        """Add unknown keys and replace the rows of known keys whose values differ."""
        if isinstance(rows, pl.DataFrame):
            self._keep(table, "merge", rows)
            return
        for item in rows:
            self._keep(table, "merge", self._unstage(item))

    def overwrite(
        self, table: str, frame: pl.DataFrame, days: Collection[date] | None = None
    ) -> None:
        """Make the rows of `days` (None: of the whole table) exactly those of the frame."""
        if table in self._parts:
            raise LakeError("is overwritten twice in one transaction", where=table)
        self._keep(table, "overwrite", frame).days = days

    def rewrite(self, table: str, paths: Sequence[str], frame: pl.DataFrame) -> None:
        """Make the rows of these files of a table exactly those of the frame.

        Raises LakeConflictError at the end if another process has replaced one of them by then.
        """
        self._keep(table, "rewrite", frame).paths = paths

    def commit(self) -> None:
        """Perform everything; called by the end of the block."""
        writes = [Write(part.spec, planner(part)) for part in self._parts.values()]
        self.results = commit.commit(self._layout, writes, self._note) if writes else []

    def abandon(self) -> None:
        """Remove what was staged; called when the block ends by an exception."""
        for name, part in self._parts.items():
            stage.discard(self._layout.folder(name), part.staged)

    def _part(self, spec: Table, kind: Kind) -> Part:
        part = self._parts.setdefault(spec.name, Part(spec, kind))
        if part.kind != kind:
            raise LakeError(
                f"{kind} after {part.kind} in one transaction", where=spec.name,
                hint="Use one kind of write a table, or two transactions",
            )  # fmt: skip
        if kind in ("insert", "merge") and not spec.key:
            raise LakeError(f"{kind} needs a key", where=spec.name, hint="Overwrite a mart")
        return part

    def _keep(self, table: str, kind: Kind, frame: pl.DataFrame) -> Part:
        spec, rows = stage.shaped(table, frame, self._layout.root)
        part = self._part(spec, kind)
        part.frames.append(rows)
        return part

    def _stage(self, table: str, kind: Kind, rows: Rows) -> None:
        if not isinstance(rows, pl.DataFrame):
            for item in rows:
                self._part(stage.spec_of(item), kind).staged.append(item)
            return
        spec, frame = stage.shaped(table, rows, self._layout.root)
        part = self._part(spec, kind)
        part.staged += staged(self._layout, spec, frame, check=kind == "insert")

    def _unstage(self, item: Staged) -> pl.DataFrame:
        spec = stage.spec_of(item)
        if spec.is_fact:
            hint = "Insert it: rows with a known key were left out when it was staged"
            raise LakeError("a staged fact cannot be merged", where=item.table, hint=hint)
        folder = self._layout.folder(item.table)
        frame = stage.read_file(spec, folder, item.path, item.partition)
        stage.discard(folder, [item])
        return frame


def staged(layout: Layout, spec: Table, frame: pl.DataFrame, *, check: bool) -> list[Staged]:
    """Write the frame's Parquet files; with `check`, only the rows whose key is unknown."""
    if not frame.height:
        return []
    folder = layout.folder(spec.name)
    version = manifest.newest(layout).tables.get(spec.name, -1)
    if check:
        return plan.stage_insert(spec, snapshots.snapshot(spec.name, folder, version), frame)
    return stage.write(spec, folder, frame, base=version)


def planner(part: Part) -> commit.Planner:
    """Return the function that works the part out against a version of its table."""
    if part.kind == "append":
        return lambda base, _: plan.append(part.spec, base, part.staged)
    if part.kind == "insert":
        return lambda base, before: replan_insert(part, base, before)
    return lambda base, before: replan_frames(part, base, before)


def replan_insert(part: Part, base: Snapshot, before: Plan | None) -> Plan:
    """Settle the staged files, or what an outdated plan left of them."""
    offered = sum(item.rows + item.known for item in part.staged)
    files: Sequence[Staged] = part.staged if before is None else before.adds
    return plan.insert(part.spec, base, files, offered=offered)


def replan_frames(part: Part, base: Snapshot, before: Plan | None) -> Plan:
    """Work out a merge or overwrite; the files of an outdated plan are removed."""
    if before is not None:
        before.discard()
    frame = pl.concat(part.frames)
    if part.kind == "merge":
        return plan.merge(part.spec, base, frame)
    if part.kind == "rewrite":
        return plan.rewrite(part.spec, base, part.paths, frame)
    return plan.overwrite(part.spec, base, frame, part.days)
