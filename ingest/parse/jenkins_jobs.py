"""Jenkins' tree of jobs: what to ask for, and the jobs in the answer. No I/O, no cursor.

Folders, multibranch projects and organisation folders are walked through; what is left are the
jobs that have builds: freestyle, pipeline, matrix, Maven. The configurations of a matrix are not
jobs of their own here: they are the stages of its builds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import polars as pl

Json = dict[str, Any]
FIELDS = "name,lastBuild[number,timestamp],lastCompletedBuild[number],firstBuild[number]"
MULTIBRANCH = "WorkflowMultiBranchProject"
CHANGE = re.compile(r"(PR|MR)-\d+(-\w+)?")
"""How multibranch projects name the job of a pull or merge request."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job with builds. `name` is the full name; `last` 0 means that it has none yet.

    `at` is the time of the last build, ms since 1970; `completed` and `first` are build numbers.
    """

    name: str
    last: int = 0
    at: int = 0
    completed: int = 0
    first: int = 0
    is_branch: bool = False

    @property
    def path(self) -> str:
        """The path of its page below the server's root."""
        return job_path(self.name)

    @property
    def branch(self) -> str | None:
        """The branch that a job of a multibranch project builds."""
        return unquote(self.name.rpartition("/")[2]) if self.is_branch else None

    @property
    def is_change(self) -> bool:
        """Tell whether it builds a pull or merge request."""
        return self.is_branch and CHANGE.fullmatch(self.branch or "") is not None


def job_path(name: str) -> str:
    """Return `job/a/job/b` for the full name `a/b`."""
    return "/".join(f"job/{quote(part, safe='')}" for part in name.split("/") if part)


def tree(depth: int) -> str:
    """Return the `tree` parameter that asks for `depth` levels of folders in one request."""
    inner = "jobs[name]"
    for _ in range(depth):
        inner = f"jobs[{FIELDS},{inner}]"
    return inner


def jobs(value: Json, folder: str = "") -> Iterator[Job]:
    """Yield the jobs in the answer to `tree`, which was asked of `folder`."""
    is_branch = MULTIBRANCH in value.get("_class", "")
    for child in value.get("jobs") or ():
        name = f"{folder}/{child['name']}" if folder else child["name"]
        if "jobs" in child:
            yield from jobs(child, name)
        elif "lastBuild" in child:
            yield _job(name, child, is_branch=is_branch)


def deeper(value: Json, folder: str = "") -> Iterator[str]:
    """Yield the folders whose jobs lie deeper than was asked for."""
    for child in value.get("jobs") or ():
        name = f"{folder}/{child['name']}" if folder else child["name"]
        inner = child.get("jobs") or ()
        if inner and all("lastBuild" not in one and "jobs" not in one for one in inner):
            yield name
        else:
            yield from deeper(child, name)


def _job(name: str, child: Json, *, is_branch: bool) -> Job:
    last: Json = child.get("lastBuild") or {}
    completed: Json = child.get("lastCompletedBuild") or {}
    first: Json = child.get("firstBuild") or {}
    return Job(
        name=name,
        last=last.get("number") or 0,
        at=last.get("timestamp") or 0,
        completed=completed.get("number") or 0,
        first=first.get("number") or 0,
        is_branch=is_branch,
    )


def pipelines(
    found: Sequence[str], deleted: Sequence[str], *, instance: str, project_id: str, base: str
) -> pl.DataFrame:
    """Return rows of core.pipelines for the full names found and deleted; `base` is the URL."""
    names = [*found, *deleted]
    return pl.DataFrame(
        {
            "pipeline_id": [f"{instance}:{name}" for name in names],
            "project_id": [project_id] * len(names),
            "source": ["jenkins"] * len(names),
            "name": [unquote(name) for name in names],
            "url": [f"{base}/{job_path(name)}/" for name in names],
            "is_deleted": [False] * len(found) + [True] * len(deleted),
        }
    )
