"""`golive user`: the people of a shared GoLive, their roles, projects and passwords."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.accounts import Accounts, User

ACTIONS = "add, list, role, projects, password, disable, enable, keys or matrix"
BY = "owner"
"""Who is at the terminal of this machine, for the security events."""
COLUMNS = ["name", "role", "projects", "state", "last sign-in"]


def command(
    action: Annotated[
        str,
        typer.Argument(
            metavar="add|list|role|projects|password|disable|enable|keys|matrix", help="What to do."
        ),
    ],
    name: Annotated[str, typer.Argument(help="The user's name.")] = "",
    role: Annotated[str, typer.Option(help="admin, developer, tester or viewer.")] = "",
    project: Annotated[
        list[str] | None, typer.Option(help="Hold them to this project; repeat.")
    ] = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="add: they come by the OpenID provider alone.")
    ] = False,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="keys: the old one is known to somebody else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let people in: golive user add ada --role developer --project shop asks for a password."""
    from golive_core import settings
    from golive_core.accounts import Accounts

    accounts = Accounts(settings.home())
    wanted = _checked(project or [])
    if action == "add":
        password = "" if no_password else _password()
        made = accounts.add(name, role or "viewer", password, projects=wanted, by=BY)
        say(f"{made.name} is a {made.role} of {', '.join(made.projects) or 'every project'}.")
    elif action == "list":
        _list(accounts, as_json)
    elif action == "keys":
        _rotate(at_once=at_once)
    elif action == "matrix":
        from golive_cli.access_docs import matrix

        typer.echo(matrix())
    else:
        _change(accounts, action, name, role, wanted)


def _change(accounts: Accounts, action: str, name: str, role: str, projects: list[str]) -> None:
    if action == "role":
        if not role:
            raise UsageError("which role?", hint="--role developer")
        user = accounts.change(name, role=role, by=BY)
        say(f"{user.name} is a {user.role} now, on every page that is open too.")
    elif action == "projects":
        user = accounts.change(name, projects=projects, by=BY)
        say(f"{user.name} sees {', '.join(user.projects) or 'every project'}.")
    elif action == "password":
        accounts.change(name, password=_password(), by=BY)
        say(f"The password of {name} is changed; their sessions have ended.")
    elif action in ("disable", "enable"):
        accounts.change(name, disabled=action == "disable", by=BY)
        say(f"{name} is {action}d.")
    else:
        raise UsageError(f"{action!r} is nothing to do with a user", hint=ACTIONS)


def _rotate(*, at_once: bool) -> None:
    from golive_core import settings
    from golive_core.sessions import Sessions

    kid = Sessions(settings.home()).rotate_keys(at_once=at_once)
    before = "no other counts any more" if at_once else "the one before holds for what it signed"
    say(f"Sessions are signed with key {kid}; {before}.")


def _checked(projects: list[str]) -> list[str]:
    from golive_core import settings
    from golive_core.toml import near

    known = settings.load().projects
    for one in projects:
        if known and one not in known:
            raise UsageError(f"no project is called {one!r}", hint=near(one, known))
    return projects


def _password() -> str:
    """Return a new password: asked for twice at a terminal, else the first line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _list(accounts: Accounts, as_json: bool) -> None:
    found = accounts.all()
    if as_json:
        emit([_document(one) for one in found])
    elif found:
        show(COLUMNS, [
            [one.name, one.role, ", ".join(one.projects) or "all", _state(one),
             f"{_at(one.signed_in_at):%Y-%m-%d %H:%M}" if one.signed_in_at else "never"]
            for one in found
        ])  # fmt: skip
    else:
        say("There is no user yet: golive user add NAME --role admin")


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.name, "role": user.role, "projects": list(user.projects),
        "state": _state(user), "made_at": _at(user.made_at),
        "signed_in_at": _at(user.signed_in_at) if user.signed_in_at else None,
    }  # fmt: skip


def _state(user: User) -> str:
    return "disabled" if user.disabled_at else "active"


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
