"""How good models are on labelled data: finds the evaluations and checks what they are given.

An evaluation is one file in `models/evaluations/`; what it has to have is said there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from golive_core.errors import UsageError
from models import evaluations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation: its name, what it measures, the columns that it needs, and how."""

    name: str
    title: str
    columns: pl.Schema
    measure: Callable[[pl.DataFrame], pl.DataFrame]

    def run(self, data: pl.DataFrame) -> pl.DataFrame:
        """Return the measures; raises UsageError for data without a column or without a row."""
        missing = [name for name in self.columns if name not in data.columns]
        if missing:
            hint = (
                f"It needs {', '.join(f'{name} ({kind})' for name, kind in self.columns.items())}"
            )
            raise UsageError(f"the data has no {', '.join(missing)}", where=self.name, hint=hint)
        if not data.height:
            raise UsageError("the data has no row", where=self.name)
        try:
            rows = data.select(pl.col(name).cast(kind) for name, kind in self.columns.items())
        except pl.exceptions.PolarsError as error:
            raise UsageError(f"a column is of another kind: {error}", where=self.name) from error
        return self.measure(rows)


def names() -> list[str]:
    """Return the names of all evaluations, sorted."""
    return sorted(found.name for found in pkgutil.iter_modules(evaluations.__path__))


def find(name: str) -> Evaluation:
    """Return an evaluation by its name; raises UsageError if there is none."""
    if name not in names():
        raise UsageError(f"no evaluation {name!r}", hint=f"There are: {', '.join(names())}")
    module = importlib.import_module(f"{evaluations.__name__}.{name}")
    title = (module.__doc__ or "").partition("\n")[0]
    return Evaluation(name, title, module.COLUMNS, module.evaluate)
