"""`golive test approve`: what looks of pages wait for a decision; a person approves or rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, ago, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.lake import Lake


def command(
    look: Annotated[str, typer.Argument(help="Name of a look or its test, or its id.")] = "",
    project: Annotated[str, typer.Option(help="Only looks of this project.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All looks that wait.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It is a fault: reject it.")] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="Ask the model what changed; decides nothing.")
    ] = False,
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
        if reject or describe:
            option = "--reject" if reject else "--describe"
            raise UsageError(f"{option} needs the name of a look, or --all")
        _list(rows, as_json=as_json)
        return
    if describe:
        _describe(lake, rows, as_json=as_json)
        return
    state = "rejected" if reject else "approved"
    made = [baselines.decide(lake, row, state, by=user(), note=note) for row in rows]
    if as_json:
        emit(made)
    for row in made:
        say(f"{state}: {row['name']} of {row['test']} ({_rendered(row)})")
    if not made:
        say("Nothing waits for a decision.")


def _describe(lake: Lake, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what the configured model says of looks that changed."""
    from dataclasses import asdict

    from assets.look_judging import judged
    from golive_core import settings

    known = settings.load()
    replies = [(row, judged(lake, known, row)) for row in rows if row["verdict"] == "changed"]
    if as_json:
        emit([
            {"look": row["look_id"], "said": asdict(reply.value) if reply.value else None,
             "reason": reply.reason}
            for row, reply in replies
        ])  # fmt: skip
        return
    for row, reply in replies:
        say(f"{row['name']} of {row['test']} ({_rendered(row)})")
        said = reply.value
        for one in said.regions if said else ():
            say(f"  {one.kind}: {one.text}")
        say(f"  {said.verdict}, {said.confidence:.0%} sure by its own word" if said
            else f"  nothing said: {reply.reason}")  # fmt: skip
    if not replies:
        say("No look that waits has an approved picture that it differs from.")


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
