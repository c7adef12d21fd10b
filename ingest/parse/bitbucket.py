"""Bitbucket Cloud's API 2.0 to rows: repositories, branches, commits, pull requests, issues.

Pipelines and deployments are in `bitbucket_ci.py`. A payload's context holds `path`, workspace and
repository, and what a list is of (`number` of a pull request). Lists are at `values`.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import parseaddr
from typing import Any

from ingest.parse.hosted import heads, hosted_id, own, part, repository_id
from ingest.parse.rows import frame
from ingest.payload import Payload, Tables

Json = dict[str, Any]

REQUEST_STATUS = {
    "OPEN": "open",
    "MERGED": "merged",
    "DECLINED": "closed",
    "SUPERSEDED": "closed",
}
REVIEW = {"approved": "approved", "changes_requested": "changes_requested"}
CHECK_STATUS = {
    "INPROGRESS": "running",
    "SUCCESSFUL": "passed",
    "FAILED": "failed",
    "STOPPED": "cancelled",
}
ISSUE_STATUS = {
    "submitted": "todo",
    "new": "todo",
    "open": "in_progress",
    "on hold": "in_progress",
    "resolved": "done",
    "duplicate": "done",
    "invalid": "done",
    "wontfix": "done",
    "closed": "done",
}
KINDS = {"bug": "bug", "task": "task", "enhancement": "requirement", "proposal": "requirement"}


def repository(payload: Payload) -> Tables:
    """Return one repository."""
    one = payload.object()
    row = own(payload) | {
        "repository_id": repository_id(payload), "url": page_of(one),
        "default_branch": part(one, "mainbranch").get("name"), "is_shallow": False,
    }  # fmt: skip
    return {"core.repositories": frame("core.repositories", [row])}


def branches(payload: Payload) -> Tables:
    """Return the heads of a page of branches; which is the default only the repository tells."""
    return heads(payload, map(head, payload.objects("values")))


def head(branch: Json) -> Json:
    """Return what is remembered of a branch, should it go."""
    target = branch["target"]
    return {"name": branch["name"], "sha": target["hash"], "at": target.get("date")}


def commits(payload: Payload) -> Tables:
    """Return a page of commits; Bitbucket tells one time and one person of each."""
    rows = [_commit(payload, one) for one in payload.objects("values")]
    return {"core.commits": frame("core.commits", rows)}


def _commit(payload: Payload, one: Json) -> Json:
    name, email = parseaddr(one["author"]["raw"])
    parents = [parent["hash"] for parent in one["parents"]]
    return {
        "repository_id": repository_id(payload), "sha": one["hash"],
        "project_id": payload.instance.project_id, "author_name": name or one["author"]["raw"],
        "author_email": email or None, "authored_at": one["date"], "committed_at": one["date"],
        "subject": one["message"].partition("\n")[0], "message": one["message"],
        "parents": parents, "is_merge": len(parents) > 1,
    }  # fmt: skip


def request_id(payload: Payload, number: int) -> str:
    """Return the id of a pull request."""
    return f"{hosted_id(payload)}#{number}"


def pull_requests(payload: Payload) -> Tables:
    """Return a page of pull requests and what their reviewers said."""
    found = payload.objects("values")
    rows = [_pull_request(payload, one) for one in found]
    said = [row for one in found for row in _reviews(payload, one)]
    return {
        "core.change_requests": frame("core.change_requests", rows),
        "core.reviews": frame("core.reviews", said),
    }


def _pull_request(payload: Payload, one: Json) -> Json:
    status, source, target = REQUEST_STATUS[one["state"]], one["source"], one["destination"]
    ended = None if status == "open" else ended_at(one)
    reviewers = (login(user) for user in one.get("reviewers") or ())
    return own(payload) | {
        "change_request_id": request_id(payload, one["id"]),
        "repository_id": repository_id(payload), "number": one["id"], "title": one["title"],
        "body": one.get("description"), "status": status, "is_draft": bool(one.get("draft")),
        "author": login(one.get("author")), "source_branch": part(source, "branch").get("name"),
        "target_branch": part(target, "branch").get("name"),
        "head_sha": part(source, "commit").get("hash"),
        "base_sha": part(target, "commit").get("hash"),
        "merge_sha": part(one, "merge_commit").get("hash"), "opened_at": one["created_on"],
        "updated_at": one["updated_on"], "merged_at": ended if status == "merged" else None,
        "closed_at": ended, "comments": one.get("comment_count"), "labels": [],
        "assignees": [], "reviewers": sorted(name for name in reviewers if name),
        "url": page_of(one),
    }  # fmt: skip


def ended_at(request: Json) -> str:
    """Return when a pull request ended: its merge commit's time where that is told.

    Otherwise the last change is taken for it, since Bitbucket has no other time.
    """
    return part(request, "merge_commit").get("date") or request["updated_on"]


def _reviews(payload: Payload, one: Json) -> Iterable[Json]:
    for person in one.get("participants") or ():
        if person.get("state") in REVIEW:
            yield {
                "review_id": f"{request_id(payload, one['id'])}:{person['user']['uuid']}",
                "change_request_id": request_id(payload, one["id"]),
                "project_id": payload.instance.project_id, "reviewer": login(person["user"]),
                "status": REVIEW[person["state"]], "submitted_at": person.get("participated_on"),
            }  # fmt: skip


def pull_request_commits(payload: Payload) -> Tables:
    """Return the commits of the pull request `number`."""
    rows = [
        {
            "change_request_id": request_id(payload, payload.context["number"]),
            "sha": one["hash"], "project_id": payload.instance.project_id,
            "authored_at": one["date"], "message": one["message"],
            "author_name": parseaddr(one["author"]["raw"])[0] or one["author"]["raw"],
        }
        for one in payload.objects("values")
    ]  # fmt: skip
    return {"core.change_request_commits": frame("core.change_request_commits", rows)}


def statuses(payload: Payload) -> Tables:
    """Return what CIs and apps report on commits."""
    rows = [_status(payload, one) for one in payload.objects("values")]
    return {"core.checks": frame("core.checks", rows)}


def _status(payload: Payload, one: Json) -> Json:
    commit = part(one, "links", "commit").get("href", "").rpartition("/")[2]
    sha, status = part(one, "commit").get("hash") or commit, CHECK_STATUS[one["state"]]
    return own(payload) | {
        "check_id": f"{hosted_id(payload)}@{sha}:{one['key']}",
        "repository_id": repository_id(payload), "commit_sha": sha,
        "name": one.get("name") or one["key"], "app": one["key"], "status": status,
        "started_at": one["created_on"],
        "finished_at": None if status == "running" else one["updated_on"],
        "description": one.get("description") or None, "url": one.get("url"),
    }  # fmt: skip


def issues(payload: Payload) -> Tables:
    """Return a page of issues."""
    rows = [_issue(payload, one) for one in payload.objects("values")]
    return {"core.issues": frame("core.issues", rows)}


def _issue(payload: Payload, one: Json) -> Json:
    status, assignee = ISSUE_STATUS[one["state"]], login(one.get("assignee"))
    component, version = part(one, "component").get("name"), part(one, "version").get("name")
    is_done = status == "done"
    return own(payload) | {
        "issue_id": request_id(payload, one["id"]), "key": f"#{one['id']}",
        "title": one["title"], "body": part(one, "content").get("raw"),
        "kind": KINDS.get(one["kind"], "other"), "original_kind": one["kind"],
        "status": status, "original_status": one["state"],
        "resolution": one["state"] if is_done else None, "priority": one["priority"],
        "labels": [], "components": [component] if component else [],
        "fix_versions": [version] if version else [], "reporter": login(one.get("reporter")),
        "assignees": [assignee] if assignee else [], "created_at": one["created_on"],
        "updated_at": one["updated_on"], "resolved_at": one["updated_on"] if is_done else None,
        "url": page_of(one), "is_deleted": False,
    }  # fmt: skip


def login(user: Json | None) -> str | None:
    """Return how a user is called: Bitbucket keeps user names to itself, the nickname is shown."""
    known = user or {}
    return known.get("nickname") or known.get("display_name")


def page_of(one: Json) -> str | None:
    """Return the address of the page for people."""
    return part(one, "links", "html").get("href")
