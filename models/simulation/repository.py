"""Project, repository, branches, commits with files and pipelines of a simulated history."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.simulation import names
from models.simulation.history import MAIN, PIPELINES, Commit, History
from models.simulation.rows import SOURCE, Frames, frame, with_day
from models.simulation.shape import Shape
from models.simulation.truth import Regression

SITE = "https://ci.example.org"


def repository(past: History, shape: Shape) -> Frames:
    """Return project, repository, branches, commits with their files, and pipelines."""
    repository_id = f"{shape.project_id}-git"
    project = {
        "project_id": shape.project_id,
        "name": shape.project_name,
        "description": "An invented shop whose builds are simulated: no real code, no real people",
        "owner": "nobody",
        "git_repository": "https://git.example.org/shop.git",
        "is_simulated": True,
    }
    home = {
        "repository_id": repository_id,
        "project_id": shape.project_id,
        "source": SOURCE,
        "url": project["git_repository"],
        "default_branch": MAIN,
        "is_shallow": False,
    }
    pipelines = [
        {
            "pipeline_id": f"{shape.project_id}:{name}",
            "project_id": shape.project_id,
            "source": SOURCE,
            "name": name,
            "url": f"{SITE}/{name}",
            "is_deleted": False,
        }
        for name in PIPELINES
    ]
    commits = [_commit_row(commit, repository_id, shape) for commit in past.commits]
    files = [row for commit in past.commits for row in _file_rows(commit, repository_id)]
    return {
        "core.projects": frame("core.projects", [project]),
        "core.repositories": frame("core.repositories", [home]),
        "core.branches": frame("core.branches", _branch_rows(past, repository_id)),
        "core.pipelines": frame("core.pipelines", pipelines),
        "core.commits": with_day("core.commits", commits, "committed_at"),
        "core.commit_files": with_day("core.commit_files", files, "at"),
    }


def _branch_rows(past: History, repository_id: str) -> list[dict[str, Any]]:
    newest = {commit.sha: commit.at for commit in past.commits}
    return [
        {
            "repository_id": repository_id, "branch": name, "kind": "branch", "head_sha": head,
            "is_default": name == MAIN, "is_deleted": name in past.merged,
            "updated_at": newest[head],
        }
        for name, head in past.heads.items()
    ]  # fmt: skip


def _commit_row(commit: Commit, repository_id: str, shape: Shape) -> dict[str, Any]:
    name = names.PEOPLE[commit.author]
    is_merge = commit.is_merge
    files = [] if is_merge else list(_file_rows(commit, repository_id))
    return {
        "repository_id": repository_id,
        "sha": commit.sha,
        "project_id": shape.project_id,
        "author_name": name,
        "author_email": names.email(name),
        "authored_at": commit.at,
        "committer_name": name,
        "committer_email": names.email(name),
        "committed_at": commit.at,
        "subject": commit.subject,
        "message": commit.subject + "\n",
        "parents": commit.parents,
        "is_merge": is_merge,
        "files_changed": len(files),
        "insertions": sum(row["insertions"] for row in files),
        "deletions": sum(row["deletions"] for row in files),
    }


def _file_rows(commit: Commit, repository_id: str) -> list[dict[str, Any]]:
    """Return the files of a commit; their line counts follow from sha and place."""
    return [
        {
            "repository_id": repository_id, "sha": commit.sha, "path": path, "at": commit.at,
            "change_type": "modified", "is_binary": False,
            "insertions": 1 + int(commit.sha[place : place + 2], 16) // 4,
            "deletions": int(commit.sha[place + 2 : place + 4], 16) // 6,
        }
        for place, path in enumerate(commit.files)
    ]  # fmt: skip


def touch_files(
    past: History, suite: names.Suite, broken: list[Regression], rng: np.random.Generator
) -> None:
    """Give every commit but merges its files; those that break or mend tests touch their module."""
    by_area: dict[int, list[str]] = {}
    for index, module in enumerate(suite.modules):
        by_area.setdefault(index % len(names.AREAS), []).append(module)
    for commit in past.commits:
        own = by_area.get(commit.area, suite.modules)
        size = min(len(own), 1 + int(rng.geometric(0.5)))
        picked = [own[place] for place in sorted(rng.choice(len(own), size, replace=False))]
        commit.files = [] if commit.is_merge else picked
    for item in broken:
        home = suite.modules[int(suite.group[item.tests[0]])]
        _touch(past.commits[item.introduced], home)
        if item.fixed is not None:
            mend = past.commits[item.fixed]
            _touch(mend, home)
            if not mend.is_merge:
                mend.subject = f"Fix {home.rpartition('/')[2].removesuffix('.py')}"


def _touch(commit: Commit, path: str) -> None:
    if not commit.is_merge and path not in commit.files:
        commit.files = sorted([*commit.files, path])
