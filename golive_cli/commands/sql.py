"""`golive sql`: one SELECT over every layer of the lake, sandboxed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import emit, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


class Form(StrEnum):
    """How the rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def command(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")],
    form: Annotated[
        Form, typer.Option("--format", "-f", help="How rows are written.")
    ] = Form.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    as_of: Annotated[str, typer.Option(help="The lake as it was then, ISO 8601.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file to write.")] = None,
    limit: Annotated[int, typer.Option(help="Refuse more rows than this.")] = 1_000_000,
    timeout: Annotated[float, typer.Option(help="Seconds that the query may take.")] = 60,
) -> None:
    """Ask the lake: golive sql "select status, count(*) from core.builds group by all"."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    form = Form.JSON if as_json else form
    text = sys.stdin.read() if query == "-" else query
    frame = Lake(home() / "lake").sandbox(
        text, as_of=instant(as_of), max_rows=limit, timeout_s=timeout
    )
    _write(frame, form, output)


def instant(text: str) -> datetime | None:
    """Return the aware instant of an ISO text, None for none; without a zone it is UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "For example 2026-01-31 or 2026-01-31T12:00+01:00"
        raise UsageError(f"{text!r} is not a time", hint=hint) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _write(frame: pl.DataFrame, form: Form, output: Path | None) -> None:
    if form is Form.PARQUET and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is no text", hint="Add --output FILE, or send it to a file")
    try:
        if form is Form.PARQUET:
            frame.write_parquet(output or sys.stdout.buffer)
        elif form is Form.CSV:
            _flat(frame).write_csv(output or sys.stdout.buffer)
        elif output is None:
            _print(frame, form)
        else:
            raise UsageError(f"--output is not for {form}", hint="Use csv or parquet")
    except OSError as error:
        raise UsageError(f"{error.strerror}", where=str(output)) from error


def _print(frame: pl.DataFrame, form: Form) -> None:
    if form is Form.JSON:
        emit(frame.to_dicts())
    else:
        show(frame.columns, frame.rows())


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with lists as JSON text: CSV has no word for them."""
    import json

    import polars as pl

    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(
        pl.Series(name, [None if cell is None else json.dumps(cell, default=str)
                         for cell in frame[name].to_list()], dtype=pl.String)
        for name in nested
    )  # fmt: skip
