"""How commands speak: what was asked for goes to stdout, everything else to stderr.

Tables and messages are for people; `--json` gives the same content to machines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Cell = object
KILO = 1000


@cache
def messages() -> Console:
    """Return the console of messages: stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@cache
def results() -> Console:
    """Return the console of results: stdout, as wide as it takes where nobody looks at it."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)


def say(text: str) -> None:
    """Write a message for people to stderr, secrets masked."""
    from golive_core.redact import redact

    messages().print(redact(text), markup=False, soft_wrap=True)


def emit(value: object) -> None:
    """Write one JSON document to stdout: times as ISO 8601 with Z, everything else as it is."""
    typer.echo(json.dumps(value, default=plain, ensure_ascii=False))


def plain(value: object) -> object:
    """Return what JSON has no word for as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value.isoformat() if isinstance(value, date) else str(value)


def show(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "",
    styles: Mapping[str, str] | None = None,
) -> None:
    """Write a table to stdout; numbers stand right, a status word gets its colour."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=None, header_style="bold")
    kept = [list(row) for row in rows]
    for index, name in enumerate(columns):
        is_number = all(isinstance(row[index], (int, float)) for row in kept) and bool(kept)
        table.add_column(
            name, justify="right" if is_number else "left", overflow="fold",
            style=(styles or {}).get(name, ""),
        )  # fmt: skip
    for row in kept:
        table.add_row(*(Text(words(cell), style=COLOURS.get(str(cell), "")) for cell in row))
    results().print(table)


COLOURS = {
    "ok": "green", "passed": "green", "healthy": "green", "warning": "yellow",
    "degraded": "yellow", "paused": "yellow", "flaky": "yellow", "failed": "red", "error": "red",
    "broken": "red",
}  # fmt: skip
"""Colours of status words; the word itself says the same."""


def words(cell: Cell) -> str:
    """Return a cell as people read it."""
    if isinstance(cell, (list, tuple)):
        return "\n".join(words(part) for part in cast("Sequence[Cell]", cell))
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, bool) or cell is None:
        return {None: "-", True: "yes", False: "no"}[cell]
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1 else f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago an instant was, in the largest unit that fits twice."""
    if at is None:
        return "never"
    seconds = max(0.0, ((now or datetime.now(UTC)) - at).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def size(count: float) -> str:
    """Return a number of bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < KILO:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KILO
    return f"{count:.1f} TB"
