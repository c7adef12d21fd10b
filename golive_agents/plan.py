"""What a question asks for, once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from golive_agents.periods import Period

TOP = 10
"""Rows of a ranking or of a list that names no number."""
ALL = 1000
"""Rows of a question that asks for each of something."""
Shape = Literal["value", "ranking", "series", "list"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: names are those of the subject's parts."""

    subject: str
    shape: Shape
    measure: str = ""
    amount: str = ""
    aggregate: str = ""
    dimensions: tuple[str, ...] = ()
    grain: str = ""
    filters: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    period: Period | None = None
    is_descending: bool = True
    limit: int = TOP
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A question that was not understood, with the words that nobody knows."""

    unknown: tuple[str, ...]
    is_double: bool = False
