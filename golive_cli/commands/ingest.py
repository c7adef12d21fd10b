"""`golive ingest`: pulls configured sources, or loads files and folders that are named.

Both ways go through `assets/load.py`, as the assets of Dagster do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from assets.load import IngestResult
    from assets.steps import Step
    from assets.workspace import Workspace
    from golive_cli.progress import Board
    from golive_core.window import Window

COLUMNS = ["source", "table", "new", "changed", "unchanged"]
WHY = "golive sql \"select uri, line, reason from ops.quarantine where instance = '{}'\""


def command(  # noqa: PLR0913, PLR0917 - every option of the command line is a parameter
    target: Annotated[
        str, typer.Argument(metavar="[SOURCE|TYPE]", help="A configured source, or a type.")
    ] = "",
    paths: Annotated[
        list[str] | None, typer.Argument(help="Behind a type: files, folders, globs, a clone URL.")
    ] = None,
    since: Annotated[str, typer.Option(help="Ask again from then on, ISO 8601.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Ask for everything again.")] = False,
    project: Annotated[str, typer.Option(help="Project of named files.")] = "",
    build: Annotated[str, typer.Option(help="Build of named reports.")] = "",
    commit: Annotated[str, typer.Option(help="Commit that they tested.")] = "",
    branch: Annotated[str, typer.Option(help="Branch that they tested.")] = "",
    environment: Annotated[str, typer.Option(help="Where they ran, if in several places.")] = "",
    as_json: Json = False,
) -> None:
    """Read what is new: golive ingest · golive ingest ci --full · golive ingest junit out/."""
    from golive_cli.once import once

    given = {"build": build, "commit": commit, "branch": branch, "environment": environment}
    options = {key: value for key, value in given.items() if value}
    if paths:
        workspace = once(target, paths, project, options)
        full = True
    else:
        _only_with_files({**options, **({"project": project} if project else {})})
        workspace = _configured(target)
    results = list(_ingest(workspace, full=full, window=_window(since)))
    _tell(results, as_json)
    if any(one.error or one.conform.rejected for one in results):
        raise typer.Exit(1)


def _only_with_files(options: dict[str, str]) -> None:
    if options:
        hint = "For example: golive ingest junit reports/ --build 12"
        raise UsageError(f"--{next(iter(options))} goes with files", hint=hint)


def _configured(target: str) -> Workspace:
    """Return the workspace with the one instance `target`, or with all of them."""
    import dataclasses

    from assets.workspace import Workspace
    from golive_cli.folder import with_sources
    from golive_core.settings import load
    from ingest import registry

    if registry.named(target) and target not in load().instances:
        hint = f"golive ingest {target} PATH"
        raise UsageError(f"{target} is a type: say what to read", hint=hint)
    settings = with_sources()
    if target:
        one = settings.instance(target)
        settings = dataclasses.replace(settings, instances={target: one})
    for instance in settings.instances.values():
        registry.source(instance.type)
    return Workspace.load(settings)


def _window(since: str) -> Window | None:
    from datetime import UTC, datetime, timedelta

    from golive_cli.commands.sql import instant
    from golive_core.window import Window

    start = instant(since)
    # A little into the future: clocks of servers are not ours.
    return Window(start, datetime.now(UTC) + timedelta(days=1)) if start else None


def _ingest(workspace: Workspace, *, full: bool, window: Window | None) -> Iterator[IngestResult]:
    from assets import load
    from assets.core import write_projects
    from golive_cli.progress import Board, counted

    with Board() as board:
        write_projects(workspace)
        for name, instance in workspace.instances.items():
            done = load.ingest(
                workspace.lake, workspace.source(name), instance, context=workspace.context,
                full=full, window=window, processes=workspace.settings.cores,
                progress=lambda step: _show(board, step),
            )  # fmt: skip
            if done.error:
                board.fail(name, str(done.error))
            else:
                counts = {"payloads": done.pull.payloads, "rows": done.conform.rows_new}
                board.end(name, counted(counts) or "nothing new")
            yield done
        _mine(workspace, board)


def _mine(workspace: Workspace, board: Board) -> None:
    """Give new log lines their templates."""
    from assets.log_templates import TEMPLATES, mine_lines
    from golive_cli.progress import counted

    done = mine_lines(workspace.lake, progress=lambda step: _show(board, step))
    if done.lines:
        board.end(TEMPLATES, counted({"lines": done.lines, "new templates": done.new}))


def _show(board: Any, step: Step) -> None:  # noqa: ANN401
    from golive_cli.progress import counted

    board.update(step.instance, counted({"payloads": step.payloads, "rows": step.rows}))


def _tell(results: Iterable[IngestResult], as_json: bool) -> None:
    results = list(results)
    if as_json:
        emit([_document(one) for one in results])
        return
    rows = [[one.instance.name, *row] for one in results for row in _rows(one)]
    if rows:
        show(COLUMNS, rows)
    for one in results:
        if one.conform.rejected or one.conform.quarantined:
            say(
                f"{one.instance.name}: {one.conform.rejected} payloads rejected and "
                f"{one.conform.quarantined} rows kept out. Why: {WHY.format(one.instance.name)}"
            )
    if any(one.conform.rows_new for one in results):
        say("golive run brings marts and predictions up to date with it.")


def _rows(done: IngestResult) -> Iterator[tuple[str, int, int, int]]:
    for table, written in sorted(done.conform.tables.items()):
        yield table, written.new, written.changed, written.unchanged


def _document(done: IngestResult) -> dict[str, object]:
    return {
        "instance": done.instance.name,
        "source": done.instance.type,
        "project": done.instance.project_id,
        "payloads": {"new": sum(done.pull.new.values()), "known": sum(done.pull.known.values())},
        "tables": {
            table: {"new": new, "changed": changed, "unchanged": unchanged}
            for table, new, changed, unchanged in _rows(done)
        },
        "rejected": done.conform.rejected,
        "quarantined": done.conform.quarantined,
        "error": str(done.error) if done.error else None,
        "hint": done.error.hint if done.error else None,
    }
