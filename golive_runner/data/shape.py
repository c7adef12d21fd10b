"""What a schema says of its columns and tables, whatever it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from golive_runner.data.checks import Check

Kind = Literal[
    "integer", "decimal", "float", "boolean", "text", "date", "time", "timestamp", "uuid",
    "json", "binary", "choice",
]  # fmt: skip
Value = object
Row = Mapping[str, Value]
EDGES, NULLS = 0.05, 0.05
"""Shares of the cells that are an edge case and, where a column allows it, null."""


@dataclass(frozen=True)
class Shares:
    """How often a cell is an edge case, or null where that is allowed; from 0 to 1."""

    edges: float = EDGES
    nulls: float = NULLS


@dataclass(frozen=True)
class Column:
    """One column: its kind, and what its values have to keep to.

    `low`, `high` bound numbers; `least`, `most` the length of texts in characters; `scale` is that
    of decimals; `values` those of a choice; `like` a pattern of SQL.
    """

    name: str
    kind: Kind
    low: Decimal | int | float | None = None
    high: Decimal | int | float | None = None
    least: int = 0
    most: int | None = None
    scale: int = 0
    values: tuple[Value, ...] = ()
    like: str = ""
    is_nullable: bool = True
    is_zoned: bool = False


@dataclass(frozen=True)
class Link:
    """A foreign key: columns here, and the columns of a table that they name."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """One table; `unique` has the sets of columns whose values together stand once."""

    name: str
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    links: tuple[Link, ...] = ()
    checks: tuple[Check, ...] = ()
    key: tuple[str, ...] = field(default=())

    def column(self, name: str) -> Column | None:
        """Return a column by its name, in whatever case it is written."""
        found = (one for one in self.columns if one.name.lower() == name.lower())
        return next(found, None)
