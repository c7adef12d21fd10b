"""Whose the runs of a person are, and what they test: what `golive test run` adds to a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assets.workspace import Workspace
    from golive_runner.isolated import Finished


def root_of(files: Sequence[Path]) -> Path:
    """Return the folder that suites are named from: the one we stand in, if they are below it."""
    here = Path.cwd().resolve()
    return here if all(one.is_relative_to(here) for one in files) else files[0].parent


def place(files: Sequence[Path], project: str) -> Workspace:
    """Return where the report of a run goes: a workspace with one instance, of its project.

    Asked before the run, so that none is lost. Raises UsageError where it is not clear whose it is.
    """
    from golive_cli.once import once

    return once("reports", [str(files[0].parent)], project, {})


def owner(workspace: Workspace) -> str:
    """Return the project of the one instance of a workspace."""
    (instance,) = workspace.settings.instances.values()
    return instance.project_id


def into_lake(
    workspace: Workspace, finished: Finished, folder: Path, *, commit: str = "", branch: str = ""
) -> None:
    """Load the report of a run of documents of a folder."""
    from assets import journey_runs

    (instance,) = workspace.settings.instances.values()
    journey_runs.take(
        workspace, finished, name=instance.name, project_id=instance.project_id,
        given=tested(folder, commit, branch),
    )  # fmt: skip


def tested(folder: Path, commit: str, branch: str) -> dict[str, str]:
    """Return commit and branch: as given, else as the CI system or the repository says."""
    from golive_core import ci, settings
    from golive_core.errors import GoLiveError
    from ingest.git_command import Git

    told = {key: value for key, value in ci.build(settings.variable).items() if key != "build"}
    git = Git(str(folder), ("-C", str(folder)))
    asked = {"commit": ("rev-parse", "HEAD"), "branch": ("rev-parse", "--abbrev-ref", "HEAD")}
    for key, words in asked.items():
        if not told.get(key):
            try:
                told[key] = git.run(*words).decode().strip()
            except GoLiveError:
                continue
    told |= {key: value for key, value in (("commit", commit), ("branch", branch)) if value}
    return {key: value for key, value in told.items() if value and value != "HEAD"}
