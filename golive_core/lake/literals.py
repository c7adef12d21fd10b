"""SQL with its parameters filled in: what a page or an answer shows, ready to be run elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

Value = str | int | float | bool | date | datetime | None | list[str] | list[int]
PARAMETER = re.compile(r"\$(\w+)")


def filled_in(sql: str, parameters: Mapping[str, Value]) -> str:
    """Return the SQL with its parameters as literals, ready to be run elsewhere."""
    return PARAMETER.sub(lambda match: literal(parameters[match[1]]), sql)


def literal(value: Value) -> str:
    """Return a value as a DuckDB literal."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat()}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"
