"""The lake: `Lake` for programs, `connect` and `query` for notebooks.

    from golive_core.lake import query
    query("select day, count(*) as results from core.test_results group by all order by day")

The two functions read the lake of this folder: GOLIVE_HOME, else `./.golive`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from golive_core.lake.commit import WriteResult
from golive_core.lake.lake import Lake
from golive_core.lake.stage import Staged
from golive_core.lake.transaction import Transaction

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from golive_core.lake.read import Params

__all__ = ["Lake", "Staged", "Transaction", "WriteResult", "connect", "default", "query"]


def default() -> Lake:
    """Return the lake of the default home: GOLIVE_HOME, else `./.golive`."""
    from golive_core import settings

    return Lake(settings.home() / "lake")


def connect(*, as_of: datetime | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB with the views of the default lake; the caller closes it."""
    return default().connect(as_of=as_of)


def query(sql: str, params: Params = None, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Return the rows of a SELECT over the default lake."""
    return default().query(sql, params, as_of=as_of)
