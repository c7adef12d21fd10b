"""Rows of tables that a part of GoLive writes which may not be there: a model, a runner, an agent.

A page that shows such rows works without them: it gets none, and says what would bring them.
"""

from __future__ import annotations

from dashboards import data
from dashboards.data import Rows, Value
from golive_core import schema


def rows(sql: str, *tables: str, **parameters: Value) -> Rows:
    """Return the rows of a SELECT over `tables`, none where one of them is not declared."""
    if all(name in schema.TABLES for name in tables):
        return data.rows(sql, **parameters)
    return data.none(sql, **parameters)
