"""GitLab's API v4 to rows: projects, branches, commits, merge requests, issues, members.

Pipelines, jobs, test reports and deployments are in `gitlab_ci.py`. A payload's context holds
`path`, the full path of its project, and what a list is of (`number` of a merge request).
"""

from __future__ import annotations

import re
from typing import Any

from ingest.parse.hosted import heads, hosted_id, own, part, repository_id
from ingest.parse.rows import frame, names
from ingest.payload import Payload, Tables

Json = dict[str, Any]

REQUEST_STATUS = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
"""`locked` is a merge request while it is being merged."""
ISSUE_STATUS = {"opened": "todo", "closed": "done"}
KINDS = {"incident": "incident", "task": "task", "requirement": "requirement", "epic": "epic"}
LABELLED = (
    (re.compile(r"\b(bug|defect)s?\b", re.IGNORECASE), "bug"),
    (re.compile(r"\b(feature|enhancement|story|requirement)s?\b", re.IGNORECASE), "requirement"),
)
"""GitLab has issues and incidents only; teams tell bugs by labels."""
BOT = re.compile(r"(project|group)_\d+_bot(_\w+)?")
"""User names of project and group access tokens."""
COMMIT_TABLE = "core.commits"


def project(payload: Payload) -> Tables:
    """Return the repository of one project."""
    one = payload.object()
    row = own(payload) | {
        "repository_id": repository_id(payload),
        "url": one.get("http_url_to_repo") or one["web_url"],
        "default_branch": one.get("default_branch"), "is_shallow": False,
    }  # fmt: skip
    return {"core.repositories": frame("core.repositories", [row])}


def branches(payload: Payload) -> Tables:
    """Return the heads of a page of branches."""
    return heads(payload, map(head, payload.objects()))


def head(branch: Json) -> Json:
    """Return what is remembered of a branch, should it go."""
    commit = branch["commit"]
    return {
        "name": branch["name"], "sha": commit["id"], "at": commit.get("committed_date"),
        "default": bool(branch.get("default")),
    }  # fmt: skip


def commits(payload: Payload) -> Tables:
    """Return a page of commits; which files they change only a clone tells."""
    rows = [_commit(payload, one) for one in payload.objects()]
    return {COMMIT_TABLE: frame(COMMIT_TABLE, rows)}


def _commit(payload: Payload, one: Json) -> Json:
    stats = part(one, "stats")
    parents: list[str] = one.get("parent_ids") or []
    return {
        "repository_id": repository_id(payload), "sha": one["id"],
        "project_id": payload.instance.project_id, "parents": parents,
        "author_name": one["author_name"], "author_email": one["author_email"],
        "authored_at": one["authored_date"], "committer_name": one["committer_name"],
        "committer_email": one["committer_email"], "committed_at": one["committed_date"],
        "subject": one["title"], "message": one["message"], "is_merge": len(parents) > 1,
        "insertions": stats.get("additions"), "deletions": stats.get("deletions"),
    }  # fmt: skip


def request_id(payload: Payload, number: int) -> str:
    """Return the id of a merge request."""
    return f"{hosted_id(payload)}!{number}"


def merge_requests(payload: Payload) -> Tables:
    """Return a page of merge requests."""
    rows = [_merge_request(payload, one) for one in payload.objects()]
    return {"core.change_requests": frame("core.change_requests", rows)}


def _merge_request(payload: Payload, one: Json) -> Json:
    status = REQUEST_STATUS[one["state"]]
    merge_sha = one.get("merge_commit_sha") or one.get("squash_commit_sha") or one.get("sha")
    return own(payload) | {
        "change_request_id": request_id(payload, one["iid"]),
        "repository_id": repository_id(payload), "number": one["iid"], "title": one["title"],
        "body": one.get("description"), "status": status,
        "is_draft": bool(one.get("draft", one.get("work_in_progress"))),
        "author": login(one, "author"), "source_branch": one["source_branch"],
        "target_branch": one["target_branch"], "head_sha": one.get("sha"),
        "merge_sha": merge_sha if status == "merged" else None, "opened_at": one["created_at"],
        "updated_at": one["updated_at"], "merged_at": one.get("merged_at"),
        "closed_at": one.get("merged_at") or one.get("closed_at"),
        "comments": one.get("user_notes_count"), "labels": names(one.get("labels"), "title"),
        "assignees": names(one.get("assignees"), "username"),
        "reviewers": names(one.get("reviewers"), "username"), "url": one["web_url"],
    }  # fmt: skip


def merge_request_commits(payload: Payload) -> Tables:
    """Return the commits of the merge request `number`."""
    rows = [
        {
            "change_request_id": request_id(payload, payload.context["number"]),
            "sha": one["id"], "project_id": payload.instance.project_id,
            "authored_at": one["authored_date"], "author_name": one["author_name"],
            "message": one["message"],
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.change_request_commits": frame("core.change_request_commits", rows)}


def issues(payload: Payload) -> Tables:
    """Return a page of issues and which milestones they are planned for."""
    found = payload.objects()
    planned = [
        {
            "sprint_id": f"{payload.instance.name}:{one['milestone']['id']}",
            "issue_id": f"{payload.instance.name}:{one['id']}",
            "project_id": payload.instance.project_id, "is_removed": False,
        }
        for one in found if one.get("milestone")
    ]  # fmt: skip
    return {
        "core.issues": frame("core.issues", (_issue(payload, one) for one in found)),
        "core.sprint_issues": frame("core.sprint_issues", planned),
    }


def _issue(payload: Payload, one: Json) -> Json:
    labels, times = names(one.get("labels"), "title"), part(one, "time_stats")
    kind = one.get("issue_type") or str(one.get("type") or "issue").lower()
    severity = str(one.get("severity") or "unknown").lower()
    epic = one.get("epic_iid")
    return own(payload) | {
        "issue_id": f"{payload.instance.name}:{one['id']}", "key": f"#{one['iid']}",
        "title": one["title"], "body": one.get("description"),
        "kind": kind_of(kind, labels), "original_kind": kind,
        "status": ISSUE_STATUS[one["state"]], "original_status": one["state"],
        "priority": scoped(labels, "priority"),
        "severity": None if severity == "unknown" else severity, "labels": labels,
        "reporter": login(one, "author"),
        "assignees": names(one.get("assignees"), "username"),
        "parent_key": f"&{epic}" if epic else None, "story_points": one.get("weight"),
        "estimate_s": times.get("time_estimate"), "spent_s": times.get("total_time_spent"),
        "created_at": one["created_at"], "updated_at": one["updated_at"],
        "resolved_at": one.get("closed_at"), "due_at": one.get("due_date"),
        "url": one["web_url"], "is_deleted": False,
    }  # fmt: skip


def kind_of(issue_type: str, labels: list[str]) -> str:
    """Return the kind of an issue by its type, else by the first label that tells one."""
    told = (kind for label in labels for words, kind in LABELLED if words.search(label))
    return KINDS.get(issue_type) or next(told, "other")


def scoped(labels: list[str], scope: str) -> str | None:
    """Return what a scoped label says: `high` for the scope `priority` and `priority::high`."""
    start = f"{scope}::"
    found = (label[len(start) :] for label in labels if label.lower().startswith(start))
    return next(found, None)


def milestones(payload: Payload) -> Tables:
    """Return milestones of the project and of its groups; GitLab does not tell when one closed."""
    rows = [
        own(payload) | {
            "sprint_id": f"{payload.instance.name}:{one['id']}", "name": one["title"],
            "status": one["state"], "started_at": one.get("start_date"),
            "ended_at": one.get("due_date"), "url": one.get("web_url"),
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.sprints": frame("core.sprints", rows)}


def members(payload: Payload) -> Tables:
    """Return accounts: members of a project, or users as an administrator sees them.

    `created_at` of a member tells when it joined, so it is a user's only.
    """
    rows = [
        own(payload) | {
            "account_id": f"{payload.instance.name}:{one['id']}", "login": one["username"],
            "name": one["name"], "email": one.get("email") or one.get("public_email") or None,
            "organisation": one.get("organization") or None,
            "is_bot": bool(one.get("bot")) or bool(BOT.fullmatch(one["username"])),
            "is_active": one["state"] == "active", "url": one["web_url"],
            "created_at": None if "access_level" in one else one.get("created_at"),
        }
        for one in payload.objects()
    ]  # fmt: skip
    return {"core.accounts": frame("core.accounts", rows)}


def login(one: Json, role: str) -> str | None:
    """Return the user name of who has a role (author, user), None for nobody."""
    return part(one, role).get("username")
