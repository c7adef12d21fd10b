"""`golive action`: what GoLive can do outside, done once, recorded, and only when told to.

Without `--perform` nothing is changed: the request that would be sent is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, results, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_actions.action import Outcome
    from golive_core.lake import Lake
    from golive_core.settings import Settings


def command(
    name: Annotated[
        str, typer.Argument(metavar="[TARGET.VERB|TARGET|send]", help="What to do.")
    ] = "",
    instance: Annotated[str, typer.Argument(help="The source or target it is done to.")] = "",
    parameters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="KEY=@FILE reads the value from a file."),
    ] = None,
    perform: Annotated[
        bool, typer.Option("--perform/--dry-run", help="Do it, or show the request (default).")
    ] = False,
    key: Annotated[str, typer.Option(help="Idempotency key; the same is performed once.")] = "",
    as_json: Json = False,
) -> None:
    """Act on the world: golive action github.create_pull_request gh repository=team/shop ..."""
    from golive_core.lake import Lake
    from golive_core.settings import load

    settings = load()
    lake = Lake(settings.home / "lake")
    if name == "send":
        _send(settings, lake, perform, as_json)
    elif "." not in name:
        _list(name, as_json)
    else:
        wanted = {"name": name, "instance": instance, "given": parameters or [], "key": key}
        _tell(_perform(settings, lake, wanted, perform), as_json)


def _list(name: str, as_json: bool) -> None:
    """Show every target, or one, with its verbs and their parameters."""
    from golive_actions import find

    names = [find.target(name).type] if name else list(find.targets())
    rows = [
        {"target": one, "verb": word, "kind": verb.kind,
         "parameters": [str(each) for each in verb.parameters], "doc": verb.doc.partition("\n")[0]}
        for one in names for word, verb in find.verbs(one).items()
    ]  # fmt: skip
    if as_json:
        emit(rows)
        return
    show(
        ["action", "kind", "parameters", ""],
        [(f"{row['target']}.{row['verb']}", row["kind"], " ".join(row["parameters"]), row["doc"])
         for row in rows],
    )  # fmt: skip
    if name:
        results().print(find.target(name).example.strip(), markup=False)


def _perform(settings: Settings, lake: Lake, wanted: dict[str, Any], perform: bool) -> Outcome:
    from golive_actions import action, find
    from golive_cli.folder import prepared
    from golive_cli.person import user

    find.verb(wanted["name"])
    if not wanted["instance"] or "=" in wanted["instance"]:
        hint = f"For example: golive action {wanted['name']} INSTANCE key=value"
        raise UsageError("names no instance", where=wanted["name"], hint=hint)
    asked = action.Action(
        wanted["name"], settings.target(wanted["instance"]), _given(wanted["given"]), wanted["key"]
    )
    prepared(settings.home)
    return action.perform(asked, dry_run=not perform, actor=user(), lake=lake, base=settings.base)


def _given(parameters: list[str]) -> dict[str, object]:
    """Return the parameters by name; @FILE stands for what the file says, @- for stdin."""
    found: dict[str, object] = {}
    for one in parameters:
        name, sign, value = one.partition("=")
        if not sign:
            raise UsageError(f"{one!r} is no parameter", hint="Write it as key=value")
        found[name] = _read(value[1:]) if value.startswith("@") else value
    return found


def _read(file: str) -> str:
    import sys
    from pathlib import Path

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read ({type(error).__name__})", where=file) from error


def _tell(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        emit({
            "action": outcome.action, "instance": outcome.instance, "key": outcome.key,
            "state": outcome.state, "is_repeated": outcome.is_repeated, "at": outcome.at,
            "result": outcome.result,
        })  # fmt: skip
        return
    import json

    is_text = isinstance(outcome.result, str)
    typer.echo(outcome.result if is_text else json.dumps(outcome.result, indent=2))
    if outcome.is_repeated:
        say(f"Done before, at {outcome.at:%Y-%m-%d %H:%M} UTC; nothing was sent. "
            "To do it again, give another --key.")  # fmt: skip
    elif outcome.state == "dry_run":
        say("Nothing was changed. Add --perform to do it.")


def _send(settings: Settings, lake: Lake, perform: bool, as_json: bool) -> None:
    """Send what waits in the outbox, or list what is due."""
    import dataclasses

    from golive_actions import deliver

    if perform:
        done = deliver.deliver(lake, {**settings.instances, **settings.targets}, base=settings.base)
        if as_json:
            emit(dataclasses.asdict(done))
        else:
            say(f"{done.sent} sent, {done.postponed} put off, {done.given_up} given up.")
        return
    due = deliver.waiting(lake)
    columns = ["due_at", "channel", "recipient", "severity", "title"]
    if as_json:
        emit([{name: one[name] for name in columns} for one in due])
    else:
        show(columns, [[one[name] for name in columns] for one in due])
        say("Nothing was sent. Add --perform to do it.")
