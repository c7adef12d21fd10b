"""What a learned model is: `LEARNED = LearnedModel(...)` in a file in `models/`, found by looking.

It says which table of the lake holds its features, which columns it may learn from,
what the label is, and how it fits and predicts. Everything else is the same for all of them and is
not in its file: walk-forward evaluation (`models/walk_forward.py`), the gate (`models/gate.py`),
calibration (`models/calibration.py`), drift (`models/drift.py`), files (`models/store.py`), assets
(`assets/learning/`), `golive model`.

A file with LEARNED imports no heavy library (scikit-learn, scipy) at its head: Dagster's
definitions read it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core.errors import UsageError

Floats = NDArray[np.float64]
Estimator = Any
"""What `fit` returns: scikit-learn objects, arrays, numbers, texts, and lists and dicts of them."""
OUTCOMES = (
    "status", "conclusion", "result", "outcome", "verdict", "failed", "passed", "errored",
    "is_failed", "finished_at", "completed_at", "duration_s", "cost_usd",
)  # fmt: skip
"""Columns that nobody knows before a case has ended, whatever the label."""
SAYS_SO = re.compile(r"^LEARNED\b.*= LearnedModel\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """One learned model of a probability; frames hold rows of `table` of one project, in order.

    `fit(rows, threads)` learns from rows whose label is known and may use `threads` cores.
    `predict(fitted, rows)` returns P(label) of shape `(rows,)`; it reads `features` alone.
    `heuristic(past, rows)` returns what to beat, of shape `(rows,)`: a forecast for `rows` by a
    plain rule that may count in `past`, whose labels are known.
    """

    name: str
    title: str
    """What it predicts, as a clause: "whether a build fails"."""
    table: str
    """Table of the lake with a row per case and a `day`, brought up to date incrementally."""
    key: tuple[str, ...]
    """Columns that make a row of the table unique within its project."""
    features: Mapping[str, str]
    """Numeric or boolean columns that it may read, and what each means; null is "not known"."""
    label: str
    """Boolean or 0/1 column with what came of it; null where that is not known."""
    fit: Callable[[pl.DataFrame, int], Estimator]
    predict: Callable[[Estimator, pl.DataFrame], Floats]
    heuristic: Callable[[pl.DataFrame, pl.DataFrame], Floats]
    heuristic_name: str
    """The rule in two or three words, as pages and cards show it."""
    files: tuple[str, ...]
    """Source files whose change is another version of the model."""
    sql: str = ""
    """SELECT (of a .sql file) that gives the rows where they are not `table` as it stands: where
    what came of a case is in another table than its features. It keeps `day`."""
    at: str = "at"
    """Column with the instant of the forecast: features know nothing of this instant or later."""
    known_at: str = "known_at"
    """Column with the instant from which on the label is known; null while it is not."""
    group: str = "day"
    """Column of rows that share their luck: the win is resampled by whole groups."""
    loss: Literal["brier", "log"] = "brier"
    """Proper score by which learned and heuristic forecasts are compared; lower is better."""
    window_days: int = 365
    """Days up to the newest row that it learns from."""
    max_rows: int = 200_000
    """Newest rows that it learns from: training never costs all of history."""
    fewest_rows: int = 200
    """Labelled rows below which the heuristic stands alone."""
    fewest_events: int = 20
    """Rows of the rarer label below which the heuristic stands alone."""
    types: tuple[str, ...] = ()
    """Types in its files beyond those of `models.store.TRUSTED`, as skops names them."""
    limits: tuple[str, ...] = ()
    """What it cannot do, in sentences for its card."""

    def __post_init__(self) -> None:
        """Refuse features that tell what came of a case, or that are not there yet."""
        told = {self.label, self.known_at, *OUTCOMES} & set(self.features)
        if told or not self.features:
            what = f"{', '.join(sorted(told))} tell what came of it" if told else "has no features"
            raise UsageError(what, where=self.name, hint="Name columns known before `at`")

    @property
    def source(self) -> str:
        """What rows are selected from: the table, or the SELECT in brackets."""
        return f"({self.sql.strip().rstrip(';')})" if self.sql else self.table

    def truth(self, rows: pl.DataFrame) -> Floats:
        """Return the labels, 0 or 1, of shape `(rows,)`."""
        return rows[self.label].cast(pl.Float64).to_numpy()

    def columns(self) -> list[str]:
        """Return the columns that are read from the table, each once."""
        own = ("project_id", *self.key, self.at, self.known_at, self.group, self.label)
        return list(dict.fromkeys((*own, *self.features)))


def matrix(rows: pl.DataFrame, features: Mapping[str, str]) -> Floats:
    """Return the feature columns as floats of shape `(rows, features)`; null becomes NaN."""
    cells = rows.select(pl.col(name).cast(pl.Float64) for name in features)
    return cells.fill_null(float("nan")).to_numpy()


@cache
def learned_models() -> Mapping[str, LearnedModel]:
    """Return every learned model by name: the constants LEARNED of the files in `models/`."""
    found: dict[str, LearnedModel] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if SAYS_SO.search(path.read_text()):
            model = importlib.import_module(f"models.{path.stem}").LEARNED
            found[model.name] = model
    return found


def find(name: str) -> LearnedModel:
    """Return a learned model; raises UsageError that names those there are."""
    known = learned_models()
    if name not in known:
        hint = f"There are: {', '.join(sorted(known)) or 'none'}"
        raise UsageError(f"no learned model is called {name!r}", hint=hint)
    return known[name]
