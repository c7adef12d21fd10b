"""`golive replay`: core made again from the payloads as they were received; nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say, show

if TYPE_CHECKING:
    from datetime import datetime

    from assets.conforming import ConformResult


def command(
    instance: Annotated[str, typer.Argument(help="One source; all of them by default.")] = "",
    since: Annotated[
        str, typer.Option("--from", help="Payloads received since then, ISO 8601; all by default.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Parse what raw holds once more, after a parser was mended or rows were lost."""
    from golive_cli.commands.sql import instant

    done = list(_replay(instance, instant(since)))
    rows = [
        (one.instance, table, written.new, written.changed, written.unchanged)
        for one in done for table, written in sorted(one.tables.items())
    ]  # fmt: skip
    if as_json:
        names = ("instance", "table", "new", "changed", "unchanged")
        emit([dict(zip(names, row, strict=True)) for row in rows])
        return
    show(["source", "table", "new", "changed", "unchanged"], rows)
    say(f"{sum(one.payloads for one in done):,} payloads. golive run brings the marts up to date.")


def _replay(named: str, since: datetime | None) -> Iterator[ConformResult]:
    from assets import load
    from assets.workspace import Workspace
    from golive_cli.folder import with_sources
    from golive_cli.progress import Board, counted

    workspace = Workspace.load(with_sources())
    names = [workspace.settings.instance(named).name] if named else list(workspace.instances)
    with Board() as board:
        for name in names:
            board.update(name)
            done = load.replay(
                workspace.lake, workspace.source(name), workspace.instances[name],
                since=since, context=workspace.context, processes=workspace.settings.cores,
            )  # fmt: skip
            board.end(name, counted({"payloads": done.payloads}) or "nothing received")
            yield done
