"""The rows that explanations rest on: SQL files of this folder over the lake, read only."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from golive_core.lake import Lake

PARAMETER = re.compile(r"\$\d+ (\w+)")


@cache
def _text(name: str) -> tuple[str, tuple[str, ...]]:
    """Return a SQL file and the names of its parameters in order."""
    text = (Path(__file__).parent / f"{name}.sql").read_text()
    line = next(line for line in text.splitlines() if line.startswith("-- parameters:"))
    return text, tuple(PARAMETER.findall(line))


class Evidence:
    """Reads the files of this folder: `rows("build", build="x")`.

    A lake without a table gives no rows of it. `as_of` (aware) shows the lake as it was then.
    """

    def __init__(self, lake: Lake, as_of: datetime | None = None) -> None:
        self.lake, self._as_of = lake, as_of
        self._tables = set(lake.tables())

    def rows(self, name: str, **values: object) -> pl.DataFrame:
        """Return the rows of a file for its parameters; raises LakeError."""
        text, names = _text(name)
        if not self.has(*_inputs(text)):
            return pl.DataFrame()
        return self.lake.query(text, [values[one] for one in names], as_of=self._as_of)

    def has(self, *tables: str) -> bool:
        """Tell whether all these marts exist; tables that are declared may be empty."""
        return all(name in self._tables for name in tables if name.startswith("marts."))


def _inputs(text: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith("-- inputs:"))
    return [name.strip() for name in line.removeprefix("-- inputs:").split(",")]
