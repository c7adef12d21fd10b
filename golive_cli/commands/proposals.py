"""`golive proposals`: what agents propose to do outside; a person approves or rejects it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from golive_cli.output import Json, ago, emit, say, show
from golive_core.errors import UsageError

WORDS = ("list", "show", "approve", "reject")


def command(
    what: Annotated[str, typer.Argument(help="list, show, approve or reject.")] = "list",
    proposal: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")] = "",
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Those decided too.")] = False,
    as_json: Json = False,
) -> None:
    """Decide about proposals of agents: golive proposals approve 1a2b3c --note "looks right"."""
    from assets import proposals
    from golive_cli.person import user
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    lake = Lake(known.home / "lake")
    if what == "list":
        _list(proposals.listed(lake, status="" if everything else "open"), as_json=as_json)
        return
    if what not in WORDS or not proposal:
        raise UsageError(f"golive proposals {what} needs one of {', '.join(WORDS)} and an id")
    if what == "approve":
        row = proposals.approve(lake, known, proposal, by=user(), note=note)
    elif what == "reject":
        row = proposals.reject(lake, proposal, by=user(), note=note)
    else:
        row = proposals.find(lake, proposal)
    _one(row, as_json=as_json)
    if what == "approve" and row["status"] != "done":
        raise typer.Exit(1)


def _list(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        emit(rows)
    elif rows:
        show(
            ["id", "when", "agent", "what would be done", "why", "status"],
            [(row["proposal_id"][:10], ago(row["proposed_at"]), row["agent"], row["title"],
              row["reason"], row["status"]) for row in rows],
        )  # fmt: skip
        say("Look at one with golive proposals show ID, then approve or reject it.")
    else:
        say("Nothing waits for a decision.")


def _one(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(row)
        return
    typer.echo(f"{row['title']}: {row['status']}")
    typer.echo(f"Why: {row['reason']}")
    typer.echo(f"Rests on: {'; '.join(json.loads(row['evidence'] or '[]'))}")
    typer.echo(f"{row['action']} on {row['instance']} with")
    for name, value in json.loads(row["parameters"]).items():
        typer.echo(f"  {name} = {value}")
    if row["result"]:
        typer.echo(f"Result: {row['result']}")
