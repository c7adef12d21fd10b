"""`golive audit verify`: whether the record of what was done was edited."""

from __future__ import annotations

from typing import Annotated

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import UsageError


def command(
    action: Annotated[str, typer.Argument(metavar="verify", help="What to do.")] = "verify",
    head: Annotated[str, typer.Option(help="The hash noted earlier: it must be there.")] = "",
    as_json: Json = False,
) -> None:
    """Walk the hash chain of ops.audit_log; exit 1 where a record was edited, put in or taken."""
    from golive_actions import audit
    from golive_core.lake import Lake
    from golive_core.settings import home

    if action != "verify":
        raise UsageError(f"{action!r} is nothing to do with the audit log", hint="verify")
    lake = Lake(home() / "lake")
    found = audit.verify(lake)
    is_gone = bool(head) and not audit.knows(lake, head)
    breaks = [{"number": one.number, "what": one.what} for one in found.breaks]
    if is_gone:
        breaks.append({"number": found.records, "what": "the noted head is not in the chain"})
    if as_json:
        emit({"records": found.records, "head": found.head, "breaks": breaks})
    else:
        for one in breaks:
            say(f"record {one['number']}: {one['what']}")
        state = "does not hold" if breaks else "holds"
        say(f"The chain of {found.records} records {state}; its head is {found.head or 'empty'}.")
    if breaks:
        raise typer.Exit(1)
