"""`golive generate-data`: rows made from a table, JSON or OpenAPI schema, the same by the seed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import say
from golive_core.errors import UsageError
from golive_core.toml import near

if TYPE_CHECKING:
    from golive_runner.data.making import Made


def command(  # noqa: PLR0913, PLR0917 - every option of the command line is a parameter
    schema: Annotated[Path, typer.Argument(help="A .sql file, a JSON schema, or OpenAPI.")],
    rows: Annotated[int, typer.Option(help="Rows of each table.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    format: Annotated[str, typer.Option(help="json, csv, parquet or sql.")] = "json",  # noqa: A002 - the option's name
    table: Annotated[str, typer.Option(help="One table or model only.")] = "",
    out: Annotated[Path | None, typer.Option(help="File, or folder for several tables.")] = None,
    edges: Annotated[float, typer.Option(help="Share of edge cases.", min=0, max=1)] = 0.05,
    nulls: Annotated[float, typer.Option(help="Share of nulls where allowed.",
        min=0, max=1)] = 0.05,
    dialect: Annotated[str, typer.Option(help="Of the SQL: duckdb, postgres, mysql, ...")] = "",
) -> None:  # fmt: skip
    """Make rows: golive generate-data schema.sql --rows 1000 --format csv --table users."""
    from golive_runner.data.making import chosen, make
    from golive_runner.data.shape import Shares
    from golive_runner.data.writing import FORMATS

    if format not in FORMATS:
        raise UsageError(f"--format is {format!r}", hint=near(format, FORMATS))
    made = make(schema, rows=rows, seed=seed, shares=Shares(edges, nulls), dialect=dialect)
    if table:
        one = chosen(made, table, str(schema))
        made = {one.name: one}
    begun = time.perf_counter()
    count = _written(made, format, out, str(schema))
    took = max(time.perf_counter() - begun, 1e-9)
    say(f"{count:,} rows in {took:.2f} s, {count / took:,.0f} rows/s")


def _written(made: Mapping[str, Made], kind: str, out: Path | None, where: str) -> int:
    """Write to a file, a folder with a file for each table, or stdout; return the rows."""
    from golive_runner.data.writing import write, write_file

    if out is None:
        if kind == "parquet":
            raise UsageError("Parquet is no text", where=where, hint="Name a file with --out")
        _refuse_several(made, kind, where, "--table or --out FOLDER")
        return sum(write(one, kind, sys.stdout.buffer) for one in made.values())
    if len(made) == 1 and not out.is_dir():
        return write_file(next(iter(made.values())), kind, out)
    if out.suffix:
        _refuse_several(made, "", where, "--table, or a folder as --out")
    out.mkdir(parents=True, exist_ok=True)
    return sum(write_file(one, kind, out / f"{name}.{kind}") for name, one in made.items())


def _refuse_several(made: Mapping[str, Made], kind: str, where: str, hint: str) -> None:
    """Refuse several tables where one file cannot hold them: only SQL can."""
    if len(made) > 1 and kind != "sql":
        names = ", ".join(made)
        raise UsageError(f"there are {len(made)} tables: {names[:300]}", where=where, hint=hint)
