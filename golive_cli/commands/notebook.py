"""`golive notebook`: a Jupyter notebook of one query, ready to run against the lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from golive_cli.commands.sql import instant
from golive_cli.output import say
from golive_core.errors import UsageError


def command(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The file; an existing one is not overwritten.")
    ] = Path("golive.ipynb"),
    title: Annotated[str, typer.Option(help="Its first line.")] = "A question to the lake",
    as_of: Annotated[str, typer.Option(help="Ask the lake as it was then, ISO 8601.")] = "",
) -> None:
    """Write a notebook that asks QUERY through golive_core.lake and goes on from its rows."""
    from dashboards import notebook
    from golive_core.lake import Lake
    from golive_core.settings import home

    text, then = sys.stdin.read() if query == "-" else query, instant(as_of)
    rows = Lake(home() / "lake").sandbox(text, as_of=then)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(notebook.build(title, text, as_of=then))
    except FileExistsError:
        raise UsageError(
            "there is a file already", where=str(out), hint="Name another --out"
        ) from None
    except OSError as error:
        raise UsageError(f"{error.strerror}", where=str(out)) from error
    say(f"{out}: {rows.height} rows now. Open it with jupyter lab, VS Code or any other.")
