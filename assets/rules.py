"""What a row must be like, and how rows of one key are settled: data that loading acts on.

Row rules and settlements belong here. Checks of a whole partition (Great Expectations) are in
`assets/checks/`, and how both are called is in `assets/parsing.py` and `assets/checking.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from golive_core import schema
from golive_core.schema import Table


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for a row; `reason` is the sentence that the quarantine shows."""

    reason: str
    holds: pl.Expr


Settle = Literal["min", "max"]

SETTLE: dict[str, dict[str, Settle]] = {
    "core.tests": {"first_seen_at": "min", "last_seen_at": "max"},
    "core.failures": {"first_seen_at": "min"},
}
"""Columns that are not simply the newest row's: known and new values are settled by min or max.

Reports arrive in any order, so "first seen" must not depend on which file was read first.
"""

NULLABLE_KEYS: dict[str, frozenset[str]] = {
    "core.log_lines": frozenset({"build_id"}),
}
"""Key columns that may be null."""

RULES: dict[str, tuple[Rule, ...]] = {
    "core.builds": (
        Rule("status is not one of STATUSES", pl.col("status").is_in(schema.STATUSES)),
        Rule("finished before it started", pl.col("duration_s") >= 0),
        Rule("day is not the date of queued_at", pl.col("queued_at").dt.date() == pl.col("day")),
    ),
    "core.stages": (
        Rule("status is not one of STATUSES", pl.col("status").is_in(schema.STATUSES)),
    ),
    "core.test_results": (
        Rule("status is not one of TEST_STATUSES", pl.col("status").is_in(schema.TEST_STATUSES)),
        Rule("duration_s is negative", pl.col("duration_s") >= 0),
        Rule("attempt is below 1", pl.col("attempt") >= 1),
        Rule("day is not the date of started_at", pl.col("started_at").dt.date() == pl.col("day")),
    ),
    "core.commits": (
        Rule("sha is not hexadecimal", pl.col("sha").str.contains("^[0-9a-f]{40,64}$")),
        Rule(
            "day is not the date of committed_at",
            pl.col("committed_at").dt.date() == pl.col("day"),
        ),
    ),
}
"""Rules by table, beside those that every table has. A null says nothing, so it breaks no rule."""


def rules_of(spec: Table) -> tuple[Rule, ...]:
    """Return the rules of a table: a whole key, a day where it has one, and its own of RULES."""
    needed = [name for name in spec.key if name not in NULLABLE_KEYS.get(spec.name, ())]
    needed += ["day"] if "day" in spec.schema and "day" not in needed else []
    present = tuple(Rule(f"{name} is missing", pl.col(name).is_not_null()) for name in needed)
    return present + RULES.get(spec.name, ())


def split(spec: Table, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that keep every rule, and the others with their `reason` as last column.

    A fact's second row of one key is kept out too, unless it says the same as the first.
    """
    rules = rules_of(spec)
    broken = [(~rule.holds).fill_null(value=False) for rule in rules]
    flags = frame.select(pl.any_horizontal(broken).alias("bad"))["bad"]
    if not flags.any():
        good, bad = frame, frame.clear().with_columns(reason=pl.lit("", pl.String))
    else:
        words = [
            pl.when(flag).then(pl.lit(rule.reason))
            for flag, rule in zip(broken, rules, strict=True)
        ]
        reason = pl.concat_str(words, separator="; ", ignore_nulls=True).alias("reason")
        good, bad = frame.filter(~flags), frame.filter(flags).with_columns(reason)
    if not spec.is_fact or spec.name in SETTLE:
        return good, bad
    single, repeated = _single(spec, good)
    return single, bad.vstack(repeated) if repeated.height else bad


def _single(spec: Table, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys = list(spec.key)
    if frame.select(keys).n_unique() == frame.height:
        return frame, frame.clear()
    distinct = frame.unique(maintain_order=True)
    first = pl.struct(keys).is_first_distinct()
    reason = pl.lit(f"another row has the same {', '.join(keys)}").alias("reason")
    return distinct.filter(first), distinct.filter(~first).with_columns(reason)


def is_gathered(spec: Table) -> bool:
    """Tell whether rows of a table must meet in one place before they are written.

    Entities, since the newest row of a key wins, and what SETTLE names. Other facts never
    change, so worker processes write their files at once.
    """
    return not spec.is_fact or spec.name in SETTLE


def combine(spec: Table, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return one row a key from frames in the order they came: the last wins, or SETTLE says."""
    whole = pl.concat(frames)
    keys, settled = list(spec.key), SETTLE.get(spec.name, {})
    if not settled:
        return whole.unique(subset=keys, keep="last", maintain_order=True)
    if whole.select(keys).n_unique() == whole.height:
        return whole
    rest = [name for name in spec.schema if name not in settled and name not in keys]
    cells = [pl.col(rest).last(), *(_settled(pl.col(name), how) for name, how in settled.items())]
    return whole.group_by(keys, maintain_order=True).agg(cells).select(list(spec.schema))


def _settled(column: pl.Expr, how: Settle) -> pl.Expr:
    return column.min() if how == "min" else column.max()


def settle(spec: Table, new: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return `new` with its SETTLE columns settled against the rows that the lake has.

    `known` has the key and the settled columns, at most one row a key.
    """
    settled = SETTLE.get(spec.name, {})
    if not settled or not known.height:
        return new
    joined = new.join(known, on=list(spec.key), how="left", suffix="_known")
    cells = [
        (pl.min_horizontal if how == "min" else pl.max_horizontal)(name, f"{name}_known")
        for name, how in settled.items()
    ]
    return joined.with_columns(cells).select(new.columns)
