"""`golive evaluate`: how good a model is on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


def command(
    name: Annotated[str, typer.Argument(help="An evaluation; without one, all are listed.")] = "",
    data: Annotated[
        Path | None, typer.Argument(help="Labelled rows: a Parquet, CSV or JSON-lines file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled data: golive evaluate log_templates lines.parquet."""
    from models import evaluate

    if not name:
        _list(as_json)
        return
    chosen = evaluate.find(name)
    if data is None:
        hint = f"golive evaluate {name} FILE, with the columns {', '.join(chosen.columns)}"
        raise UsageError("name the file with the labelled rows", hint=hint)
    found = chosen.run(_read(data))
    if as_json:
        emit(found.to_dicts())
        return
    say(chosen.title)
    show(found.columns, found.rows())


def _list(as_json: bool) -> None:
    from models import evaluate

    rows = [
        (one.name, one.title, list(one.columns)) for one in map(evaluate.find, evaluate.names())
    ]
    if as_json:
        emit([{"name": name, "title": title, "columns": cells} for name, title, cells in rows])
    else:
        show(["name", "measures", "columns"], [(n, t, ", ".join(c)) for n, t, c in rows])


def _read(path: Path) -> pl.DataFrame:
    """Return the rows of a file; raises UsageError if it is none that can be read."""
    import polars as pl

    readers = {
        ".parquet": pl.read_parquet, ".csv": pl.read_csv,
        ".jsonl": pl.read_ndjson, ".ndjson": pl.read_ndjson,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        hint = f"Files that are read: {', '.join(readers)}"
        raise UsageError("is of no kind that is read", where=str(path), hint=hint)
    try:
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path)) from error
