"""What a write does to one table, decided against one version: files to add, files to remove.

insert     rows whose key is unknown are added, known keys are left alone
merge      unknown keys are added, known keys with other values replaced, equal rows left alone
overwrite  the rows of some days, or of the whole table, become exactly these
append     the rows are added, unasked
rewrite    some files become exactly these rows

Keys are looked up in the partitions that the batch brings rows for; `raw` tables, whose month is
that of the pull and not of the payload, in all of them (docs/adr/0002-partitions.md). Committing
is in commit.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl

from golive_core.errors import LakeConflictError, LakeError
from golive_core.lake import snapshot as snapshots
from golive_core.lake import stage
from golive_core.lake.layout import declared, mart_spec
from golive_core.lake.snapshot import DataFile, Snapshot
from golive_core.lake.stage import Staged
from golive_core.lake.trouble import told
from golive_core.schema import Table, conform

STATED = (pl.String(), pl.Int64())
"""Dtypes of key columns whose range the log states."""
HASH, FILE, ROW = "__hash", "__file", "__row"


@dataclass(frozen=True, slots=True)
class Plan:
    """One write to one table, worked out against `base`; the counts are rows.

    `replaces` tells that every file of `base` goes, and the columns become those of `spec`;
    `data_change` is false where only files change, not rows.
    """

    spec: Table
    base: Snapshot
    adds: Sequence[Staged] = ()
    removes: Sequence[DataFile] = ()
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    days: frozenset[date] = field(default_factory=frozenset[date])
    replaces: bool = False
    data_change: bool = True

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing would change."""
        return not (self.adds or self.removes or self.replaces)

    def discard(self) -> None:
        """Remove the files that the plan staged."""
        stage.discard(self.base.folder, self.adds)


def within(spec: Table, snapshot: Snapshot, partitions: Collection[str | None]) -> list[DataFile]:
    """Return the files in which a key of these partitions is looked up."""
    if spec.layer == "raw" or spec.partition == "none":
        return list(snapshot.files)
    return [file for file in snapshot.files if file.partition in partitions]


def near(spec: Table, snapshot: Snapshot, frame: pl.DataFrame) -> list[DataFile]:
    """Return the files that may hold a key of the frame, by partition and range of keys."""
    files = within(spec, snapshot, stage.values_of(spec, frame))
    for column in spec.key:
        if frame.schema[column] in STATED:
            low, high = frame[column].min(), frame[column].max()
            files = [file for file in files if file.may_hold(column, low, high)]
    return files


def keys_among(spec: Table, paths: Sequence[str], wanted: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of `wanted` that rows of the files have; columns are the key's."""
    key = list(spec.key)
    if not paths:
        return wanted.select(key).clear()
    rows = pl.scan_parquet(
        list(paths), hive_partitioning=False, extra_columns="ignore", missing_columns="insert"
    ).select(key)
    heads = wanted[key[0]].unique()
    if heads.len() <= stage.HEADS and not heads.null_count():
        rows = rows.filter(pl.col(key[0]).is_in(heads.to_list()))
    with told(spec.name, "looking up keys"):
        return rows.join(wanted.lazy().select(key), on=key, how="semi", nulls_equal=True).collect()


def fresh_rows(spec: Table, snapshot: Snapshot, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with a key that the version does not have, the first of each key."""
    key = list(spec.key)
    single = once(frame, key, keep="first")
    paths = snapshot.present(near(spec, snapshot, single))
    known = keys_among(spec, paths, single)
    return single.join(known, on=key, how="anti", nulls_equal=True) if known.height else single


def once(
    frame: pl.DataFrame, key: Sequence[str], *, keep: Literal["first", "last"]
) -> pl.DataFrame:
    """Return one row a key in the order of the frame.

    Distinct hashes prove that nothing comes twice, for a quarter of the cost of `unique`.
    """
    if frame.select(key).hash_rows().n_unique() == frame.height:
        return frame
    return frame.unique(subset=list(key), keep=keep, maintain_order=True)


def stage_insert(spec: Table, snapshot: Snapshot, frame: pl.DataFrame) -> list[Staged]:
    """Write the rows with an unknown key; a Staged without rows counts the known ones."""
    fresh = fresh_rows(spec, snapshot, frame)
    base, known = snapshot.version, frame.height - fresh.height
    staged = stage.write(spec, snapshot.folder, fresh, base=base) if fresh.height else []
    if known:
        staged.append(Staged(spec.name, "", 0, 0, None, "", (), None, base, known))
    return staged


def append(spec: Table, base: Snapshot, staged: Sequence[Staged]) -> Plan:
    """Plan to add staged files as they are."""
    files = [item for item in staged if item.path]
    rows = sum(item.rows for item in files)
    return Plan(spec, base, files, new=rows, days=days_of(files))


def insert(spec: Table, base: Snapshot, staged: Sequence[Staged], *, offered: int) -> Plan:
    """Plan to add the staged rows whose key neither `base` nor an earlier Staged has.

    `offered` is the number of rows before known ones were left out.
    """
    groups: dict[str | None, list[Staged]] = {}
    for item in staged:
        if item.path:
            groups.setdefault(None if spec.layer == "raw" else item.partition, []).append(item)
    settled = [item for group in groups.values() for item in settle(spec, base, group)]
    new = sum(item.rows for item in settled)
    return Plan(spec, base, settled, new=new, unchanged=offered - new, days=days_of(settled))


def days_of(files: Iterable[Staged]) -> frozenset[date]:
    """Return the days of all rows in the files."""
    return frozenset(day for item in files for day in item.days)


def settle(spec: Table, base: Snapshot, group: Sequence[Staged]) -> list[Staged]:
    """Return the files of one partition without the rows that came twice or came meanwhile."""
    rivals = arrivals(spec, base, group)
    if not rivals and apart([item.heads for item in group]):
        return list(group)
    key = list(spec.key)
    keys = pl.concat(
        staged_keys(spec, base.folder, item, number) for number, item in enumerate(group)
    )
    known = keys_among(spec, base.present(rivals), keys)
    keep = keys.filter(pl.struct(key).is_first_distinct())
    keep = keep.join(known, on=key, how="anti", nulls_equal=True) if known.height else keep
    if keep.height == keys.height:
        return list(group)
    rows = dict(keep.select(FILE, ROW).group_by(FILE).agg(ROW).iter_rows())
    cut = (thinned(spec, base, item, rows.get(number, [])) for number, item in enumerate(group))
    return [item for item in cut if item is not None]


def arrivals(spec: Table, base: Snapshot, group: Sequence[Staged]) -> list[DataFile]:
    """Return the files of `base` that came after the group was staged and may share its keys."""
    oldest = min(item.base for item in group)
    if oldest == base.version:
        return []
    before = {file.path for file in snapshots.snapshot(base.table, base.folder, oldest).files}
    values = {item.partition for item in group}
    heads = [head for item in group for head in item.heads or ()]
    bounded = bool(heads) and all(
        item.heads is not None and None not in item.heads for item in group
    )
    low, high = (min(heads), max(heads)) if bounded else (None, None)
    files = (file for file in within(spec, base, values) if file.path not in before)
    return [file for file in files if file.may_hold(spec.key[0], low, high)]


def apart(heads: Sequence[frozenset[Any] | None]) -> bool:
    """Tell whether no two sets share a value, so that no two files can share a key."""
    if len(heads) == 1:
        return True
    sets = [head for head in heads if head is not None]
    return len(sets) == len(heads) and len(frozenset[Any]().union(*sets)) == sum(map(len, sets))


def staged_keys(spec: Table, folder: Path, item: Staged, number: int) -> pl.DataFrame:
    """Return the keys in a staged file, with the number of the file and of the row."""
    with told(spec.name, f"reading {item.path}"):
        rows = pl.read_parquet(folder / item.path, columns=list(spec.key), hive_partitioning=False)
    return rows.with_row_index(ROW).with_columns(pl.lit(number).alias(FILE))


def thinned(spec: Table, base: Snapshot, item: Staged, rows: Sequence[int]) -> Staged | None:
    """Return the staged file with these rows only; None if it has none left."""
    if len(rows) == item.rows:
        return item
    kept = stage.read_file(spec, base.folder, item.path, item.partition)[sorted(rows)]
    stage.discard(base.folder, [item])
    if not kept.height:
        return None
    return stage.write_file(spec, base.folder, kept, item.partition, item.base)


def merge(spec: Table, base: Snapshot, frame: pl.DataFrame) -> Plan:
    """Plan to add unknown keys and to replace known ones whose values differ."""
    batch = once(frame, spec.key, keep="last")
    repeated = frame.height - batch.height
    files = holding(spec, base, batch)
    if files:
        return merge_into(spec, base, batch, files, repeated)
    adds = stage.write(spec, base.folder, batch, base=base.version) if batch.height else []
    return Plan(
        spec, base, adds, new=batch.height, unchanged=repeated, days=frozenset(stage.days(batch))
    )


def merge_into(
    spec: Table, base: Snapshot, batch: pl.DataFrame, files: Sequence[DataFile], repeated: int
) -> Plan:
    """Plan to merge a batch, of which the files hold some keys; rewrite those that change."""
    old, fresh = numbered(spec, base, files), hashed(batch)
    key = list(spec.key)
    both = old.join(fresh.select(*key, HASH), on=key, nulls_equal=True, suffix="_new")
    differing = both.filter(pl.col(HASH) != pl.col(f"{HASH}_new"))
    added = batch.join(both.select(key), on=key, how="anti", nulls_equal=True)
    counted = Plan(spec, base, new=added.height, changed=differing.height,
                   unchanged=repeated + both.height - differing.height)  # fmt: skip
    write = pl.concat(
        [added, batch.join(differing.select(key), on=key, how="semi", nulls_equal=True)]
    )
    if not write.height:
        return counted
    numbers: list[int] = differing[FILE].unique().sort().to_list()
    rest = old.filter(pl.col(FILE).is_in(numbers)).join(
        differing.select(key), on=key, how="anti", nulls_equal=True
    )
    rows = pl.concat([rest.select(write.columns), write])
    adds = stage.write(spec, base.folder, rows, base=base.version)
    days = frozenset(stage.days(write)) | frozenset(stage.days(differing))
    return replace(counted, adds=adds, removes=[files[number] for number in numbers], days=days)


def holding(spec: Table, base: Snapshot, batch: pl.DataFrame) -> list[DataFile]:
    """Return the files that hold a key of the batch, and small ones that may."""
    files = near(spec, base, batch)
    if sum(file.size for file in files) < stage.SMALL_BYTES:
        return files
    return [file for file in files if keys_among(spec, base.present([file]), batch).height]


def numbered(spec: Table, base: Snapshot, files: Sequence[DataFile]) -> pl.DataFrame:
    """Return the rows of the files, with their HASH and the number of their FILE."""
    frames = [
        hashed(stage.read_rows(spec, base, [file])).with_columns(pl.lit(number).alias(FILE))
        for number, file in enumerate(files)
    ]
    return pl.concat(frames)


def hashed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with a HASH of each row, the same for equal rows."""
    return frame.with_columns(frame.hash_rows().alias(HASH))


def overwrite(
    spec: Table, base: Snapshot, frame: pl.DataFrame, days: Collection[date] | None
) -> Plan:
    """Plan to make the rows of `days` (None: all rows) exactly those of the frame."""
    if days is None or base.version < 0:
        return replace_all(spec, base, frame)
    if not set(stage.days(frame)) <= set(days):
        raise LakeError("the frame has rows of days that are not to be replaced", where=spec.name)
    whole = grown(spec, base)
    return replace_days(whole, base, conform(whole, frame), days)


def rewrite(spec: Table, base: Snapshot, paths: Sequence[str], frame: pl.DataFrame) -> Plan:
    """Plan to replace files by the rows of a frame; raises LakeConflictError if one is gone."""
    removes = [file for file in base.files if file.path in set(paths)]
    if len(removes) < len(paths):
        hint = "Read the table again and repeat what was done to its rows"
        raise LakeConflictError("a file was replaced meanwhile", where=spec.name, hint=hint)
    adds = stage.write(spec, base.folder, frame, base=base.version) if frame.height else []
    rows = sum(file.rows for file in removes)
    changed = min(rows, frame.height)
    return Plan(spec, base, adds, removes, new=frame.height - changed, changed=changed,
                days=frozenset(stage.days(frame)))  # fmt: skip


def grown(spec: Table, base: Snapshot) -> Table:
    """Return the mart with the columns that it had and those that the frame adds.

    Raises LakeError for a column whose dtype changed: only a whole overwrite may do that.
    """
    for name, dtype in spec.schema.items():
        if base.columns.get(name, dtype) != dtype:
            hint = "Overwrite the whole table (days=None) to change its columns"
            raise LakeError(f"column {name} changed its dtype", where=spec.name, hint=hint)
    return spec if declared(spec.name) else mart_spec(spec.name, {**base.columns, **spec.schema})


def replace_days(spec: Table, base: Snapshot, frame: pl.DataFrame, days: Collection[date]) -> Plan:
    """Plan to replace the rows of some days; days whose rows are the same are left alone."""
    wanted = sorted(days)
    candidates = [
        file for file in base.files if any(file.may_hold("day", day, day) for day in wanted)
    ]
    held = [stage.read_rows(spec, base, [file]) for file in candidates]
    old = pl.concat([pl.DataFrame(schema=spec.schema), *held])
    differing = differing_days(old.filter(pl.col("day").is_in(wanted)), frame)
    fresh = frame.filter(pl.col("day").is_in(differing))
    unchanged = frame.height - fresh.height
    if not differing:
        return Plan(spec, base, unchanged=unchanged)
    hit = pl.col("day").is_in(differing)
    touched = [pair for pair in zip(candidates, held, strict=True) if pair[1].filter(hit).height]
    rest = [rows.filter(~hit) for _, rows in touched]
    adds = stage.write(spec, base.folder, pl.concat([fresh, *rest]), base=base.version)
    replaced = old.filter(hit).height
    changed = min(replaced, fresh.height)
    return Plan(spec, base, adds, [file for file, _ in touched], new=fresh.height - changed,
                changed=changed, unchanged=unchanged, days=frozenset(differing))  # fmt: skip


def differing_days(old: pl.DataFrame, new: pl.DataFrame) -> list[date]:
    """Return the days whose rows are not the same in both frames, in any order of rows."""
    left, right = signature(old), signature(new)
    same = left.join(right, on=["day", "rows", HASH], how="semi")
    every = pl.concat([left["day"], right["day"]]).unique()
    return every.filter(~every.is_in(same["day"].implode())).sort().to_list()


def signature(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows and an order-free hash of them by day."""
    hashed = frame.select("day", frame.hash_rows().alias(HASH))
    return hashed.group_by("day").agg(pl.len().alias("rows"), pl.col(HASH).sum())


def same_rows(old: pl.DataFrame, new: pl.DataFrame) -> bool:
    """Tell whether two frames of the same columns have the same rows, in any order."""
    return old.height == new.height and old.hash_rows().sum() == new.hash_rows().sum()


def replace_all(spec: Table, base: Snapshot, frame: pl.DataFrame) -> Plan:
    """Plan to replace the whole table, its columns too."""
    same_columns = dict(base.columns) == dict(spec.schema) and base.version >= 0
    old = stage.read_rows(spec, base, base.files) if same_columns else None
    if old is not None and same_rows(old, frame):
        return Plan(spec, base, unchanged=frame.height)
    adds = stage.write(spec, base.folder, frame, base=base.version) if frame.height else []
    days = frozenset(stage.days(frame))
    if old is not None and "day" in frame.columns:
        days = frozenset(differing_days(old, frame))
    changed = min(base.rows, frame.height)
    return Plan(spec, base, adds, base.files, new=frame.height - changed, changed=changed,
                days=days, replaces=True)  # fmt: skip
