"""`golive backup`: one state of everything that GoLive keeps, in a file or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show, size

if TYPE_CHECKING:
    from golive_core.backup import Document


def command(
    target: Annotated[
        Path, typer.Argument(help="A file NAME.tar, or a folder that keeps many backups.")
    ],
    lake_only: Annotated[
        bool, typer.Option("--lake-only", help="The tables alone: no accounts, inbox, artifacts.")
    ] = False,
    keep: Annotated[
        int, typer.Option(help="Keep this many backups of the folder; 0 keeps all.", min=0)
    ] = 0,
    list_: Annotated[bool, typer.Option("--list", help="Show the backups of a folder.")] = False,
    as_json: Json = False,
) -> None:
    """Save everything while GoLive runs: golive backup /mnt/backups copies only what is new."""
    from golive_core import backup, settings

    if list_:
        _list(backup.found_in(target), as_json)
        return
    found = settings.load()
    also = [found.file] if found.file and not found.file.is_relative_to(found.home) else []
    made, written = backup.make(found.home, target, lake_only=lake_only, keep=keep, also=also)
    if found.database.url and not lake_only:
        say("What the PostgreSQL of [database] holds is not in it: docs/operations.md says how.")
    if as_json:
        emit({**_row(made), "new_bytes": written})
        return
    rows = sum(rows for _, rows in made.tables.values())
    say(f"{len(made.tables)} tables with {rows:,} rows, {len(made.entries):,} files of "
        f"{size(made.size)}; {size(written)} written.")  # fmt: skip
    say(f"Check it: golive restore {target} --check")


def _list(found: list[Document], as_json: bool) -> None:
    if as_json:
        emit([_row(one) for one in found])
        return
    columns = ["backup", "made at", "of", "tables", "rows", "files", "size"]
    show(columns, [
        [one.backup_id, one.made_at[:19], "lake" if one.is_lake_only else "everything",
         len(one.tables), sum(rows for _, rows in one.tables.values()), len(one.entries),
         size(one.size)]
        for one in found
    ])  # fmt: skip


def _row(one: Document) -> dict[str, Any]:
    return {
        "backup": one.backup_id, "made_at": one.made_at, "is_lake_only": one.is_lake_only,
        "lake_version": one.lake, "tables": len(one.tables),
        "rows": sum(rows for _, rows in one.tables.values()),
        "files": len(one.entries), "size_bytes": one.size,
    }  # fmt: skip
