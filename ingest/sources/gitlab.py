"""GitLab: projects, branches, commits, merge requests, pipelines, deployments, issues, members.

Lists are read newest change first and only as far as there is news; a pipeline costs three more
requests (itself, its jobs, its test report), a merge request one (its commits). Of commits the
last `COMMITS_S` before the newest known are looked at again, for those that were pushed late; a
source of type `git` reads every commit, and with `git_sources` leaves code to it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel

from golive_core.http import Answer, Http, Request, guessed, next_link
from ingest.api import Detail, Position, Walk
from ingest.changes import Changes
from ingest.doctor import expiry, hidden, told
from ingest.hosted import HostedOptions, HostedSource, header
from ingest.parse import gitlab, gitlab_ci, gitlab_hooks, hosted
from ingest.parse.hosted import Hooked
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream

__all__ = ["Gitlab"]

PAGE = "100"
"""Entries of a page: the most that GitLab gives."""
LATE_S = 60.0
"""What shows up this much later with an earlier time is still asked for in detail."""
COMMITS_S = 7 * 86400.0
Json = dict[str, Any]
UPDATED = Changes(("updated_at", "created_at"))
COMMITTED = Changes(("committed_date",))
PARSERS: dict[str, Parser] = {
    "project": gitlab.project,
    "branches": gitlab.branches,
    "branches.gone": hosted.gone_heads,
    "commits": gitlab.commits,
    "merge_requests": gitlab.merge_requests,
    "merge_request_commits": gitlab.merge_request_commits,
    "pipelines": gitlab_ci.pipelines,
    "pipeline": gitlab_ci.pipeline,
    "jobs": gitlab_ci.jobs,
    "test_report": gitlab_ci.test_report,
    "deployments": gitlab_ci.deployments,
    "issues": gitlab.issues,
    "milestones": gitlab.milestones,
    "members": gitlab.members,
}


class Options(HostedOptions):
    """`[source.<name>]` of a GitLab; `repositories` are full paths of projects."""

    known: ClassVar[tuple[str, ...]] = (
        "code", "merge_requests", "pipelines", "deployments", "issues", "members",
    )  # fmt: skip
    url: str = "https://gitlab.com"
    jobs: bool = True
    tests: bool = True


class Gitlab(HostedSource[Options]):
    """Reads projects of one GitLab."""

    type: ClassVar[str] = "gitlab"
    title: ClassVar[str] = "GitLab"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "code", "projects, branches and commits",
            ("core.repositories", "core.branches", "core.commits"),
        ),
        Stream(
            "merge_requests", "merge requests and their commits",
            ("core.change_requests", "core.change_request_commits"),
        ),
        Stream(
            "pipelines", "pipelines, jobs and test reports",
            (
                "core.pipelines", "core.builds", "core.stages", "core.tests", "core.test_results",
                "core.failures",
            ),
        ),
        Stream("deployments", "deployments to environments", ("core.deployments",)),
        Stream(
            "issues", "issues and milestones",
            ("core.issues", "core.sprints", "core.sprint_issues"),
        ),
        Stream("members", "members of the projects", ("core.accounts",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("read_api",)
    needs: ClassVar[Mapping[str, str]] = {
        "code": "read_api, and the role Reporter in the project", "members": "read_api",
        "merge_requests": "read_api, and the role Reporter in the project",
        "pipelines": "read_api, and the role Reporter in the project",
        "deployments": "read_api, and the role Reporter in the project", "issues": "read_api",
    }  # fmt: skip
    example: ClassVar[str] = """
[source.gitlab]
type = "gitlab"
project = "shop"
url = "https://gitlab.example.org"     # gitlab.com if left out
token = "env:GITLAB_TOKEN"             # a project, group or personal access token
repositories = ["shop/backend"]        # full paths of projects
git_sources = {"shop/backend" = "git"} # leave code to [source.git], if there is one
since = "2026-01-01"                   # what changed before is not read; all if left out
tests = true                           # test reports of pipelines
"""
    Options: ClassVar[type[BaseModel]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the API, with the token if there is one."""
        token = self.secret(self.options.token)
        headers = {"PRIVATE-TOKEN": token} if token else {}
        return self.client(self.options, headers=headers, path="/api/v4")

    def check(self) -> Iterator[Finding]:
        """Yield whether the first project can be read, and what the token may."""
        yield from self.checked(Request(_of(self.options.repositories[0])))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the projects that are not shown, and what the token says of itself."""
        for path in self.options.repositories[1:]:
            yield from hidden(http, path, Request(_of(path)), "Make the user a member of it")
        me = told(http, "personal_access_tokens/self") if self.options.token else None
        if me is None:
            return
        scopes = [str(one) for one in me.get("scopes") or ()]
        if not {"api", "read_api"} & set(scopes):
            hint = "Make a token with read_api"
            yield Finding("token", "failed", f"scopes: {', '.join(scopes)}", hint)
        yield from expiry(str(me.get("expires_at") or ""))

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook brings the secret, which GitLab sends as it is."""
        given = header(headers, "x-gitlab-token")
        return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return contexts and bodies of payloads for a hook; none where it tells too little.

        Raises SourceDataError for a body that is not GitLab's.
        """
        return gitlab_hooks.payloads(body)

    def lists(self, stream: str, path: str, at: Position) -> Iterator[Walk]:
        """Yield the lists of a stream of one project."""
        match stream:
            case "code":
                yield from self._code(path, at)
            case "merge_requests":
                yield self._changed("merge_requests", path, at, state="all")
            case "issues":
                yield self._changed("issues", path, at, scope="all")
                yield _list("milestones", path, {"include_ancestors": "true"})
            case "members":
                yield _list("members/all", path, kind="members")
            case _:
                yield self._changed(stream, path, at)

    def _code(self, path: str, at: Position) -> Iterator[Walk]:
        if path in self.options.git_sources:
            return
        branches = _list("repository/branches", path, {"sort": "updated_desc"}, kind="branches")
        yield replace(branches, keys=_heads)
        late = self.late(f"{path}:commits", at, COMMITS_S)
        params = {"all": "true", "with_stats": "true", **self._between(at, "since", "until")}
        commits = _list("repository/commits", path, params, kind="commits")
        yield replace(commits, mark=COMMITTED.newest, stops=COMMITTED.until(late))
        yield Walk(f"{path}:project", "project", Request(_of(path)), context={"path": path})

    def _changed(self, kind: str, path: str, at: Position, **params: str) -> Walk:
        """Return a list that is sorted by change time, newest first, with details of what is new.

        It is not asked for since the last change: the same first page tells that nothing changed.
        """
        between = self._between(at, "updated_after", "updated_before")
        walk = _list(kind, path, {"order_by": "updated_at", "sort": "desc", **params, **between})
        known, late = self.late(walk.name, at, 0), self.late(walk.name, at, LATE_S)
        return replace(
            walk, mark=UPDATED.newest, stops=UPDATED.until(known),
            details=partial(self._details, walk, since=late),
        )  # fmt: skip

    def _between(self, at: Position, start: str, end: str) -> dict[str, str]:
        """Return the parameters that ask for the window or since the first day, if given."""
        begin = self.begin(at)
        found = {start: begin} if begin else {}
        return found | ({end: at.window.end.isoformat()} if at.window else {})

    def _details(self, walk: Walk, page: Answer, since: str) -> Iterator[Request]:
        ask = {"merge_requests": self._commits_of, "pipelines": self._parts_of}.get(walk.kind)
        if ask:
            for one in UPDATED.after(page, since):
                yield from ask(str(walk.context["path"]), one)

    def _commits_of(self, path: str, one: Json) -> Iterator[Request]:
        tag = Detail(
            "merge_request_commits", {"path": path, "number": one["iid"]}, following=next_link
        )
        yield Request(
            f"{_of(path)}/merge_requests/{one['iid']}/commits", {"per_page": PAGE}, tag=tag
        )

    def _parts_of(self, path: str, one: Json) -> Iterator[Request]:
        below = f"{_of(path)}/pipelines/{one['id']}"
        context = {
            "path": path, "number": gitlab_ci.number(one), "at": one["created_at"],
            "sha": one["sha"], "ref": one["ref"],
        }  # fmt: skip
        yield Request(below, tag=Detail("pipeline", {"path": path}))
        if self.options.jobs:
            params = {"per_page": PAGE, "include_retried": "true"}
            yield Request(f"{below}/jobs", params, tag=Detail("jobs", context, following=next_link))
        if self.options.tests and one["status"] in gitlab_ci.ENDED:
            yield Request(f"{below}/test_report", tag=Detail("test_report", context))


def _of(path: str) -> str:
    return f"projects/{quote(path, safe='')}"


def _heads(page: Answer) -> dict[str, Any]:
    """Return what to remember of the branches on a page."""
    heads = [gitlab.head(one) for one in UPDATED.entries(page)]
    return {one["name"]: one for one in heads}


def _list(
    below: str, path: str, params: Mapping[str, str] | None = None, *, kind: str = ""
) -> Walk:
    """Return the walk of a list of a project."""
    kind = kind or below
    return Walk(
        f"{path}:{kind}", kind,
        Request(f"{_of(path)}/{below}", {"per_page": PAGE, **(params or {})}), next_link,
        {"path": path}, ahead=guessed(next_link),
        may_be_gone=kind in ("issues", "milestones", "deployments"),
    )  # fmt: skip
