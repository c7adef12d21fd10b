"""What was known of a build when it was asked for: numbers from the past only.

Each row has its own instant `as_of`; a verdict counts if it was known by then, a change if it was
asked for before. Nothing of the present build but its change is read, and `guard` refuses columns
that tell how a build ended. Columns and their meaning: `golive_core/schema/predictions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from golive_core import schema
from golive_core.errors import UsageError
from models import build_history, build_paths
from models.build_changes import AT, CHANGE
from models.evaluate import Floats

OUTCOME = {"failed": pl.Boolean(), "known_at": AT, "stage_share": pl.Float64()}
"""Null without a verdict; when that was known; share of its stages before the first that failed."""
FLAKES = {
    "project_id": pl.String(), "day": pl.Date(), "known_at": AT, "trials": pl.Int64(),
    "flakes": pl.Int64(),
}  # fmt: skip
"""Judged attempts and flakes of a project on a day."""
MEANINGS = {
    column.name: column.doc
    for column in schema.BUILD_FEATURES.columns
    if column.dtype == pl.Float64()
}
"""The features with their meaning, in the order of the model's columns."""
NAMES = tuple(MEANINGS)
FORBIDDEN = frozenset({
    *OUTCOME, "status", "is_unstable", "started_at", "finished_at", "duration_s", "queue_s",
    "runner", "cost_usd", "note", "result", "verdict", "passed", "error", "outcome",
})  # fmt: skip
"""Names of what is known only after a build was asked for."""
AT_ONCE = 2_000
"""Rows that are computed together: bounds the memory of a first run."""


def guard(names: Iterable[str]) -> None:
    """Raise UsageError if one of the columns tells how a build ended."""
    leaks = sorted(FORBIDDEN & set(names))
    if leaks:
        raise UsageError(
            f"{', '.join(leaks)} tell how a build ended", where="build features",
            hint="A feature is known before the build begins",
        )  # fmt: skip


def shaped(rows: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the rows with exactly these columns; absent ones are null."""
    have = set(rows.columns)
    if not have:
        return pl.DataFrame(schema=columns)
    return rows.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.items()
    )


def past_of(builds: pl.DataFrame) -> pl.DataFrame:
    """Return builds with the columns of CHANGE and OUTCOME, known after they were asked for."""
    rows = shaped(builds, {**CHANGE, **OUTCOME}).with_columns(pl.col("branch").fill_null(""))
    after = pl.max_horizontal("known_at", pl.col("as_of") + pl.duration(microseconds=1))
    return rows.with_columns(known_at=pl.when(pl.col("known_at").is_not_null()).then(after))


def features(
    asked: pl.DataFrame, past: pl.DataFrame, flakes: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the rows of `asked` (CHANGE) as rows of predictions.build_features.

    `past`: builds with CHANGE and OUTCOME, in any order; those of `asked` may be among them.
    `flakes`: rows of FLAKES. Raises UsageError where `asked` tells how a build ended.
    """
    guard(asked.columns)
    rows = (
        shaped(asked, CHANGE).with_columns(pl.col("branch").fill_null("")).sort("as_of", "build_id")
    )
    past = past_of(past)
    load = shaped(flakes, FLAKES) if flakes is not None else pl.DataFrame(schema=FLAKES)
    history, paths = build_history.Past(past, load), build_paths.Past(past)
    parts = [
        part.with_columns(
            pl.Series(name, np.nan_to_num(values), dtype=pl.Float64)
            for name, values in {**history.of(part), **paths.of(part, history)}.items()
        )
        for part in rows.iter_slices(AT_ONCE)
    ]
    found = pl.concat(parts) if parts else rows
    return schema.conform(schema.BUILD_FEATURES, found.with_columns(day=pl.col("as_of").dt.date()))


def matrix(rows: pl.DataFrame) -> Floats:
    """Return the features of rows of predictions.build_features, shape `(n, len(NAMES))`.

    Counts, sizes and times are logarithms: what matters is how many times as much.
    """
    guard(NAMES)
    cells = [
        pl.col(name).log1p() if name.endswith(("_s", "_builds", "_count")) else pl.col(name)
        for name in NAMES
    ]
    return rows.select(cells).to_numpy().astype(np.float64)
