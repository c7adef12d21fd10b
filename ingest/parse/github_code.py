"""Repositories, branches, commits, pull requests, reviews and releases of GitHub to core rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.parse.github import (
    SOURCE,
    Json,
    login,
    many,
    own_id,
    part,
    repository_id,
    request_id,
)
from ingest.parse.rows import frame, names
from ingest.payload import Parser, Payload, Tables

REVIEWS = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "changes_requested",
    "COMMENTED": "commented",
    "DISMISSED": "dismissed",
}
NO_MERGE = 1
"""Parents of a commit that is not a merge, at most."""


def repositories(payload: Payload) -> Tables:
    """Return the repository: one object."""
    one = payload.object()
    row = {
        "repository_id": repository_id(payload), "project_id": payload.instance.project_id,
        "source": SOURCE, "url": one.get("clone_url") or one.get("html_url"),
        "default_branch": one.get("default_branch"), "is_shallow": False,
    }  # fmt: skip
    return {"core.repositories": frame("core.repositories", [row])}


def branches(payload: Payload) -> Tables:
    """Return branches or tags as listed; the context tells `ref` and the `default` branch."""
    found = {one["name"]: one["commit"]["sha"] for one in payload.objects()}
    return _heads(payload, found, is_deleted=False)


def branches_gone(payload: Payload) -> Tables:
    """Return branches or tags that are gone: their last heads by name."""
    return _heads(payload, payload.object(), is_deleted=True)


def _heads(payload: Payload, found: dict[str, Any], *, is_deleted: bool) -> Tables:
    ref, default = payload.context["ref"], payload.context.get("default")
    rows = [
        {
            "repository_id": repository_id(payload), "branch": name, "kind": ref,
            "head_sha": sha, "is_default": ref == "branch" and name == default,
            "is_deleted": is_deleted,
        }
        for name, sha in found.items()
    ]  # fmt: skip
    return {"core.branches": frame("core.branches", rows)}


def commits(payload: Payload) -> Tables:
    """Return the commits of a list, or of a comparison (`{"commits": [...]}`)."""
    return {"core.commits": frame("core.commits", _commits(payload, many(payload, "commits")))}


def _commits(payload: Payload, found: Iterable[Json]) -> Iterable[Json]:
    for one in found:
        commit, parents = one["commit"], [parent["sha"] for parent in one.get("parents") or ()]
        author, committer = part(commit, "author"), part(commit, "committer")
        yield {
            "repository_id": repository_id(payload), "sha": one["sha"],
            "project_id": payload.instance.project_id,
            "author_name": author.get("name"), "author_email": author.get("email"),
            "authored_at": author.get("date"),
            "committer_name": committer.get("name"), "committer_email": committer.get("email"),
            "committed_at": committer.get("date") or author.get("date"),
            "subject": commit["message"].partition("\n")[0], "message": commit["message"],
            "parents": parents, "is_merge": len(parents) > NO_MERGE,
        }  # fmt: skip


def pulls(payload: Payload) -> Tables:
    """Return pull requests: a page, or a single one, which tells its size too.

    A page whose requests are asked for one by one has rows for those that are `listed` only.
    """
    listed = payload.context.get("listed")
    found = [one for one in many(payload) if listed is None or one["number"] in listed]
    rows = [_pull(payload, one) for one in found]
    return {"core.change_requests": frame("core.change_requests", rows)}


def _pull(payload: Payload, one: Json) -> Json:
    is_merged = bool(one.get("merged_at"))
    head, base = part(one, "head"), part(one, "base")
    return {
        "change_request_id": request_id(payload, one["number"]),
        "project_id": payload.instance.project_id, "repository_id": repository_id(payload),
        "source": SOURCE, "number": one["number"], "title": one["title"], "body": one.get("body"),
        "status": "merged" if is_merged else one["state"].lower(),
        "is_draft": bool(one.get("draft")), "author": login(one.get("user")),
        "source_branch": head.get("ref"), "target_branch": base.get("ref"),
        "head_sha": head.get("sha"), "base_sha": base.get("sha"),
        "merge_sha": one.get("merge_commit_sha") if is_merged else None,
        "opened_at": one["created_at"], "updated_at": one.get("updated_at"),
        "merged_at": one.get("merged_at"), "closed_at": one.get("closed_at"),
        "commits": one.get("commits"), "files_changed": one.get("changed_files"),
        "insertions": one.get("additions"), "deletions": one.get("deletions"),
        "comments": _comments(one), "labels": names(one.get("labels")),
        "assignees": names(one.get("assignees"), "login"),
        "reviewers": names(one.get("requested_reviewers"), "login"), "url": one.get("html_url"),
    }  # fmt: skip


def _comments(one: Json) -> int | None:
    """Return the comments beside the code and on it; a list tells neither."""
    told: int | None = one.get("comments")
    return None if told is None else told + (one.get("review_comments") or 0)


def pull_commits(payload: Payload) -> Tables:
    """Return the commits on the pull request `number` of the context."""
    rows = [
        {
            "change_request_id": request_id(payload, payload.context["number"]),
            "sha": one["sha"], "project_id": payload.instance.project_id,
            "authored_at": part(one["commit"], "author").get("date"),
            "author_name": part(one["commit"], "author").get("name"),
            "message": one["commit"]["message"],
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.change_request_commits": frame("core.change_request_commits", rows)}


def reviews(payload: Payload) -> Tables:
    """Return the reviews of the pull request `number`; one that is not submitted is nobody's."""
    rows = [
        {
            "review_id": own_id(payload, one["id"]),
            "change_request_id": request_id(payload, payload.context["number"]),
            "project_id": payload.instance.project_id, "reviewer": login(one.get("user")),
            "status": REVIEWS[one["state"].upper()], "commit_sha": one.get("commit_id"),
            "submitted_at": one.get("submitted_at"), "body": one.get("body"),
        }
        for one in payload.objects()
        if one["state"].upper() in REVIEWS
    ]  # fmt: skip
    return {"core.reviews": frame("core.reviews", rows)}


def releases(payload: Payload) -> Tables:
    """Return releases; the commit is told only where the release names one instead of a branch."""
    rows = [
        {
            "release_id": own_id(payload, one["id"]), "project_id": payload.instance.project_id,
            "repository_id": repository_id(payload), "source": SOURCE, "tag": one["tag_name"],
            "name": one.get("name"), "notes": one.get("body"),
            "commit_sha": _sha(one.get("target_commitish")), "author": login(one.get("author")),
            "is_draft": one.get("draft"), "is_prerelease": one.get("prerelease"),
            "created_at": one.get("created_at"), "published_at": one.get("published_at"),
            "url": one.get("html_url"),
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.releases": frame("core.releases", rows)}


def _sha(target: str | None) -> str | None:
    """Return a target that is a whole object id; other targets are branches, which move."""
    is_sha = len(target or "") == len("0" * 40) and not set(target or "") - set("0123456789abcdef")
    return target if is_sha else None


PARSERS: dict[str, Parser] = {
    "repository": repositories,
    "branches": branches,
    "branches.gone": branches_gone,
    "commits": commits,
    "pulls": pulls,
    "pull.commits": pull_commits,
    "reviews": reviews,
    "releases": releases,
}
