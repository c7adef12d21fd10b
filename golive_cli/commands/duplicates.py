"""`golive duplicates`: tickets that tell of what an earlier one tells of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from golive_cli.output import Json, ago, emit, say, show


def command(
    key: Annotated[str, typer.Argument(help="Key of one ticket: SHOP-12 or #12.")] = "",
    project: Annotated[str, typer.Option(help="Only tickets of this project.")] = "",
    days: Annotated[int, typer.Option(help="Opened in so many days.", min=1, max=36_500)] = 90,
    as_json: Json = False,
) -> None:
    """List tickets that may be duplicates: golive duplicates SHOP-12. Nothing is changed."""
    from golive_agents.evidence import Evidence
    from golive_agents.tickets import duplicates
    from golive_core.lake import Lake
    from golive_core.settings import home

    since = None if key else datetime.now(UTC) - timedelta(days=days)
    found = duplicates(Evidence(Lake(home() / "lake")), project, key=key, since=since)
    if as_json:
        emit([asdict(one) for one in found])
    elif found:
        show(
            ["alike", "ticket", "opened", "title", "earlier", "status", "title of the earlier"],
            [(f"{one.ticket.likeness:.0%}", one.ticket.key, ago(one.ticket.created_at),
              one.ticket.title, one.earlier.key, one.earlier.status, one.earlier.title)
             for one in found],
        )  # fmt: skip
    else:
        say("No ticket reads like an earlier one.")
