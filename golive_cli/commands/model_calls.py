"""`golive model-calls`: what was sent to a language model, what came back, what it cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, ago, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

SHORTEST = 4


def command(
    call: Annotated[str, typer.Argument(help="Show one call, by its id or its beginning.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 30,
    as_json: Json = False,
) -> None:
    """List the calls to language models, newest first; with an id exactly what was sent."""
    from golive_core.lake import Lake
    from golive_core.schema import LLM_CALLS
    from golive_core.settings import home

    rows = Lake(home() / "lake").lookup(LLM_CALLS.name).sort("at", descending=True)
    if call:
        _one(rows, call, as_json=as_json)
    elif as_json:
        emit(rows.head(limit).to_dicts())
    elif rows.is_empty():
        say("No model was ever asked: nothing has left this machine for one.")
    else:
        _list(rows.head(limit))


def _list(rows: pl.DataFrame) -> None:
    show(
        ["id", "when", "agent", "subject", "model", "host", "status", "tokens", "usd", "reason"],
        [
            (row["call_id"][:10], ago(row["at"]), row["agent"], row["subject"], row["model"],
             row["host"], row["status"], row["tokens_in"] + row["tokens_out"],
             f"{row['cost_usd']:.4f}", row["reason"] or "")
            for row in rows.iter_rows(named=True)
        ],
    )  # fmt: skip


def _one(rows: pl.DataFrame, call: str, *, as_json: bool) -> None:
    import polars as pl

    found = rows.filter(pl.col("call_id").str.starts_with(call))
    if found.height != 1 or len(call) < SHORTEST:
        what = "no call is" if found.is_empty() else f"{found.height} calls are"
        raise UsageError(f"{what} called {call!r}", hint="golive model-calls lists them")
    row = found.row(0, named=True)
    if as_json:
        emit(row)
        return
    typer.echo(f"{row['status']} {row['at']} {row['prompt']} to {row['host']} ({row['model']})")
    if row["reason"]:
        typer.echo(row["reason"])
    for message in _messages(row["sent"]):
        typer.echo(f"\n--- sent, {message['role']}\n{message['content']}")
    typer.echo(f"\n--- answered\n{row['answer'] or 'nothing'}")


def _messages(sent: str | None) -> list[dict[str, Any]]:
    return json.loads(sent) if sent else []
