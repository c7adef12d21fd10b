"""`golive simulate`: writes a project of made-up builds, labelled as such, with known truth."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import UsageError


def command(
    seed: Annotated[int, typer.Option(help="The same seed makes the same rows.")] = 7,
    builds: Annotated[int, typer.Option(help="Builds of the history.")] = 400,
    tests: Annotated[int, typer.Option(help="Test cases of the project.")] = 600,
    days: Annotated[int, typer.Option(help="Days that it spans.")] = 30,
    project: Annotated[str, typer.Option(help="Id of the project.")] = "demo",
    end: Annotated[str, typer.Option(help="When it ends, ISO 8601; this hour by default.")] = "",
    export: Annotated[
        Path | None, typer.Option(help="Write its builds to this Parquet file instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a simulated CI history into the lake, so that there is something to look at."""
    from golive_cli.commands.sql import instant
    from golive_cli.demo import export_builds, write_simulation
    from golive_core import settings

    found = settings.load()
    known = found.projects.get(project)
    if known and not known.is_simulated:
        hint = "Choose another --project: simulated rows are never mixed with real ones"
        raise UsageError(f"{project} is a real project", hint=hint)
    until = instant(end) or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    made: Any = {"project": project, "seed": seed, "builds": builds, "tests": tests, "days": days}
    if export:
        count = export_builds(export, **made, end=until)
        say(f"{export}: {count:,} builds, as golive evaluate build_failure takes them.")
        return
    rows = write_simulation(found.home, **made, end=until)
    if as_json:
        emit({"project": project, "seed": seed, "rows": rows})
    else:
        counts = ", ".join(f"{number:,} {table}" for table, number in rows.items() if number)
        say(f"Project {project}: {counts or 'nothing new'}.")
        say("golive run brings marts and predictions up to date with it.")
