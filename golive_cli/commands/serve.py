"""`golive serve`: one service in this process, as a container or a unit of systemd wants it."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from golive_core.errors import UsageError


def command(
    service: Annotated[
        str, typer.Argument(metavar="gateway|dashboards|dagster|dagster-daemon", help="Which one.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Become one service of golive up: golive serve gateway --host 0.0.0.0 (docs/deploy.md)."""
    from golive_cli.folder import configured, prepared
    from golive_cli.serve import services
    from golive_dagster.instance import ensure_instance

    settings = configured()
    prepared(settings.home)
    known = {one.name: one for one in services.alone(settings, settings.ports, host)}
    if service not in known:
        hint = f"There are: {', '.join(known)}"
        raise UsageError(f"{service!r} is no service", hint=hint)
    if service.startswith("dagster"):
        ensure_instance(settings.home)
    chosen = known[service]
    if chosen.folder:
        os.chdir(chosen.folder)
    os.execve(  # noqa: S606 - a command of our own, and no shell
        chosen.command[0], chosen.command, services.environment(settings, settings.ports)
    )
