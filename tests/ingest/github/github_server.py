"""A GitHub on the loopback: one repository in the shapes of the REST API, with ETags and pages."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Asked, Loopback, Reply, missing, ok

Json = dict[str, Any]
REPOSITORY = "acme/shop"
T0 = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
REPORT = (
    b'<testsuite name="cart"><testcase classname="Cart" name="adds" time="0.1"/>'
    b'<testcase classname="Cart" name="pays"><failure message="no money">at pay</failure>'
    b"</testcase></testsuite>"
)
LOG = (
    "\ufeff2026-03-01T12:00:01.1234567Z ##[group]Run tests\n"
    "2026-03-01T12:00:02.0000000Z \x1b[31m##[error]no money\x1b[0m\n"
)


def at(minutes: float) -> str:
    return (T0 + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def sha(number: int) -> str:
    return f"{number:040x}"


def user(login: str) -> Json:
    return {"login": login, "id": sum(map(ord, login)), "type": "User", "site_admin": False}


def commit(number: int, *parents: int) -> Json:
    person = {"name": "Mona", "email": "mona@example.org", "date": at(number)}
    return {
        "sha": sha(number), "author": user("mona"), "committer": user("mona"),
        "commit": {"author": person, "committer": person, "message": f"Change {number}\n\nWhy"},
        "parents": [{"sha": sha(one)} for one in parents or ([number - 1] if number > 1 else [])],
    }  # fmt: skip


def pull(number: int, *, is_open: bool = False) -> Json:
    return {
        "id": 7000 + number, "number": number, "state": "open" if is_open else "closed",
        "title": "x", "user": user("mona"), "body": None, "draft": False,
        "created_at": at(number), "updated_at": at(number + 1),
        "closed_at": None if is_open else at(number + 1),
        "merged_at": None if is_open else at(number + 1), "merge_commit_sha": sha(number),
        "assignees": [], "requested_reviewers": [user("hubot")], "labels": [{"name": "bug"}],
        "head": {"ref": f"topic-{number}", "sha": sha(9000 + number)},
        "base": {"ref": "main", "sha": sha(1)},
        "html_url": f"https://github.com/{REPOSITORY}/pull/{number}",
    }  # fmt: skip


SIZE = {"commits": 2, "additions": 10, "deletions": 4, "changed_files": 3, "comments": 1}
"""What only a pull request that is asked for alone tells."""


def run(number: int, conclusion: str | None = "success", *, attempt: int = 1) -> Json:
    return {
        "id": 5000 + number, "name": "CI", "path": ".github/workflows/ci.yml",
        "workflow_id": 11, "run_number": number, "run_attempt": attempt, "event": "push",
        "status": "completed" if conclusion else "in_progress", "conclusion": conclusion,
        "head_branch": "main", "head_sha": sha(number), "actor": user("mona"),
        "triggering_actor": user("mona"), "created_at": at(number),
        "run_started_at": at(number + (attempt - 1) * 100),
        "updated_at": at(number + (attempt - 1) * 100 + 5),
        "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{5000 + number}",
    }  # fmt: skip


def job(run: Json, name: str = "test") -> Json:
    steps = [
        {"name": step, "number": number, "status": run["status"], "conclusion": run["conclusion"],
         "started_at": run["run_started_at"], "completed_at": run["updated_at"]}
        for number, step in enumerate(("Set up job", "Run tests"), 1)
    ]  # fmt: skip
    return {
        "id": run["id"] * 10 + run["run_attempt"], "run_id": run["id"], "name": name,
        "run_attempt": run["run_attempt"], "status": run["status"],
        "conclusion": run["conclusion"], "head_sha": run["head_sha"], "steps": steps,
        "started_at": run["run_started_at"], "completed_at": run["updated_at"],
    }  # fmt: skip


def artifact(number: int, name: str, made: str) -> Json:
    return {
        "id": number, "name": name, "size_in_bytes": 300, "expired": False,
        "created_at": made, "expires_at": at(100_000), "digest": "sha256:" + "ab" * 32,
        "archive_download_url": f"https://api.github.com/artifacts/{number}/zip",
    }  # fmt: skip


def check_run(number: int, of: str, conclusion: str | None = "success") -> Json:
    return {
        "id": 40_000 + number, "head_sha": of, "name": "lint", "conclusion": conclusion,
        "status": "completed" if conclusion else "in_progress", "started_at": at(1),
        "completed_at": at(2) if conclusion else None, "output": {"title": "2 warnings"},
        "app": {"slug": "github-actions"}, "html_url": "https://github.com/x",
    }  # fmt: skip


def status(context: str, state: str) -> Json:
    return {
        "id": 1, "context": context, "state": state, "description": "built",
        "target_url": "https://ci.example.org/1", "created_at": at(1), "updated_at": at(2),
    }  # fmt: skip


def deployment(number: int, environment: str = "production") -> Json:
    return {
        "id": 600 + number, "sha": sha(number), "ref": "main", "task": "deploy",
        "environment": environment, "creator": user("mona"), "created_at": at(number),
        "updated_at": at(number + 2), "production_environment": False,
    }  # fmt: skip


def deployed(number: int, state: str, minutes: float) -> Json:
    return {"id": number, "state": state, "created_at": at(minutes), "log_url": "https://x/log"}


def issue(number: int, milestone: Json | None = None) -> Json:
    return {
        "id": 800 + number, "number": number, "title": "x", "body": "y", "state": "closed",
        "state_reason": "completed", "user": user("mona"), "assignees": [user("hubot")],
        "labels": [{"name": "bug"}, {"name": "severity/high"}], "milestone": milestone,
        "created_at": at(number), "updated_at": at(number), "closed_at": at(number),
        "html_url": f"https://github.com/{REPOSITORY}/issues/{number}",
    }  # fmt: skip


def milestone(number: int) -> Json:
    return {
        "id": 90 + number, "number": number, "title": f"v{number}", "state": "open",
        "created_at": at(0), "due_on": at(1000), "closed_at": None,
        "html_url": f"https://github.com/{REPOSITORY}/milestone/{number}",
    }  # fmt: skip


def release(number: int) -> Json:
    return {
        "id": 300 + number, "tag_name": f"v{number}", "name": None, "body": "News",
        "target_commitish": "main", "draft": False, "prerelease": False, "author": user("mona"),
        "created_at": at(number), "published_at": at(number + 1), "html_url": "https://x",
    }  # fmt: skip


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.xml"), body)
    return packed.getvalue()


@dataclass
class Github(Loopback):
    """One repository; lists are as GitHub orders them, by id or newest first."""

    commits: list[Json] = field(default_factory=list)
    compared: dict[str, list[Json]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    runs: dict[int, Json] = field(default_factory=dict)
    earlier: dict[tuple[int, int], Json] = field(default_factory=dict)
    artifacts: dict[int, list[Json]] = field(default_factory=dict)
    zips_by_id: dict[int, bytes] = field(default_factory=dict)
    check_runs: dict[str, list[Json]] = field(default_factory=dict)
    statuses: dict[str, list[Json]] = field(default_factory=dict)
    deployments: dict[int, tuple[Json, list[Json]]] = field(default_factory=dict)
    issues: dict[int, Json] = field(default_factory=dict)
    milestones: list[Json] = field(default_factory=list)
    releases: list[Json] = field(default_factory=list)
    members: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        status_code, body, headers = self.found(asked)
        if status_code != 200:
            return status_code, body, headers
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if asked.headers.get("if-none-match") == etag:
            return 304, b"", {"ETag": etag}
        return 200, body, {"ETag": etag, **headers}

    def found(self, asked: Asked) -> Reply:
        path = asked.path.replace("repositories/1/", f"repos/{REPOSITORY}/")
        if path == "rate_limit":
            return ok({"resources": {"core": {"limit": 5000, "remaining": 4999}}})
        if path.startswith("users/"):
            login = path.removeprefix("users/")
            return ok({**user(login), "name": login.title(), "company": "@acme"})
        if path == f"repos/{REPOSITORY}":
            clone = f"https://github.com/{REPOSITORY}.git"
            return ok({"id": 1, "full_name": REPOSITORY, "default_branch": "main",
                       "clone_url": clone})  # fmt: skip
        if not path.startswith(f"repos/{REPOSITORY}/"):
            return missing()
        parts = path.removeprefix(f"repos/{REPOSITORY}/").split("/")
        find: Callable[[Asked, list[str]], Reply] | None
        find = getattr(self, f"of_{parts[0]}", None)
        return find(asked, parts[1:]) if find else missing()

    def page(self, asked: Asked, found: list[Any], name: str = "", **more: Any) -> Reply:
        """Return a page of a list, bare or under a name, with the Link header of GitHub."""
        size, number = int(asked.query["per_page"]), int(asked.query.get("page", 1))
        assert size <= 100
        headers = {}
        if len(found) > size * number:
            path = asked.path.replace(f"repos/{REPOSITORY}/", "repositories/1/")
            query = urlencode({name: one for name, one in asked.query.items() if name != "page"})
            headers["Link"] = ", ".join(
                f'<{self.url}/{path}?{query}&page={page}>; rel="{name}"'
                for name, page in (("next", number + 1), ("last", -(-len(found) // size)))
            )
        part = found[size * (number - 1) : size * number]
        whole = {"total_count": len(found), name: part, **more} if name else part
        return 200, json.dumps(whole).encode(), headers

    def of_commits(self, asked: Asked, rest: list[str]) -> Reply:
        if rest and rest[1] == "check-runs":
            return self.page(asked, self.check_runs.get(rest[0], []), "check_runs")
        if rest:
            return self.page(asked, self.statuses.get(rest[0], []), "statuses", sha=rest[0])
        if not self.commits:
            return 409, b'{"message": "Git Repository is empty."}', {}
        return self.page(asked, self.commits)

    def of_compare(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[0] not in self.compared:
            return missing()
        return self.page(asked, self.compared[rest[0]], "commits", status="ahead")

    def of_branches(self, asked: Asked, _: list[str]) -> Reply:
        return self.page(asked, refs(self.heads))

    def of_tags(self, asked: Asked, _: list[str]) -> Reply:
        return self.page(asked, refs(self.tags))

    def of_pulls(self, asked: Asked, rest: list[str]) -> Reply:
        if len(rest) == 1:
            return ok(self.pulls[int(rest[0])] | SIZE)
        if rest:
            number = int(rest[0])
            if rest[1] == "commits":
                return self.page(asked, [commit(9000 + number), commit(9100 + number)])
            review = {"id": number, "user": user("hubot"), "state": "APPROVED", "body": "Fine",
                      "commit_id": sha(9000 + number), "submitted_at": at(number)}  # fmt: skip
            return self.page(asked, [review])
        wanted = asked.query["state"]
        found = [one for one in self.pulls.values() if wanted in ("all", one["state"])]
        return self.page(asked, latest(found))

    def of_actions(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[0] == "artifacts":
            body = self.zips_by_id.get(int(rest[1]))
            return (200, body, {"Content-Type": "application/zip"}) if body else missing()
        if rest[0] == "jobs":
            return 200, LOG.encode(), {"Content-Type": "text/plain"}
        if len(rest) == 1:
            found = sorted(self.runs.values(), key=lambda one: one["id"], reverse=True)
            wanted = asked.query.get("status")
            found = [one for one in found if wanted in (None, one["status"])]
            return self.page(asked, found, "workflow_runs")
        one = self.runs[int(rest[1])]
        if rest[2:] == ["artifacts"]:
            return self.page(asked, self.artifacts.get(one["id"], []), "artifacts")
        if len(rest) > 2:
            one = self.earlier.get((one["id"], int(rest[3])), one)
        return self.page(asked, [job(one)], "jobs") if rest[-1] == "jobs" else ok(one)

    def of_deployments(self, asked: Asked, rest: list[str]) -> Reply:
        if rest:
            return self.page(asked, self.deployments[int(rest[0])][1])
        return self.page(asked, [one for one, _ in reversed(self.deployments.values())])

    def of_issues(self, asked: Asked, _: list[str]) -> Reply:
        shown = [{**issue(one["number"]), "pull_request": {}} for one in self.pulls.values()]
        return self.page(asked, latest([*self.issues.values(), *shown]))

    def of_milestones(self, asked: Asked, _: list[str]) -> Reply:
        return self.page(asked, self.milestones)

    def of_releases(self, asked: Asked, _: list[str]) -> Reply:
        return self.page(asked, self.releases)

    def of_assignees(self, asked: Asked, _: list[str]) -> Reply:
        return self.page(asked, [user(login) for login in self.members])

    def of_contributors(self, asked: Asked, _: list[str]) -> Reply:
        if not self.commits:
            return 204, b"", {}
        return self.page(asked, [{**user("mona"), "contributions": len(self.commits)}])


def refs(found: dict[str, str]) -> list[Json]:
    return [{"name": name, "commit": {"sha": head}} for name, head in sorted(found.items())]


def latest(found: list[Json]) -> list[Json]:
    return sorted(found, key=lambda one: one["updated_at"], reverse=True)
