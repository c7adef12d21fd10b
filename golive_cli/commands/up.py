"""`golive up`: from a repository to filled pages, served until Ctrl-C."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import say
from golive_core.errors import UsageError
from golive_core.settings import FILE, Ports, Settings

if TYPE_CHECKING:
    from golive_cli.serve.running import AlreadyRunningError
    from golive_cli.serve.supervisor import Supervisor

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Where it listens.")]


def command(
    repo: Annotated[
        Path | None,
        typer.Option(help="The repository to look at; only read. [default: as before, or here]"),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the link.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Look at every page and API, end, exit 0 or 1.")
    ] = False,
    port_gateway: Port = None,
    port_dashboards: Port = None,
    port_dagster: Port = None,
) -> None:
    """Read everything once, then serve dashboards, gateway and Dagster on 127.0.0.1."""
    from golive_cli.folder import prepared
    from golive_cli.serve.ports import chosen, require_free
    from golive_cli.serve.running import AlreadyRunningError, only_one, running
    from golive_core.settings import home

    if other := running(home()):
        raise typer.Exit(_greet(AlreadyRunningError(other), check=check))
    settings = _settings(repo)
    given = {"gateway": port_gateway, "dashboards": port_dashboards, "dagster": port_dagster}
    ports = chosen(settings, given)
    try:
        with only_one(prepared(settings.home), os.getpid(), ports):
            require_free(ports)
            code = _serve(settings, ports, browser=not no_browser and not check, check=check)
    except AlreadyRunningError as error:
        code = _greet(error, check=check)
    raise typer.Exit(code)


def _settings(repo: Path | None) -> Settings:
    """Return the settings of this folder, or those detected in `repo`."""
    from golive_cli.folder import detected, looked_at
    from golive_core import settings

    here = settings.load()
    where = repo.expanduser().resolve() if repo else looked_at(here)
    has_file = here.file is not None and here.file.name == FILE
    if has_file and where != here.base:
        hint = f"Add it to {FILE} as a source, or start golive in another folder"
        raise UsageError(
            f"{FILE} says what to read here, not --repo", where=str(here.file), hint=hint
        )
    found = here if has_file else detected(where)
    if where != here.base and (where / FILE).exists():
        say(f"{where / FILE} is not used: it could name secrets of yours. What it shows is used.")
    if not found.instances:
        raise UsageError(
            "no Git repository and no source to read", where=str(where),
            hint="Say golive up --repo PATH, or write a golive.toml with: golive init",
        )  # fmt: skip
    return found


def _serve(settings: Settings, ports: Ports, *, browser: bool, check: bool) -> int:
    from golive_cli.serve.stage import Stage, invite

    async def verify(_: Supervisor) -> int:
        from golive_cli.serve.check import verified

        return 0 if await verified(settings, ports) else 1

    async def stay(_: Supervisor) -> None:
        say(f"Logs are in {settings.home / 'logs'}. Ctrl-C ends everything.")

    def filled() -> None:
        if not check:
            invite(ports, browser=browser)

    return Stage(settings, ports, filled, verify if check else stay).play()


def _greet(error: AlreadyRunningError, *, check: bool) -> int:
    """Say that it is up already and print a fresh link; 1 if a check was asked for."""
    from golive_cli.serve.stage import link

    say(f"{error.what}.")
    if check:
        say("End it first: --check starts and ends everything itself.")
        return 1
    if error.running.ports:
        # Not by say: it masks what looks like a secret, and a link is one.
        typer.echo(f"A fresh sign-in link:\n\n  {link(Ports(**error.running.ports))}\n", err=True)
    return 0
