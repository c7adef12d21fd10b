"""The golive command: finds its subcommands, and turns errors into one message and an exit code.

A command is one file in `golive_cli/commands/` with a function `command`, whose docstring is the
help; a folder there is a group of commands. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from types import ModuleType

import typer

from golive_cli import commands
from golive_core.errors import GoLiveError
from golive_core.settings import variable

HELP = "What broke, since which commit, is it flaky, what fails next: from your own CI data."


def build() -> typer.Typer:
    """Return the application with every command of `golive_cli/commands/`."""
    app = _group(commands, HELP)
    app.callback()(_top)
    return app


def _group(package: ModuleType, text: str) -> typer.Typer:
    """Return the commands of a package; what is a package in it is a group of its own."""
    app = typer.Typer(
        help=text, no_args_is_help=True, pretty_exceptions_enable=False,
        add_completion=False, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        name = found.name.rpartition(".")[2].replace("_", "-")
        if found.ispkg:
            app.add_typer(_group(module, module.__doc__ or ""), name=name)
        else:
            app.command(name)(module.command)
    return app


def main() -> None:
    """Run the command line; exit 0 if all went well, 1 if it failed, 2 for wrong use."""
    try:
        build()()
    except GoLiveError as error:
        if variable("GOLIVE_DEBUG"):
            traceback.print_exc()
        _explain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:  # noqa: BLE001 - what nobody foresaw, told without the secrets in it
        from golive_core.redact import redact

        typer.echo(redact(traceback.format_exc()), err=True)
        typer.echo("Error: this is a bug in GoLive; please report the lines above.", err=True)
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("golive"))
        raise typer.Exit


def _top(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Take the options that stand before a command."""


def _explain(error: GoLiveError) -> None:
    """Write where, what and the way out to stderr, secrets masked."""
    from golive_core.redact import redact

    head = f"{error.where}: {error.what}" if error.where else error.what
    lines = [f"Error: {head}"] + ([f"  {error.hint}"] if error.hint else [])
    typer.echo(redact("\n".join(lines)), err=True)
