"""Cause lines: is the line that names the cause among the first that are shown, beside grep.

A row is one log: its lines, the numbers (from 1) of the lines that name the cause, and which half
and kind it is of. Top 5 is the share of logs with such a line among the first five shown. The
rival shows the first five lines with "error" in them, as `grep -i error | head -5` does.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from models.cause_lines import grep, rank
from models.evaluate import Outcome, Protocol, Score, Tell

SHOWN = 5
GOAL = 0.9
COLUMNS = ("name", "half", "kind", "lines", "causes")


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the share of logs whose cause is shown, by half and kind, and what was missed."""
    tell(f"{rows.height} logs")
    table = evaluate(rows)
    missed = table.filter(~pl.col("is_shown")).select("name", "half", "causes", "shown")
    return Outcome(list(_scores(table)), tables={"missed": missed})


def evaluate(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `shown` and `grepped` (line numbers), `is_shown`, `is_grepped`."""
    found = [_one(pl.Series(row["lines"], dtype=pl.String)) for row in rows.iter_rows(named=True)]
    told = rows.with_columns(
        pl.Series("shown", [one[0] for one in found], dtype=pl.List(pl.Int64)),
        pl.Series("grepped", [one[1] for one in found], dtype=pl.List(pl.Int64)),
        pl.col("lines").list.eval(pl.element().str.strip_chars() != "").list.sum().alias("length"),
    )
    return told.with_columns(
        is_shown=pl.col("shown").list.set_intersection("causes").list.len() > 0,
        is_grepped=pl.col("grepped").list.set_intersection("causes").list.len() > 0,
        is_first=pl.col("shown").list.head(1).list.set_intersection("causes").list.len() > 0,
    )


def _one(lines: pl.Series) -> tuple[list[int], list[int]]:
    return [one.number for one in rank(lines, limit=SHOWN)], grep(lines)[:SHOWN]


def _scores(table: pl.DataFrame) -> Iterator[Score]:
    yield _score("all", table, GOAL)
    for (half,), part in table.group_by("half", maintain_order=True):
        yield _score(str(half), part, GOAL)
    for (kind,), part in table.group_by("kind", maintain_order=True):
        yield _score(str(kind), part)
    yield _score("longer than 5 lines", table.filter(pl.col("length") > SHOWN))
    first = _share(table["is_first"])
    yield Score("all", "top 1", first, note="the very first line shown")


def _score(name: str, part: pl.DataFrame, goal: float | None = None) -> Score:
    rival = {"grep -i error": _share(part["is_grepped"])}
    note = f"n = {part.height}"
    return Score(name, f"top {SHOWN}", _share(part["is_shown"]), rival, goal=goal, note=note)


def _share(those: pl.Series) -> float:
    return float(those.sum()) / max(len(those), 1)


PROTOCOL = Protocol(
    "cause_lines",
    "the line that names the cause is among the first five shown of a log",
    COLUMNS,
    run,
)
