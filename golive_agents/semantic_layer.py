"""What can be asked: subjects with their measures, dimensions and filters, as data.

One TOML file a subject in `semantics/`, found by looking. Every value in it is a piece of DuckDB
SQL over tables of the lake; nothing is asked that is not said there. The keys of a file:

    about       one sentence: what the rows are
    words       nouns for its rows: "build", "run"
    from        the FROM clause, with aliases
    project     the column with the project's id; absent where rows belong to none
    day         the column with the UTC day, for subjects with a period; the lake prunes by it
    window      what the rows speak of where there is no day: "the last 30 days of results"
    rows        what a list shows: column name -> SQL
    newest      SQL that orders rows in time
    where       what always holds
    noun        what several rows are called; the file's name where it is absent
    says        one row of a list in words, with {names} of its columns
    priority    a number that lifts the subject where several understand a question equally
    [measures.NAME]    words, sql (an aggregate), unit ("" for counts, "s", "%", "usd", "bytes"),
                       and n: an aggregate that counts what a share is one of
    [amounts.NAME]     words, sql (a number of each row), unit, aggregate (the usual one), and
                       the superlatives most and least: "slowest", "fastest"
                       weak words of measures and amounts count where no others are said: "how long"
    [dimensions.NAME]  words, sql, and values: a SELECT of the values that can be named
    [filters.NAME]     words, sql (a condition)

Each file is checked at load: an unknown or an absent key is an error that names the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from golive_core.errors import UsageError

FOLDER = Path(__file__).parent / "semantics"
LISTS = ("words", "weak", "most", "least")
KINDS = ("measures", "amounts", "dimensions", "filters")
UNITS = frozenset({"", "s", "%", "usd", "bytes", "min"})
AGGREGATES: Mapping[str, str] = {
    "average": "avg({})", "median": "median({})", "total": "sum({})", "longest": "max({})",
    "shortest": "min({})", "p90": "quantile_cont({}, 0.9)", "p95": "quantile_cont({}, 0.95)",
    "p99": "quantile_cont({}, 0.99)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A measure, an amount, a dimension or a filter: its words and its SQL."""

    name: str
    words: tuple[str, ...]
    sql: str
    unit: str = ""
    aggregate: str = ""
    weak: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    values: str = ""
    n: str = ""

    @property
    def label(self) -> str:
        """Its name as people read it."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Subject:
    """Rows that questions are about."""

    name: str
    about: str
    words: tuple[str, ...]
    source: str
    rows: Mapping[str, str]
    measures: Mapping[str, Part]
    amounts: Mapping[str, Part]
    dimensions: Mapping[str, Part]
    filters: Mapping[str, Part]
    project: str = ""
    day: str = ""
    window: str = ""
    newest: str = ""
    where: str = ""
    says: str = ""
    noun: str = ""
    priority: float = 0.0
    examples: tuple[str, ...] = field(default=())

    @property
    def label(self) -> str:
        """Its name as people read it: several rows of it."""
        return self.noun or self.name.replace("_", " ")


@cache
def subjects(folder: Path = FOLDER) -> Mapping[str, Subject]:
    """Return every subject by name; raises UsageError for a file that cannot be understood."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.toml"))}


def read(path: Path) -> Subject:
    """Return the subject of one file; raises UsageError with the file and the key."""
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text())
        parts = {kind: _parts(said.pop(kind, {})) for kind in KINDS}
        texts: dict[str, tuple[str, ...]] = {
            name: tuple(said.pop(name, ())) for name in ("words", "examples")
        }
        return Subject(name=path.stem, source=said.pop("from"), **parts, **texts, **said)  # pyright: ignore[reportArgumentType] - a wrong type is caught below or by the tests
    except (tomllib.TOMLDecodeError, TypeError, KeyError, ValueError) as error:
        hint = "The keys are told at the top of golive_agents/semantic_layer.py"
        raise UsageError(f"no subject: {error}", where=str(path), hint=hint) from error


def _parts(said: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Part]:
    return {name: _part(name, one) for name, one in said.items()}


def _part(name: str, said: Mapping[str, Any]) -> Part:
    lists = {key: tuple(cast("list[str]", said.get(key, ()))) for key in LISTS}
    part = Part(name, **lists, **{key: said[key] for key in said if key not in lists})
    if part.unit not in UNITS or part.aggregate not in ("", *AGGREGATES):
        raise ValueError(f"{name}: unit {part.unit!r} or aggregate {part.aggregate!r}")
    return part
