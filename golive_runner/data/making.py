"""From a file to the tables that can be made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from golive_core.errors import UsageError
from golive_core.toml import near
from golive_runner.data.shape import Column, Shares, Value
from golive_runner.texts import text_of

if TYPE_CHECKING:
    from golive_runner.data.json_schema import Documents

MOST_BYTES = 64 << 20


class Made(Protocol):
    """Something that rows are made of: a table, or documents of one model."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def count(self) -> int:
        """Return how many rows it has."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return its columns."""
        ...

    @property
    def refers_to_itself(self) -> bool:
        """Tell whether a row may refer to a row before it."""
        ...

    def batches(self) -> Iterator[list[list[Value]]]:
        """Yield some rows at a time, a list of values for each column."""
        ...

    def rows(self) -> Iterator[dict[str, Value]]:
        """Yield the rows."""
        ...


def make(
    path: Path, *, rows: int, seed: int = 7, shares: Shares | None = None, dialect: str = ""
) -> Mapping[str, Made]:
    """Return what can be made of a file by name; raises UsageError that says what is wrong."""
    text = text_of(path, MOST_BYTES)
    wanted = shares or Shares()
    if path.suffix.lower() in (".sql", ".ddl"):
        from golive_runner.data import sql_schema
        from golive_runner.data.tables import tables

        shapes = sql_schema.read(text, str(path), dialect)
        return tables(shapes, rows, seed, wanted, str(path))
    from golive_runner.data.json_schema import documents

    return documents(_said(text, path), path, rows, seed, wanted)


def chosen(made: Mapping[str, Made], table: str, where: str) -> Made:
    """Return the one that is named, the only one if none is; raises UsageError."""
    if not table and len(made) == 1:
        return next(iter(made.values()))
    found = next((one for name, one in made.items() if name.lower() == table.lower()), None)
    if found is None:
        what = f"there is no {table}" if table else "there is more than one to choose from"
        raise UsageError(what, where=where, hint=f"--table: {near(table, made)}")
    return found


def _said(text: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        found: object = json.loads(text)
    except ValueError:
        try:
            found = yaml.load(text, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError) as error:
            what = f"neither JSON nor YAML: {str(error).splitlines()[0]}"
            hint = "SQL is read from files that end in .sql"
            raise UsageError(what, where=str(path), hint=hint) from error
    if not isinstance(found, dict):
        raise UsageError("is no schema", where=str(path), hint="SQL ends in .sql, JSON in .json")
    return cast("dict[str, Any]", found)


__all__ = ["Documents", "Made", "chosen", "make"]
