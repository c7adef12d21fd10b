"""`golive test approve`: what looks of pages wait for a decision; a person approves or rejects."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from golive_cli.output import Json, ago, emit, say, show
from golive_core.errors import UsageError


def command(
    look: Annotated[str, typer.Argument(help="Name of a look or its test, or its id.")] = "",
    project: Annotated[str, typer.Option(help="Only looks of this project.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All looks that wait.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It is a fault: reject it.")] = False,
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Make what pages look like now the baseline: golive test approve "front page"."""
    from assets import baselines
    from golive_cli.person import user
    from golive_core.lake import Lake
    from golive_core.settings import home

    if look and everything:
        raise UsageError("name a look or say --all, not both")
    lake, some = Lake(home() / "lake"), [project] if project else []
    rows = baselines.find(lake, look, some) if look else baselines.waiting(lake, some)
    if not look and not everything:
        if reject:
            raise UsageError("--reject needs the name of a look, or --all")
        _list(rows, as_json=as_json)
        return
    state = "rejected" if reject else "approved"
    made = [baselines.decide(lake, row, state, by=user(), note=note) for row in rows]
    if as_json:
        emit(made)
    for row in made:
        say(f"{state}: {row['name']} of {row['test']} ({_rendered(row)})")
    if not made:
        say("Nothing waits for a decision.")


def _rendered(row: dict[str, Any]) -> str:
    return f"{row['browser']} {row['size']} {row['theme']}"


def _list(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        emit(rows)
    elif rows:
        show(
            ["id", "look", "test", "rendered by", "what", "changed", "seen"],
            [(row["look_id"][:8], row["name"], row["test"], _rendered(row),
              ", ".join(dict.fromkeys(row["kinds"] or [])) or row["verdict"],
              "" if row["verdict"] == "new" else f"{row['changed_share']:.2%}",
              ago(row["started_at"])) for row in rows],
        )  # fmt: skip
        say("See them on the page Visual review, then approve one by its name or id, or --reject.")
    else:
        say("Nothing waits for a decision.")
