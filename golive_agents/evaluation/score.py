"""The score of an assistant on the questions: the same for the grammar and for any model.

An answer is right if its rows hold the expected columns, whatever their names: the same rows, in
the expected order where the order was asked for. Numbers are compared to nine digits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_agents.chat_assistant import Answer, Refusal
from golive_agents.plan import Plan

if TYPE_CHECKING:
    import polars as pl

QUESTIONS = Path(__file__).parent / "questions.toml"
FOLLOWS = "> "
DIGITS = 9
MOST_TRIED = 5000
"""Ways of matching columns that are tried."""
Ask = Callable[[str, Plan | None], Answer | Refusal]
Run = Callable[[str], "pl.DataFrame"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: `sql` gives its exact answer, "" where the right answer is a refusal."""

    ask: str
    sql: str = ""
    ordered: bool = False
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question: right, wrong, refused in vain, or made up."""

    question: str
    kind: str
    detail: str


def questions(path: Path = QUESTIONS) -> list[Question]:
    """Return the questions of a file."""
    return [Question(**one) for one in tomllib.loads(path.read_text())["question"]]


def score(asked: list[Question], ask: Ask, run: Run) -> Iterator[Outcome]:
    """Yield what became of every question; `run` runs the SQL of the expected answers."""
    previous: Plan | None = None
    for one in asked:
        follows = one.ask.startswith(FOLLOWS)
        found = ask(one.ask.removeprefix(FOLLOWS), previous if follows else None)
        if isinstance(found, Answer):
            previous = found.plan
        yield _outcome(one, found, run)


def _outcome(one: Question, found: Answer | Refusal, run: Run) -> Outcome:
    if isinstance(found, Refusal):
        return Outcome(one.ask, "right" if one.refuses else "refused", found.reason)
    if one.refuses:
        return Outcome(one.ask, "made up", found.sentence)
    is_right = holds(found.rows, run(one.sql), ordered=one.ordered)
    return Outcome(one.ask, "right" if is_right else "wrong", found.sql)


def holds(rows: pl.DataFrame, expected: pl.DataFrame, *, ordered: bool) -> bool:
    """Tell whether some columns of `rows` are those of `expected`, row by row."""
    if rows.height != expected.height:
        return False
    have = [_cells(rows, name) for name in rows.columns]
    want = [_cells(expected, name) for name in expected.columns]
    same = [
        [place for place, cells in enumerate(have) if _sorted(cells) == _sorted(column)]
        for column in want
    ]
    rows_wanted = list(zip(*want, strict=True))
    for tried, places in enumerate(product(*same)):
        if tried > MOST_TRIED:
            return False
        found = list(zip(*(have[place] for place in places), strict=True))
        if found == rows_wanted or (not ordered and _sorted(found) == _sorted(rows_wanted)):
            return True
    return False


def _sorted(cells: list[Any]) -> list[str]:
    return sorted(map(repr, cells))


def _cells(frame: pl.DataFrame, name: str) -> list[Any]:
    return [_cell(one) for one in frame[name].to_list()]


def _cell(value: object) -> object:
    """Return a cell as it is compared: 2 and 2.0 are the same."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{float(value):.{DIGITS}g}"
