"""One mart on Spark: views over the files of the lake's version, its SQL, its rows by Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, cast

import polars as pl

from assets.refresh import Compute, Mart, dtypes
from assets.refresh import compute as by_duckdb
from assets.spark.cluster import session
from assets.spark.dialect import translate, view_name
from golive_core.errors import LakeError
from golive_core.lake import Lake
from golive_core.lake.outside import Files

if TYPE_CHECKING:
    from polars._typing import ArrowStreamExportable
    from pyspark.sql import SparkSession

NOT_ON_SPARK = {
    "deployed_commits": "a recursion that keeps one row a key (USING KEY)",
    "new_templates_by_build": "two ASOF joins",
}
"""Marts that DuckDB computes in a run on Spark as well, and what Spark's SQL lacks for them."""


def compute(
    lake: Lake, mart: Mart, days: list[date] | None = None, *, master: str = ""
) -> pl.DataFrame:
    """Return what `assets.refresh.compute` does: the rows of a mart, of the given days.

    `master` is Spark's address; "" runs Spark in this process. Raises LakeError for SQL that
    fails, UsageError where pyspark or Java is missing.
    """
    if mart.name in NOT_ON_SPARK:
        return by_duckdb(lake, mart, days)
    spark = session(master)
    try:
        for files in lake.parquet(mart.inputs):
            show(spark, files)
        changed(spark, days or [])
        result = spark.sql(translate(mart.sql, f"{mart.name}.sql"))
        rows = cast("pl.DataFrame", pl.from_arrow(cast("ArrowStreamExportable", result.toArrow())))
    except Exception as error:
        from pyspark.errors import PySparkException

        if isinstance(error, PySparkException):
            what = f"the SQL of the mart fails on Spark: {error}"
            raise LakeError(what, where=f"{mart.name}.sql") from error
        raise
    return alike(lake, mart, rows)


def engine(master: str = "") -> Compute:
    """Return what computes marts on the Spark at `master`; UsageError where it cannot start."""
    session(master)
    return partial(compute, master=master)


def alike(lake: Lake, mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the columns, in their order and dtypes, that DuckDB gives the mart."""
    wanted = dtypes(lake, mart)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


def show(spark: SparkSession, files: Files) -> None:
    """Make the temporary view of a table: exactly the files of its version."""
    ddl = ", ".join(f"`{name}` {spark_type(word)}" for name, word in files.columns.items())
    if files.paths:
        reader = spark.read.schema(ddl).option("basePath", files.folder)
        frame = reader.parquet(*files.paths)
    else:
        frame = spark.createDataFrame([], ddl)
    frame.createOrReplaceTempView(view_name(files.table))


def changed(spark: SparkSession, days: Sequence[date]) -> None:
    """Make the view `changed(day)` of the days that are computed."""
    rows = [(day,) for day in days]
    spark.createDataFrame(rows, "day date").createOrReplaceTempView("changed")


def spark_type(word: str) -> str:
    """Return Spark's name of a type for Delta's, where `[]` marks a list."""
    return f"array<{word.removesuffix('[]')}>" if word.endswith("[]") else word
