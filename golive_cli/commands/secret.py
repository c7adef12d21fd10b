"""`golive secret`: seals secrets in `.golive`, so that golive.toml can name them as sealed:NAME."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.seal import Sealed

ACTIONS = "set, list, remove, rotate or key"


def command(
    action: Annotated[str, typer.Argument(metavar="set|list|remove|rotate|key", help="To do.")],
    name: Annotated[str, typer.Argument(help="The name of the secret.")] = "",
    to: Annotated[
        str, typer.Option(help="rotate: the new key, env:NAME, file:PATH or command:LINE.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Seal secrets: golive secret set github-token < token.txt seals one."""
    from golive_core.seal import new_key

    if action == "key":
        typer.echo(new_key())
        say("Keep it where only this service reads it, and name it in [secrets] key.")
    elif action == "set":
        _opened().put(name, _given())
        say(f"Sealed: write sealed:{name} where golive.toml wants the secret.")
    elif action == "list":
        _list(as_json)
    elif action == "remove":
        _opened().remove(name)
        say(f"{name} is forgotten.")
    elif action == "rotate":
        _rotate(to, as_json)
    else:
        raise UsageError(f"{action!r} is nothing to do with a secret", hint=ACTIONS)


def _opened() -> Sealed:
    from golive_core import settings
    from golive_core.seal import sealed

    known = settings.load()
    return sealed(known.home, known.secrets.key, base=known.base)


def _given() -> str:
    """Return the secret from stdin, asked for without an echo at a terminal."""
    if sys.stdin.isatty():
        return str(typer.prompt("Secret", hide_input=True, err=True))
    return sys.stdin.read().strip()


def _list(as_json: bool) -> None:
    found = _opened()
    if as_json:
        emit({"key": found.key_id, "names": found.names()})
    elif found.names():
        show(["name"], [[one] for one in found.names()])
    else:
        say("Nothing is sealed yet: golive secret set NAME")


def _rotate(to: str, as_json: bool) -> None:
    from dataclasses import asdict

    from golive_core import settings
    from golive_core.seal import key_of

    if not to:
        raise UsageError("rotate to which key?", hint="--to env:NEW_KEY")
    done = _opened().rotate(key_of(to, base=settings.base_folder()))
    if as_json:
        emit(asdict(done))
        return
    say(
        f"{done.secrets} secrets are sealed with {done.new_key}: each was opened with it, and "
        f"{done.old_key} opens none. Name the new key in [secrets] key."
    )
