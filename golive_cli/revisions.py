"""From a revision, branch or change request as people write it to builds that can be told."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from golive_core.errors import UsageError

if TYPE_CHECKING:
    from assets.predictions.build_failure import Now
    from golive_core.lake import Lake

MOST = 200
"""Branches that are looked through for a name like the one asked for."""
SHORTEST = 4
"""Characters of a sha, as git has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; one of revision, branch and change is set. `folder` may be a clone."""

    projects: list[str]
    revision: str
    branch: str
    change: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Head:
    """One commit that may be built: on which branch, and what it is compared with ("" unknown)."""

    project: str
    kind: str
    name: str
    branch: str
    sha: str
    since: str = ""


def asked(now: Now, wanted: Wanted) -> pl.DataFrame:
    """Return the supposed builds of what was asked for, one a pipeline that would build it.

    Raises UsageError where it is unknown, ambiguous, or no pipeline builds such branches.
    """
    return now.with_changes(_supposed(now, _head(now.lake, wanted)))


def _head(lake: Lake, wanted: Wanted) -> Head:
    if wanted.change:
        return _of_change(lake, wanted)
    if wanted.branch:
        return _of_branch(lake, wanted)
    return _of_revision(lake, wanted)


def _of_change(lake: Lake, wanted: Wanted) -> Head:
    number = wanted.change.lstrip("#!")
    if not number.isdigit():
        raise UsageError(f"{wanted.change!r} is no number of a change request", hint="--change 12")
    found = _rows(
        lake,
        "core.change_requests",
        """select project_id, change_request_id, source_branch, head_sha, status
        from core.change_requests
        where project_id in (select unnest(?)) and number = ? order by updated_at desc""",
        [wanted.projects, int(number)],
    )
    one = _only(found, f"change request {number}", "change_request_id")
    if not one["head_sha"]:
        raise UsageError(f"the head of change request {number} is unknown", hint="golive ingest")
    names = (one["change_request_id"], one["source_branch"] or "")
    return Head(one["project_id"], "change_request", *names, one["head_sha"])


def _of_branch(lake: Lake, wanted: Wanted) -> Head:
    heads = _branches(lake, wanted)
    found = [one for one in heads if one["branch"] == wanted.branch]
    if not found:
        from golive_core.toml import near

        known = [one["branch"] for one in heads[:MOST]]
        raise UsageError(f"no branch is called {wanted.branch!r}", hint=near(wanted.branch, known))
    one = _only(found, f"branch {wanted.branch}", "project_id")
    return Head(one["project_id"], "branch", one["branch"], one["branch"], one["sha"])


def _branches(lake: Lake, wanted: Wanted) -> list[dict[str, Any]]:
    """Return branch heads by name; those of builds where no repository is read."""
    heads = _rows(
        lake,
        "core.branches",
        """select home.project_id, head.branch, head.head_sha as sha from core.branches as head
        inner join core.repositories as home on head.repository_id = home.repository_id
        where home.project_id in (select unnest(?)) and not coalesce(head.is_deleted, false)
        order by head.kind, head.updated_at desc""",
        [wanted.projects],
    )
    built = _rows(
        lake,
        "core.builds",
        """select project_id, branch, arg_max(commit_sha, queued_at) as sha from core.builds
        where project_id in (select unnest(?)) and branch <> '' and commit_sha is not null
        group by project_id, branch order by max(queued_at) desc""",
        [wanted.projects],
    )
    seen = {(one["project_id"], one["branch"]) for one in heads}
    return heads + [one for one in built if (one["project_id"], one["branch"]) not in seen]


def _of_revision(lake: Lake, wanted: Wanted) -> Head:
    since, dots, new = wanted.revision.partition("...") if "..." in wanted.revision else (
        wanted.revision.partition("..")
    )  # fmt: skip
    if not dots:
        return _commit(lake, wanted, wanted.revision)
    head = _commit(lake, wanted, new or "HEAD")
    old = _commit(lake, wanted, since or "HEAD")
    return Head(head.project, head.kind, wanted.revision, head.branch, head.sha, old.sha)


def _commit(lake: Lake, wanted: Wanted, revision: str) -> Head:
    """Return a commit that the lake knows: by branch, by sha, or as git in this folder names it."""
    named = [one for one in _branches(lake, wanted) if one["branch"] == revision]
    if named:
        one = _only(named, f"branch {revision}", "project_id")
        return Head(one["project_id"], "commit", revision, one["branch"], one["sha"])
    sha = _parsed(wanted.folder, revision) or revision
    found = _rows(
        lake,
        "core.commits",
        """select distinct project_id, sha from core.commits
        where project_id in (select unnest(?)) and starts_with(sha, ?)
        union select distinct project_id, commit_sha from core.builds
        where project_id in (select unnest(?)) and starts_with(commit_sha, ?)""",
        [wanted.projects, sha.lower(), wanted.projects, sha.lower()],
    )
    if not found or len(sha) < SHORTEST:
        raise UsageError(
            f"no commit {revision} in the lake", where=str(wanted.folder),
            hint="Run golive ingest git . (or golive ingest) to read newer commits",
        )  # fmt: skip
    one = _only(found, f"commit {revision}", "sha")
    branch = next((b["branch"] for b in _branches(lake, wanted) if b["sha"] == one["sha"]), "")
    built = branch or _built_on(lake, one["project_id"], one["sha"])
    return Head(one["project_id"], "commit", revision, built, one["sha"])


def _built_on(lake: Lake, project: str, sha: str) -> str:
    """Return the branch on which a commit was built last; "" if it never was."""
    found = lake.query(
        """select coalesce(branch, '') as branch from core.builds
        where project_id = ? and commit_sha = ? order by queued_at desc limit 1""",
        [project, sha],
    )
    return str(found.item()) if found.height else ""


def _parsed(folder: Path, revision: str) -> str:
    """Return the sha that git in this folder gives a revision, "" if it gives none."""
    if revision.startswith("-"):
        raise UsageError(f"{revision} is no revision", hint="For example HEAD or main..feature")
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no option
            ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout.strip()


def _supposed(now: Now, head: Head) -> pl.DataFrame:
    """Return a supposed build for each pipeline that builds such branches."""
    known = now.starters().filter(pl.col("project_id") == head.project)
    defaults = _rows(
        now.lake, "core.repositories",
        "select default_branch from core.repositories where project_id = ?", [head.project],
    )  # fmt: skip
    mains = {one["default_branch"] for one in defaults} - {None} or {
        "main", "master", "trunk", "develop",
    }  # fmt: skip
    is_main = head.kind != "change_request" and (not head.branch or head.branch in mains)
    usual = known.filter(pl.col("is_main") == is_main)
    if not usual.height:
        raise UsageError(
            f"no pipeline of {head.project} built anything in 90 days", where="core.builds",
            hint="golive ingest brings its builds",
        )  # fmt: skip
    return usual.select(
        "pipeline_id", project_id=pl.lit(head.project), branch=pl.lit(head.branch),
        is_main=pl.lit(is_main), commit_sha=pl.lit(head.sha), attempt=pl.lit(1, pl.Int64),
        trigger="usual_trigger", as_of=pl.lit(now.at), since=pl.lit(head.since or None, pl.String),
        subject_kind=pl.lit(head.kind), subject_id=pl.lit(head.name),
    )  # fmt: skip


def _rows(lake: Lake, table: str, sql: str, params: list[Any]) -> list[dict[str, Any]]:
    return lake.query(sql, params).to_dicts() if lake.exists(table) else []


def _only(found: list[dict[str, Any]], what: str, by: str) -> dict[str, Any]:
    """Return the one row; raises UsageError for none, or for rows that differ in `by`."""
    if not found:
        raise UsageError(f"no {what} is known", hint="golive ingest reads newer ones")
    if len({one[by] for one in found}) > 1:
        names = ", ".join(sorted({str(one["project_id"]) for one in found}))
        raise UsageError(
            f"{what} is not one: {len(found)} match", hint=f"--project, one of {names}"
        )
    return found[0]
