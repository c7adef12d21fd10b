"""What of the lake belongs to a version: rows for `release_notes.py`."""

from __future__ import annotations

import polars as pl

from golive_actions.release_notes import (
    Commit,
    Deployment,
    Edge,
    Form,
    Issue,
    between,
    names,
    naming,
    render,
)
from golive_core.errors import UsageError
from golive_core.lake import Lake

ISSUES = """
select key, coalesce(title, '') as title, coalesce(kind, 'other') as kind, coalesce(url, '') as url
from core.issues
where project_id = ? and list_contains(fix_versions, ?) and not coalesce(is_deleted, false)
order by key
"""
TAGS = """
select head_sha from core.branches
where kind = 'tag' and not coalesce(is_deleted, false) and repository_id in (
    select repository_id from core.repositories where project_id = ?
) and branch in (?, 'v' || ?)
union all
select commit_sha from core.releases
where project_id = ? and commit_sha is not null and tag in (?, 'v' || ?)
"""
COMMITS = """
select sha, coalesce(subject, '') as subject, coalesce(author_name, '') as author,
    coalesce(message, '') as message, parents, coalesce(is_merge, false) as is_merge
from core.commits where project_id = ? order by committed_at, sha
"""
DEPLOYMENTS = """
select environment, commit_sha, status, coalesce(finished_at, started_at, queued_at) as moment
from core.deployments
where project_id = ? and environment is not null and list_contains(?, commit_sha)
order by moment
"""


def notes(lake: Lake, project: str, version: str, since: str, form: Form) -> str:
    """Return the release notes of a version of a project; `since` is the version before.

    Raises UsageError if neither an issue nor a tag knows the version.
    """
    issues = [Issue(*row) for row in lake.query(ISSUES, [project, version]).iter_rows()]
    tagged = _tagged(lake, project, version)
    if not issues and not tagged:
        raise UsageError(
            f"nothing is known of version {version}", where=project,
            hint="It is a fix version of issues, or a tag (v1.2 and 1.2 are the same)",
        )  # fmt: skip
    rows = lake.query(COMMITS, [project])
    commits = _commits(rows, tagged, _tagged(lake, project, since) if since else "", issues)
    shas = [one.sha for one in commits] + ([tagged] if tagged else [])
    found = lake.query(DEPLOYMENTS, [project, shas]).iter_rows()
    return render(version, issues, commits, [Deployment(*row) for row in found], form)


def _commits(rows: pl.DataFrame, tagged: str, before: str, issues: list[Issue]) -> list[Commit]:
    """Return the commits of the version: between two tags, and those that name its issues."""
    edges = (Edge(sha, tuple(parents or ())) for sha, parents in rows["sha", "parents"].iter_rows())
    within = between(edges, tagged, before) if tagged and before else set[str]()
    plain = rows.filter(~pl.col("is_merge"))["sha", "subject", "author", "message"]
    found = [Commit(*row) for row in plain.iter_rows()]
    pattern = naming(issue.key for issue in issues)
    return [one for one in found if one.sha in within or names(one, pattern)]


def _tagged(lake: Lake, project: str, version: str) -> str:
    """Return the commit that a version is, empty if no tag says so."""
    bare = version.removeprefix("v")
    found = lake.query(TAGS, [project, version, bare, project, version, bare])
    return str(found.item(0, 0)) if found.height else ""
