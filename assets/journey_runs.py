"""From documents to a run of golive_runner, and its report into the lake as any other report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.settings import Instance

if TYPE_CHECKING:
    from assets.workspace import Workspace
    from golive_runner.attempt import Attempt
    from golive_runner.isolated import Finished
    from golive_runner.job import Job

Heard = Callable[["Attempt"], None]
"""Hears of each attempt as it ends."""
ENGINE = "journeys"
"""What the pipeline of these runs is called."""
SUFFIXES = (".yaml", ".yml")
MEMORY_BYTES = 4 << 30


def documents(paths: Sequence[str | Path]) -> tuple[Path, ...]:
    """Return the documents at the paths: files as named, of folders every YAML that is one.

    Raises UsageError where a path is not there or holds none.
    """
    return tuple(dict.fromkeys(file.resolve() for path in paths for file in _files(Path(path))))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise UsageError("there is no such file or folder", where=str(path))
    found = [one for one in sorted(path.rglob("*")) if one.suffix in SUFFIXES and _is_one(one)]
    if not found:
        hint = "A journey begins with `journey: NAME`; golive record URL writes one"
        raise UsageError("no journey is there", where=str(path), hint=hint)
    yield from found


def _is_one(path: Path) -> bool:
    """Tell a document by a line that begins with its word: one with a slip in it is told of."""
    from golive_runner.worker import ENGINES

    try:
        with path.open(errors="replace") as lines:
            return any(line.startswith(tuple(f"{word}:" for word in ENGINES)) for line in lines)
    except OSError:
        return False


def run(
    job: Job, *, project: str = "", memory_bytes: int = MEMORY_BYTES, on: Heard = lambda _: None
) -> Finished:
    """Run a job under limits, looks against what the project approved (all, if none is named).

    Raises UsageError where its process cannot be started.
    """
    from assets import baselines
    from golive_runner import isolated
    from golive_runner.watch import Limits

    lake = Lake(Path(job.home) / "lake")
    decided = replace(
        job, baselines=baselines.approved(lake, project), rejected=baselines.rejected(lake, project)
    )
    limits = Limits(memory_bytes=memory_bytes)
    return isolated.run(decided, limits=limits, on=on)


def saved(path: Path, finished: Finished) -> None:
    """Write the report of a run to a file; raises UsageError where that cannot be."""
    from golive_runner.attempt import write

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, ENGINE, finished.attempts)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(path)) from error


def take(
    workspace: Workspace, finished: Finished, *, name: str, project_id: str,
    given: Mapping[str, str],
) -> None:  # fmt: skip
    """Load the report of a run for a project; `name` and `given` are those of the instance.

    Raises what loading raises.
    """
    from assets import load
    from assets.core import write_projects
    from ingest import registry

    path = workspace.settings.home / "runs" / f"{ENGINE}-{time.time_ns()}.json"
    saved(path, finished)
    options = {"pipeline": ENGINE, **given, "paths": [str(path)]}
    instance = Instance(name, "reports", project_id, options)
    settings = replace(workspace.settings, instances={name: instance})
    lent = replace(workspace, settings=settings, types=registry.sources())
    write_projects(lent)
    done = load.ingest(lent.lake, lent.source(name), instance, context=lent.context, full=True)
    if done.error:
        raise done.error
    path.unlink()
