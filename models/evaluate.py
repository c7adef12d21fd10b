"""How good are the models: protocols over labelled data, one file each in `models/protocols/`.

A protocol says which columns it takes, runs our model and its rivals on the same folds, and returns
scores beside goals and published figures, with the curves behind a reliability plot. `golive
evaluate NAME DATA` runs one on a file that need not be known here. Nothing is written here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core.errors import UsageError

Floats = NDArray[np.float64]
Tell = Callable[[str], None]
"""Takes one line on what is being done."""
BINS = 10
"""Bins of equal width of the expected calibration error (Guo et al., ICML 2017, eq. 5)."""


@dataclass(frozen=True, slots=True)
class Score:
    """One measure: ours, rivals run on the same folds, and what others published."""

    protocol: str
    measure: str
    value: float
    rivals: Mapping[str, float] = field(default_factory=dict[str, float])
    published: str = ""
    goal: float | None = None
    is_low_good: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Tell whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.is_low_good else self.value >= self.goal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a protocol found: scores in order, and by name (truth, probability) for the plot."""

    scores: Sequence[Score]
    curves: Mapping[str, tuple[Floats, Floats]] = field(
        default_factory=dict[str, "tuple[Floats, Floats]"]
    )
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to evaluate: its name on the command line, the columns that it needs, and the run.

    Without columns it makes its own data and takes no file; one that `takes_seeds` may be given
    numbers instead, one that `takes_model` the name of a language model.
    """

    name: str
    title: str
    columns: Sequence[str]
    run: Callable[[pl.DataFrame, Tell], Outcome]
    takes_seeds: bool = False
    takes_model: bool = False


HERE = ("models.protocols",)


@cache
def protocols(packages: tuple[str, ...] = HERE) -> Mapping[str, Protocol]:
    """Return every protocol of the packages by name; those here need no lake."""
    found: dict[str, Protocol] = {}
    for package in map(importlib.import_module, packages):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            protocol = getattr(importlib.import_module(module.name), "PROTOCOL", None)
            if isinstance(protocol, Protocol):
                found[protocol.name] = protocol
    return found


def find(name: str, packages: tuple[str, ...] = HERE) -> Protocol:
    """Return a protocol; raises UsageError that names those there are."""
    known = protocols(packages)
    if name not in known:
        hint = f"There are: {', '.join(sorted(known))}"
        raise UsageError(f"no evaluation is called {name}", hint=hint)
    return known[name]


def read(path: Path, protocol: Protocol) -> pl.DataFrame:
    """Return the rows of a Parquet, CSV or JSON-lines file.

    Raises UsageError where it cannot be read, lacks columns or has no rows.
    """
    readers = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".ndjson": pl.read_ndjson}
    try:
        rows = readers.get(path.suffix.lower(), pl.read_parquet)(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        hint = f"{protocol.name} takes a Parquet or CSV file with: {', '.join(protocol.columns)}"
        raise UsageError(f"{path} cannot be read: {error}", hint=hint) from error
    missing = [name for name in protocol.columns if name not in rows.columns]
    if missing or not rows.height:
        what = f"lacks the columns {', '.join(missing)}" if missing else "has no rows"
        hint = f"{protocol.name} takes: {', '.join(protocol.columns)}"
        raise UsageError(f"{path} {what}", hint=hint)
    return rows


def brier(truth: Floats, probability: Floats) -> float:
    """Return the mean squared error of probabilities (Brier 1950)."""
    return float(np.mean((probability - truth) ** 2))


def reliability(truth: Floats, probability: Floats, bins: int = BINS) -> pl.DataFrame:
    """Return a row for each bin of equal width that has rows: `said`, `seen` and `rows`."""
    at = np.minimum((probability * bins).astype(np.int64), bins - 1)
    rows = pl.DataFrame({"bin": at, "said": probability, "seen": truth})
    return (
        rows.group_by("bin")
        .agg(pl.col("said", "seen").mean(), pl.len().alias("rows"))
        .sort("bin")
        .drop("bin")
    )


def calibration_error(truth: Floats, probability: Floats, bins: int = BINS) -> float:
    """Return the expected calibration error over bins of equal width."""
    table = reliability(truth, probability, bins)
    gap = np.abs(table["said"].to_numpy() - table["seen"].to_numpy())
    return float(np.average(gap, weights=table["rows"].to_numpy()))


def seeded(text: str) -> pl.DataFrame | None:
    """Return rows with a column seed for numbers with commas between them; None for other text."""
    numbers = text.split(",")
    if not all(number.strip().isdecimal() for number in numbers):
        return None
    return pl.DataFrame({"seed": [int(number) for number in numbers]})


def nothing() -> pl.DataFrame:
    """Return the rows of a protocol that takes no file."""
    return pl.DataFrame()
