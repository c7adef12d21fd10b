"""A GitLab with one project on the loopback, in the words of its API v4: Link paging, ETags.

Things are made by the functions below, in the shape that the documentation of GitLab 17 shows.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, link, missing, ok

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "shop/backend"
OTHER = "shop/other"
"""A second project, with lists of its own."""
BASE = f"api/v4/projects/{PROJECT}"
WEB = f"https://gitlab.example.org/{PROJECT}"
ANN = {"id": 7, "username": "ann", "name": "Ann", "state": "active", "web_url": "https://x/ann"}


def at(minutes: float) -> str:
    """Return a time as GitLab writes it."""
    text = (T0 + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def sha(number: int) -> str:
    return f"{number:040x}"


def commit(number: int) -> dict[str, Any]:
    return {
        "id": sha(number), "short_id": sha(number)[:8], "title": f"Step {number}",
        "message": f"Step {number}\n\nMore.", "author_name": "Ann", "author_email": "ann@x.org",
        "authored_date": at(number), "committer_name": "Ann", "committer_email": "ann@x.org",
        "committed_date": at(number), "created_at": at(number), "web_url": f"{WEB}/-/commit/1",
        "parent_ids": [sha(number - 1)], "stats": {"additions": 3, "deletions": 1, "total": 4},
    }  # fmt: skip


def branch(name: str, number: int) -> dict[str, Any]:
    return {
        "name": name, "merged": False, "protected": name == "main", "default": name == "main",
        "can_push": True, "web_url": f"{WEB}/-/tree/{name}", "commit": commit(number),
    }  # fmt: skip


def merge_request(number: int) -> dict[str, Any]:
    return {
        "id": 9000 + number, "iid": number, "project_id": 1, "title": f"Change {number}",
        "description": "Closes #1", "state": "opened", "created_at": at(number),
        "updated_at": at(number), "merged_at": None, "closed_at": None, "author": ANN,
        "target_branch": "main", "source_branch": f"b{number}", "user_notes_count": 1,
        "assignees": [ANN], "reviewers": [], "labels": ["b", "a"], "draft": False,
        "sha": sha(number), "merge_commit_sha": None, "squash_commit_sha": None,
        "web_url": f"{WEB}/-/merge_requests/{number}",
    }  # fmt: skip


def pipeline(number: int, status: str = "success") -> dict[str, Any]:
    ended = status != "running"
    return {
        "id": 500 + number, "iid": number, "project_id": 1, "sha": sha(number), "ref": "main",
        "status": status, "source": "push", "created_at": at(number), "updated_at": at(number + 5),
        "web_url": f"{WEB}/-/pipelines/{500 + number}", "tag": False, "user": ANN,
        "started_at": at(number + 1), "finished_at": at(number + 5) if ended else None,
        "duration": 240 if ended else None, "queued_duration": 60,
    }  # fmt: skip


SHORT = ("id", "iid", "project_id", "sha", "ref", "status", "source", "created_at", "updated_at",
         "web_url")  # fmt: skip
"""What a list tells of a pipeline."""


def job(number: int, name: str, status: str = "success") -> dict[str, Any]:
    return {
        "id": number, "status": status, "stage": "test", "name": name, "ref": "main", "tag": False,
        "created_at": at(1), "started_at": at(2), "finished_at": at(4), "duration": 120.5,
        "queued_duration": 1.5, "user": ANN,
    }  # fmt: skip


def case_of(name: str, status: str) -> dict[str, Any]:
    output = (
        "Failure/Error: is_expected.to eq(300)\n\n  expected: 300\n" if status != "success" else ""
    )
    return {
        "status": status, "name": name, "classname": "spec.cart", "file": "spec/cart_spec.rb",
        "execution_time": 0.25, "system_output": output or None, "stack_trace": None,
        "recent_failures": None, "attachment_url": None,
    }  # fmt: skip


def reported(*cases: dict[str, Any]) -> dict[str, Any]:
    suite = {"name": "rspec", "total_time": 1.5, "total_count": len(cases), "suite_error": None}
    suites = [suite | {"test_cases": list(cases)}] if cases else []
    return {"total_time": 1.5, "total_count": len(cases), "test_suites": suites}


def deployment(number: int, status: str = "success") -> dict[str, Any]:
    deployable = job(number, "ship", status) | {
        "pipeline": pipeline(number),
        "web_url": "https://x/j",
    }
    return {
        "id": 40 + number, "iid": number, "ref": "main", "sha": sha(number), "status": status,
        "created_at": at(number), "updated_at": at(number + 3), "user": ANN,
        "environment": {"id": 9, "name": "live/eu", "slug": "live-eu", "external_url": "https://x"},
        "deployable": deployable,
    }  # fmt: skip


def milestone(number: int) -> dict[str, Any]:
    return {
        "id": 10 + number, "iid": number, "project_id": 1, "title": f"1.{number}",
        "state": "active", "due_date": "2026-04-01", "start_date": "2026-03-01",
        "created_at": at(0), "updated_at": at(0), "expired": False, "web_url": f"{WEB}/-/m/1",
    }  # fmt: skip


def issue(number: int) -> dict[str, Any]:
    return {
        "id": 700 + number, "iid": number, "project_id": 1, "title": f"Issue {number}",
        "description": "", "state": "opened", "created_at": at(number), "updated_at": at(number),
        "closed_at": None, "labels": ["type::bug", "priority::high"], "author": ANN,
        "milestone": milestone(1) if number % 2 else None, "assignees": [ANN], "type": "ISSUE",
        "issue_type": "issue", "severity": "UNKNOWN", "due_date": None, "weight": None,
        "time_stats": {"time_estimate": 3600, "total_time_spent": 0},
        "web_url": f"{WEB}/-/issues/{number}",
    }  # fmt: skip


def member(number: int) -> dict[str, Any]:
    return ANN | {"id": number, "username": f"u{number}", "access_level": 30, "created_at": at(0)}


@dataclass
class Gitlab(Loopback):
    """What the project holds, by the last part of the path; the details by list and number."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    others: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    commits_of: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Reply:
        reply = self.found(asked)
        tag = f'W/"{hashlib.md5(reply[1]).hexdigest()}"'
        if reply[0] == 200 and asked.headers.get("if-none-match") == tag:
            return 304, b"", {"ETag": tag}
        return reply[0], reply[1], reply[2] | ({"ETag": tag} if reply[0] == 200 else {})

    def found(self, asked: Asked) -> Reply:
        whole = {
            "api/v4/personal_access_tokens/self": {"id": 1, "scopes": ["read_api"]},
            BASE: {"id": 1, "path_with_namespace": PROJECT, "default_branch": "main",
                   "web_url": WEB, "http_url_to_repo": f"{WEB}.git"},
        }  # fmt: skip
        if asked.path in whole:
            return ok(whole[asked.path])
        if asked.path.startswith(f"api/v4/projects/{OTHER}/"):
            return self.page(asked, self.others.get(asked.path.rpartition("/")[2], []))
        return self.below(asked, asked.path.removeprefix(f"{BASE}/").split("/"))

    def below(self, asked: Asked, names: list[str]) -> Reply:
        match names:
            case ["merge_requests", number, "commits"]:
                return self.page(asked, self.commits_of[int(number)])
            case ["pipelines", key]:
                return ok(self.pipeline(int(key)))
            case ["pipelines", key, "jobs"]:
                return self.page(asked, self.jobs.get(int(key), []))
            case ["pipelines", key, "test_report"]:
                return ok(self.reports.get(int(key), reported()))
            case ["repository" | "members", name] | [name]:
                return self.page(asked, self.sorted(name, asked))
        return missing()

    def pipeline(self, key: int) -> dict[str, Any]:
        return next(one for one in self.lists["pipelines"] if one["id"] == key)

    def sorted(self, name: str, asked: Asked) -> list[dict[str, Any]]:
        found = self.lists.get(name, [])
        if name == "pipelines":
            found = [{key: one[key] for key in SHORT} for one in found]
        key = "committed_date" if name == "commits" else asked.query.get("order_by", "")
        found = [one for one in found if one.get(key, "") >= asked.query.get("updated_after", "")]
        return sorted(found, key=lambda one: one.get(key, ""), reverse=True)

    def page(self, asked: Asked, found: list[dict[str, Any]]) -> Reply:
        size, number = int(asked.query["per_page"]), int(asked.query.get("page", 1))
        more = link(self, asked, page=number + 1) if len(found) > number * size else {}
        if more and not asked.path.endswith("repository/commits"):  # which are not counted
            last = link(self, asked, page=-(-len(found) // size))["Link"]
            more["Link"] += ", " + last.replace("next", "last")
        return ok(found[(number - 1) * size : number * size], **more)
