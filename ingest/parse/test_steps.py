"""Steps, files and looks of attempts to rows of the tables below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ingest.parse.report_rows import CaseFile, CaseLook, CaseStep, Inner

ATTEMPT = ("project_id", "build_id", "test_id", "environment", "attempt", "day")
TABLES: Mapping[str, type[Inner]] = {
    "core.test_steps": CaseStep, "core.test_artifacts": CaseFile,
    "core.visual_checks": CaseLook,
}  # fmt: skip


def frames(results: pl.DataFrame, inner: Sequence[tuple[int, Inner]]) -> dict[str, pl.DataFrame]:
    """Return the rows by table name; the number beside each is the row of `results` it is of."""
    attempts = results.select(ATTEMPT)
    made: dict[str, pl.DataFrame] = {}
    for table, kind in TABLES.items():
        told = [(row, one) for row, one in inner if isinstance(one, kind)]
        if told:
            columns = pl.DataFrame([one for _, one in told], schema=kind._fields, orient="row",
                                   infer_schema_length=None)  # fmt: skip
            made[table] = pl.concat(
                [attempts[[row for row, _ in told]], _timed(columns)], how="horizontal"
            )
    return made


def _timed(columns: pl.DataFrame) -> pl.DataFrame:
    if "started_at" not in columns.columns:
        return columns
    return columns.with_columns(pl.col("started_at").cast(pl.Int64).cast(pl.Datetime("us", "UTC")))
