"""`golive token`: makes, lists and revokes API tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.tokens import Token, Tokens

COLUMNS = ["id", "name", "scopes", "project", "state", "ends", "last used"]


def command(
    action: Annotated[str, typer.Argument(metavar="create|list|revoke", help="What to do.")],
    name: Annotated[str, typer.Argument(help="Of a new token its name, else its id.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do: reports:write, read.")
    ] = None,
    project: Annotated[str, typer.Option(help="Hold it to one project.")] = "",
    days: Annotated[int, typer.Option(help="Days until it ends.", min=1, max=3650)] = 365,
    as_json: Json = False,
) -> None:
    """Let a CI job in: golive token create jenkins --scope reports:write --project shop."""
    from golive_core.settings import home
    from golive_core.tokens import Tokens

    tokens = Tokens(home())
    if action == "create":
        _create(tokens, name, scope or ["reports:write"], project, days, as_json=as_json)
    elif action == "list":
        _list(tokens, as_json=as_json)
    elif action == "revoke":
        revoked = tokens.revoke(name)
        say(f"{revoked.name} ({revoked.token_id}) is revoked.")
    else:
        raise UsageError(f"{action!r} is nothing to do with a token", hint="create, list or revoke")


def _create(
    tokens: Tokens, name: str, scopes: list[str], project: str, days: int, *, as_json: bool
) -> None:
    from golive_core import settings

    projects = settings.load().projects
    if project and project not in projects:
        hint = f"There are: {', '.join(projects) or 'none in golive.toml'}"
        raise UsageError(f"no project is called {project!r}", hint=hint)
    token, text = tokens.create(name, scopes, project=project, days=days)
    if as_json:
        emit({**_document(token), "token": text})
        return
    typer.echo(text)
    say(f"It ends on {_day(token.ends_at)} and is not shown again: keep it where your CI keeps"
        " secrets.")  # fmt: skip


def _list(tokens: Tokens, *, as_json: bool) -> None:
    found = tokens.all()
    if as_json:
        emit([_document(one) for one in found])
    elif found:
        show(COLUMNS, [
            [one.token_id, one.name, " ".join(one.scopes), one.project_id or "all", one.state(),
             _day(one.ends_at), _day(one.used_at)] for one in found
        ])  # fmt: skip
    else:
        say("There is no token yet: golive token create NAME")


def _document(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.token_id, "name": token.name, "scopes": list(token.scopes),
        "project_id": token.project_id, "state": token.state(), "ends_at": _instant(token.ends_at),
        "used_at": _instant(token.used_at),
    }  # fmt: skip


def _instant(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _day(at: float | None) -> str:
    found = _instant(at)
    return f"{found:%Y-%m-%d}" if found else "never"
