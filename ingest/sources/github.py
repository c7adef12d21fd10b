"""GitHub and GitHub Enterprise: code, reviews, Actions, checks, deployments, issues, releases.

Lists come a hundred entries a request and are asked for conditionally, so that a poll without news
costs one cheap request a list. How they are walked is in `ingest/github/`, what the answers mean
in `ingest/parse/github_*.py`; this file puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel

from golive_core.http import Http, Request, next_link
from ingest.api import ApiSource, Position, Walk
from ingest.doctor import hidden
from ingest.github import checks, code, hooks, runs, work
from ingest.github.options import GithubOptions
from ingest.github.scope import SIZE, Scope, entries, goes_on
from ingest.parse import (
    github_checks,
    github_code,
    github_files,
    github_runs,
    github_work,
)
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream
from ingest.webhook import signed

MISSING = frozenset({404})
VERSION = "2022-11-28"
"""Of the REST API: what its answers look like stays the same under a version."""
ANYBODY = Request("rate_limit", accepts=MISSING)
"""Costs nothing; an Enterprise Server without limits does not have it."""
SEEN = "Check its name, and give the token that repository"
MANY = 50
"""Repositories that are asked about one by one to tell whether there are news."""


class Github(ApiSource):
    """Reads repositories of one GitHub."""

    type: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "repositories", "repositories with branches and tags",
            ("core.repositories", "core.branches"),
        ),
        Stream("commits", "commits of the default branch and named ones", ("core.commits",)),
        Stream(
            "pull_requests", "pull requests with commits and reviews",
            ("core.change_requests", "core.change_request_commits", "core.reviews"),
        ),
        Stream(
            "runs", "workflow runs of all attempts, jobs, logs, artifacts and test reports in them",
            (
                "core.pipelines", "core.builds", "core.stages", "core.artifacts",
                "core.log_lines", "core.tests", "core.test_results", "core.failures",
            ),
        ),
        Stream("checks", "check runs and commit statuses", ("core.checks",)),
        Stream("deployments", "deployments with statuses", ("core.deployments",)),
        Stream(
            "issues", "issues and milestones",
            ("core.issues", "core.sprints", "core.sprint_issues"),
        ),
        Stream("releases", "releases", ("core.releases",)),
        Stream("accounts", "accounts of who works on the repositories", ("core.accounts",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = (
        "Contents: read", "Pull requests: read", "Issues: read", "Actions: read", "Checks: read",
        "Commit statuses: read", "Deployments: read", "Metadata: read",
    )  # fmt: skip
    needs: ClassVar[Mapping[str, str]] = {
        "repositories": "Contents: read and Metadata: read", "commits": "Contents: read",
        "pull_requests": "Pull requests: read", "runs": "Actions: read",
        "checks": "Checks: read and Commit statuses: read", "deployments": "Deployments: read",
        "issues": "Issues: read", "releases": "Contents: read", "accounts": "Metadata: read",
    }  # fmt: skip
    example: ClassVar[str] = """
[source.hub]
type = "github"
project = "shop"
token = "env:GITHUB_TOKEN"              # fine-grained, read only
repositories = ["acme/shop"]            # or owner = "acme", include = ["shop-*"]
# url = "https://github.example.org/api/v3"   # GitHub Enterprise Server
# streams = ["pull_requests", "runs"]   # all if left out
# logs = "failed"                       # logs of failed jobs; "all" or "none"
# reports = ["*junit*"]                 # artifacts that hold test reports; [] for none
# repository_ids = { "acme/shop" = "shop" }   # the git source that reads the same repository
"""
    Options: ClassVar[type[BaseModel]] = GithubOptions
    parsers: ClassVar[Mapping[str, Parser]] = {
        **github_code.PARSERS,
        **github_runs.PARSERS,
        **github_checks.PARSERS,
        **github_files.PARSERS,
        **github_work.PARSERS,
    }

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = GithubOptions.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the API."""
        token = self.secret(self.options.token)
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.client(self.options, headers=headers)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream, repository by repository."""
        if not self.options.wants(stream):
            return
        for name in self._repositories(http):
            scope = Scope(name, self._repository_id(name), at, self.options)
            yield from self._walks(stream, scope)

    def _walks(self, stream: str, scope: Scope) -> Iterator[Walk]:
        if stream == "runs":
            return runs.runs(scope, self.instance.name)
        return LISTS[stream](scope)

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request a repository for the first list of the stream whether it changed.

        What did not change is not counted by GitHub. One request more names the repositories of an
        owner. Where something goes on, or there are too many repositories to ask about, the pull
        itself asks, by conditional requests too.
        """
        if not self.options.wants(stream):
            return False
        at = Position.of(cursor)
        if cursor is None or any(one.next or goes_on(name, one) for name, one in at.lists.items()):
            return True
        with self.http() as http:
            names = self._repositories(http)
            if len(names) > MANY:
                return True
            scopes = (Scope(name, self._repository_id(name), at, self.options) for name in names)
            first = (next(self._walks(stream, scope), None) for scope in scopes)
            return any(walk is not None and self.is_changed(walk, at, http) for walk in first)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers, what the token may read, and every repository."""
        yield from self.checked(ANYBODY)

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the repositories; one that the token may not see is as good as none."""
        for name in self._repositories(http):
            lost = list(hidden(http, name, Request(f"repos/{name}"), SEEN))
            yield from lost or [Finding("repository", "ok", name)]

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook was signed with the secret."""
        return signed(body, secret, _header(headers, "x-hub-signature-256"))

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> list[tuple[dict[str, Any], bytes]]:
        """Return contexts and bodies of payloads for an event; none where it tells nothing new.

        Raises SourceDataError for a body that is not GitHub's.
        """
        return hooks.payloads(_header(headers, "x-github-event"), body, self._repository_id)

    def _repository_id(self, name: str) -> str:
        return self.options.id_of(name, self.instance.name)

    def _repositories(self, http: Http) -> list[str]:
        """Return owner/name of all that is read: what is named, then what the owner has."""
        owned = self._owned(http) if self.options.owner else []
        return list(dict.fromkeys([*self.options.repositories, *owned]))

    def _owned(self, http: Http) -> list[str]:
        """Return the repositories of the owner, an organisation or else a person."""
        size = {"per_page": str(SIZE)}
        first = Request(f"orgs/{self.options.owner}/repos", size, accepts=MISSING)
        answer = http.fetch(first)
        if answer.status in MISSING:
            answer = http.fetch(replace(first, path=f"users/{self.options.owner}/repos",
                                        accepts=frozenset()))  # fmt: skip
        names: list[str] = []
        while True:
            names += [one["full_name"].lower() for one in entries(answer)]
            following = next_link(answer)
            if following is None:
                return [name for name in names if self.options.is_wanted(name)]
            answer = http.fetch(following)


LISTS = {
    "repositories": code.repositories,
    "commits": code.commits,
    "pull_requests": code.pull_requests,
    "checks": checks.checks,
    "deployments": checks.deployments,
    "issues": work.issues,
    "releases": code.releases,
    "accounts": work.accounts,
}


def _header(headers: Mapping[str, str], name: str) -> str:
    found = (value for key, value in headers.items() if key.lower() == name)
    return next(found, "")
