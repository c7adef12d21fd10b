"""`golive restore`: everything as it was when a backup was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golive_cli.output import Json, emit, say, size
from golive_core.errors import UsageError


def command(
    source: Annotated[Path, typer.Argument(help="What golive backup made: a .tar or a folder.")],
    backup: Annotated[
        str, typer.Option(help="Which backup of the folder; the newest by default.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Read it from end to end; change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the home holds, all of it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in place of .golive: golive restore /mnt/backups."""
    from golive_core import backup as backups
    from golive_core import settings

    found = settings.load()
    if check:
        done = backups.check(source, backup_id=backup)
    else:
        _refuse_running(found.home)
        done = backups.restore(source, found.home, found.base, backup_id=backup, force=force)
    rows = sum(rows for _, rows in done.tables.values())
    if as_json:
        emit({"backup": done.backup_id, "made_at": done.made_at, "is_restored": not check,
              "tables": {name: {"version": pair[0], "rows": pair[1]}
                         for name, pair in done.tables.items()},
              "files": len(done.entries), "size_bytes": done.size})  # fmt: skip
        return
    what = "is whole" if check else f"is restored to {found.home}"
    say(f"The backup of {done.made_at[:19]}Z {what}: {len(done.tables)} tables with {rows:,} rows, "
        f"{len(done.entries):,} files of {size(done.size)}.")  # fmt: skip
    if not check:
        say("golive.duckdb comes with the next golive run.")


def _refuse_running(home: Path) -> None:
    from golive_cli.serve.running import running

    if running(home) is not None:
        hint = "End golive up (Ctrl-C), or name another GOLIVE_HOME"
        raise UsageError("GoLive is up here", where=str(home), hint=hint)
