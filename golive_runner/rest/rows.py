"""The rows of a document: written in it, in a CSV or JSON file, or generated."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from golive_core.errors import UsageError
from golive_core.redact import MASK
from golive_core.settings import is_secret_name
from golive_runner.rest.document import Checks, Generated
from golive_runner.rest.fill import shown

MOST_ROWS = 10_000
LONGEST = 120
Row = dict[str, object]


def rows(document: Checks, path: Path) -> list[Row]:
    """Return the rows, one empty if the document has none; raises UsageError."""
    given = document.rows
    if given is None:
        return [{}]
    if isinstance(given, list):
        found = [dict[str, object](row) for row in given]
    elif isinstance(given, Generated):
        found = _generated(given, path.parent)
    else:
        found = _from_file(path.parent / given)
    if not found:
        raise UsageError("there are no rows, so there is nothing to test", where=str(path))
    if len(found) > MOST_ROWS:
        raise UsageError(f"there are more than {MOST_ROWS:,} rows", where=str(path))
    return found


def columns(all_rows: Sequence[Row]) -> set[str]:
    """Return the names that every row has."""
    return {key for key in all_rows[0] if all(key in row for row in all_rows)}


def name(row: Row) -> str:
    """Return the parameters of a row as a test's name has them, such as `user=ada,age=36`."""
    cells = ((key, MASK if is_secret_name(key) else shown(value)) for key, value in row.items())
    told = ",".join(f"{key}={value}" for key, value in cells)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"


def names(all_rows: Sequence[Row]) -> Iterator[str]:
    """Yield a name for each row; rows of one name are numbered, as they are tests of their own."""
    seen: dict[str, int] = {}
    for row in all_rows:
        told = name(row)
        seen[told] = seen.get(told, 0) + 1
        yield told if seen[told] == 1 else f"{told}#{seen[told]}"


def _generated(given: Generated, folder: Path) -> list[Row]:
    """Return generated rows with values that JSON has."""
    from golive_runner.data.making import chosen, make
    from golive_runner.data.writing import plain

    made = make(folder / given.generate, rows=given.rows, seed=given.seed)
    table = chosen(made, given.table, given.generate)
    return [{key: plain(value) for key, value in row.items()} for row in table.rows()]


def _from_file(path: Path) -> list[Row]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the rows cannot be read ({error})", where=str(path)) from error
    return _csv(text, path) if path.suffix.lower() == ".csv" else _json(text, path)


def _csv(text: str, path: Path) -> list[Row]:
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        head = next(lines, list[str]())
        if len(set(head)) != len(head):
            raise UsageError("a column stands there twice", where=f"{path}:1")
        found: list[Row] = []
        for cells in lines:
            if len(cells) != len(head):
                what = f"has {len(cells)} cells, the head {len(head)}"
                raise UsageError(what, where=f"{path}:{lines.line_num}")
            found.append(dict(zip(head, cells, strict=True)))
    except csv.Error as error:
        raise UsageError(f"not valid CSV: {error}", where=f"{path}:{lines.line_num}") from error
    return found


def _json(text: str, path: Path) -> list[Row]:
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise UsageError(f"not valid JSON: {error}", where=str(path)) from error
    kept = cast("list[object]", found) if isinstance(found, list) else []
    if not kept or not all(isinstance(one, dict) for one in kept):
        raise UsageError("is no list of objects", where=str(path), hint='Write [{"user": "ada"}]')
    return [cast("Row", one) for one in kept]
