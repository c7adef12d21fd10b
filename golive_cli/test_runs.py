"""From the documents that a person names to a run of golive_runner, and from it into the lake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_runner.attempt import Attempt
    from golive_runner.isolated import Finished

ENGINE = "journeys"
"""What the pipeline of these runs is called."""
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Documents, and how they are run; memory in bytes."""

    files: tuple[Path, ...]
    project: str = ""
    browser: str = "chromium"
    headed: bool = False
    evidence: str = "all"
    retries: int | None = None
    memory_bytes: int = 4 << 30


def documents(paths: Sequence[str]) -> tuple[Path, ...]:
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
        hint = "A journey begins with `journey: NAME`; golive test record URL writes one"
        raise UsageError("no journey is there", where=str(path), hint=hint)
    yield from found


def _is_one(path: Path) -> bool:
    from golive_runner import yaml_lines
    from golive_runner.worker import ENGINES

    try:
        return any(word in yaml_lines.read(path).said for word in ENGINES)
    except UsageError:
        return False


def run(wanted: Wanted, *, on: Callable[[Attempt], None] = lambda _: None) -> Finished:
    """Run the documents under limits; raises UsageError where the process cannot be started."""
    from assets import baselines
    from golive_cli.folder import prepared
    from golive_core.lake import Lake
    from golive_core.settings import home
    from golive_runner import isolated
    from golive_runner.job import Job
    from golive_runner.watch import Limits

    prepared(home())
    approved = baselines.approved(Lake(home() / "lake"), wanted.project)
    job = Job(
        tuple(map(str, wanted.files)), str(home().resolve()), str(_root(wanted.files)),
        wanted.browser, wanted.headed, wanted.evidence, wanted.retries, approved,
    )  # fmt: skip
    return isolated.run(job, limits=Limits(memory_bytes=wanted.memory_bytes), on=on)


def _root(files: Sequence[Path]) -> Path:
    """Return the folder that suites are named from: the one we stand in, if they are below it."""
    here = Path.cwd().resolve()
    return here if all(one.is_relative_to(here) for one in files) else files[0].parent


def saved(path: Path, finished: Finished) -> None:
    """Write the report of a run to a file."""
    from golive_runner.attempt import write

    try:
        write(path, ENGINE, finished.attempts)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(path)) from error


def into_lake(wanted: Wanted, finished: Finished, *, commit: str = "", branch: str = "") -> None:
    """Load the report of a run on the way of every other report.

    Raises UsageError where it is not clear whose it is.
    """
    from assets import load
    from assets.core import write_projects
    from golive_cli.once import once
    from golive_core.settings import home

    folder = home() / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ENGINE}-{time.time_ns()}.json"
    saved(path, finished)
    given = {"pipeline": ENGINE, **_tested(wanted.files[0].parent, commit, branch)}
    workspace = once("reports", [str(path)], wanted.project, given)
    write_projects(workspace)
    for name, instance in workspace.instances.items():
        done = load.ingest(
            workspace.lake, workspace.source(name), instance, context=workspace.context, full=True
        )
        if done.error:
            raise done.error
    path.unlink()


def _tested(folder: Path, commit: str, branch: str) -> dict[str, str]:
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
