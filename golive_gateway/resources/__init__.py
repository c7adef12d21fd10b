"""What `GET /v1/<name>` answers with: one SQL file a resource, described by its header.

    -- What a row is, for the documentation.
    --
    -- grain, keys, inputs: as in marts
    -- order: the columns that pages of the answer are cut by
    -- parameter: NAME TYPE what it asks for      (required: instead where it has to be given)
    -- period: COLUMN                             (takes from and to, and gives $first and $last)

The parameter `project` is always there. TYPE is text, int, bool, or the words that it may be:
`passed|failed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent
LINE = re.compile(r"^-- (\w+): (.*)$")
TABLE = re.compile(r"\b((?:core|marts|predictions|ops)\.[a-z_]+)\b")
TYPES: dict[str, type] = {"text": str, "int": int, "bool": bool}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One filter of a resource."""

    name: str
    type: Any
    """str, int, bool or a Literal of the words that are allowed."""
    doc: str
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of rows: its SQL without header, the tables it reads, and what may be asked."""

    name: str
    doc: str
    sql: str
    order: str
    tables: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    has_period: bool


@lru_cache(maxsize=1)
def resources() -> dict[str, Resource]:
    """Return every resource by name."""
    return {one.name: one for one in sorted(_found(), key=lambda one: one.name)}


def _found() -> Iterator[Resource]:
    for path in FOLDER.glob("*.sql"):
        yield parsed(path.stem, path.read_text())


def parsed(name: str, text: str) -> Resource:
    """Return the resource that a file describes; raises ValueError for one without order."""
    head = [line for line in text.splitlines() if line.startswith("--")]
    fields = [(match[1], match[2]) for line in head if (match := LINE.match(line))]
    told = dict(fields)
    if "order" not in told:
        raise ValueError(f"{name}.sql has no order")
    doc = " ".join(line.removeprefix("--").strip() for line in head if not LINE.match(line)).strip()
    sql = "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    parameters = [
        _parameter(value, is_required=key == "required")
        for key, value in fields
        if key in ("parameter", "required")
    ]
    tables = tuple(dict.fromkeys(TABLE.findall(sql)))
    return Resource(name, doc, sql, told["order"], tables, tuple(parameters), "period" in told)


def _parameter(text: str, *, is_required: bool) -> Parameter:
    name, kind, doc = text.split(" ", 2)
    words = tuple(kind.split("|"))
    return Parameter(name, TYPES.get(kind) or Literal[words], doc, is_required)  # type: ignore[valid-type] - of a file
