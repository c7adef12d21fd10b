"""`golive lake`: where the lake is, and how it moves into a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.sections import Lake as Said


def command(
    action: Annotated[str, typer.Argument(metavar="status|upload", help="What to do.")] = "status",
    as_json: Json = False,
) -> None:
    """Where the lake is; golive lake upload puts this machine's into the bucket of golive.toml."""
    from golive_core import settings

    if action == "upload":
        found = settings.read()
        files = _upload(found.home / "lake", found.lake)
        say(f"{files} files are at {found.lake.location}; other machines name it and read it.")
    elif action == "status":
        _status(as_json)
    else:
        raise UsageError(f"{action!r} is nothing to do with the lake", hint="status or upload")


def _upload(root: Path, said: Said) -> int:
    from golive_core.lake import Lake, remote

    if not said.location:
        hint = 'Write [lake] location = "s3://bucket/prefix" into golive.toml'
        raise UsageError("no bucket is named", where="golive.toml", hint=hint)
    with Lake(root).pinned() as pin:
        if not pin.manifest.n:
            raise UsageError("there is no lake to upload", where=str(root), hint="Start: golive up")
        remote.upload(root, pin.files, said.location, endpoint=said.endpoint, region=said.region)
    return len(pin.files)


def _status(as_json: bool) -> None:
    from golive_core import settings
    from golive_core.lake import Lake
    from golive_core.lake.remote import of

    root = settings.load().home / "lake"
    lake, there = Lake(root), of(root)
    found = {
        "location": str(there.bucket) if there else str(root), "version": lake.version(),
        "tables": len(lake.tables()), "rows": sum(lake.rows(name) for name in lake.tables()),
    }  # fmt: skip
    if as_json:
        emit(found)
    else:
        say(f"{found['location']}: version {found['version']}, {found['tables']} tables with "
            f"{found['rows']:,} rows.")  # fmt: skip
