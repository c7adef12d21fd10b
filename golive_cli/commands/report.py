"""`golive report`: one HTML file of every page's figures, to mail or to attach."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.commands.sql import instant
from golive_cli.output import Json, emit, say, size
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.report import Report

STEP = "Drawing pages"


def command(
    project: Annotated[str, typer.Option(help="One project; the first one by default.")] = "",
    days: Annotated[int, typer.Option(help="Length of the period in days.", min=1, max=366)] = 30,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; golive-PROJECT.html by default.")
    ] = None,
    as_of: Annotated[str, typer.Option(help="The lake as it was then, ISO 8601.")] = "",
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML file of all charts for a period; it asks no network."""
    made = _drawn(project, days, instant(as_of))
    target = out or Path(f"golive-{project or 'report'}.html")
    try:
        target.write_text(made.html, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{error.strerror}", where=str(target)) from error
    told = {"file": str(target), "project": made.project, "pages": made.pages,
            "figures": made.figures, "size_bytes": target.stat().st_size}  # fmt: skip
    if as_json:
        emit(told | {"left_out": made.left_out})
        return
    say(f"{target}: {made.figures} figures of {made.pages} pages, {size(target.stat().st_size)}")
    if made.left_out:
        say(f"Without rows: {', '.join(made.left_out)}")


def _drawn(project: str, days: int, as_of: datetime | None) -> Report:
    """Return the report, without the warnings of Streamlit, which misses its browser."""
    from golive_cli.progress import Board

    logging.disable(logging.WARNING)
    try:
        from dashboards import report

        with Board() as board:
            made = report.make(project, days, as_of, tell=lambda at: board.update(STEP, at))
            board.end(STEP, f"{made.pages} pages")
            return made
    finally:
        logging.disable(logging.NOTSET)
