"""`golive init`: writes a commented golive.toml from what a folder shows of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import UsageError
from golive_core.settings import FILE, base_folder


def command(
    path: Annotated[Path, typer.Option(help="The folder to look at.")] = Path(),
    force: Annotated[bool, typer.Option(help="Replace a golive.toml that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Look at a folder's repository, reports and CI, and write golive.toml here."""
    from golive_cli.detect import detect, toml
    from golive_core import settings

    file = base_folder() / FILE
    if file.exists() and not force:
        hint = "Edit it, or replace it with: golive init --force"
        raise UsageError("there is one already", where=str(file), hint=hint)
    found = detect(path)
    content = toml(found, relative_to=file.parent)
    read = settings.parse(content.encode(), base=file.parent, home=settings.home(), file=file)
    try:
        file.write_text(content)
    except OSError as error:
        raise UsageError(f"{error.strerror}", where=str(file)) from error
    if as_json:
        sources = {name: one.type for name, one in read.instances.items()}
        emit({
            "file": str(file), "project": found.project_id, "sources": sources,
            "reports": len(found.reports), "others": len(found.others),
            "ci": [one for one, _ in found.ci],
        })  # fmt: skip
        return
    say(f"Wrote {file}: project {found.project_id}, sources {', '.join(read.instances)}.")
    say(f"Found {len(found.reports)} test reports. Next: golive up")
