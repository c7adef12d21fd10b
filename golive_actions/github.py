"""GitHub and GitHub Enterprise: what is done through the REST API, version 2022-11-28."""

from __future__ import annotations

from typing import ClassVar

from golive_actions.git_host import State, carrying, made, signed
from golive_actions.target import (
    PAGE,
    Flow,
    Json,
    Target,
    ask,
    every,
    makes,
    objects,
    reads,
    refused,
    send,
    sets,
)  # fmt: skip
from golive_core.http import next_link

STATES: dict[State, str] = {
    "queued": "pending", "running": "pending", "passed": "success", "failed": "failure",
    "error": "error", "cancelled": "error",
}  # fmt: skip
EXISTS = 422
SHORT = 140
"""Characters of a description that GitHub takes."""


class GitHub(Target):
    """Acts on the repositories that the token may write to."""

    type: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    url: ClassVar[str] = "https://api.github.com"
    example: ClassVar[str] = """
[source.github]
type = "github"
project = "shop"
token = "env:GITHUB_TOKEN"   # contents, pull requests, webhooks and statuses: write
"""

    def headers(self) -> dict[str, str]:
        """Return the media type and the version of the API."""
        return {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to and what it may do."""
        answer = yield ask("user")
        scopes = answer.headers.get("x-oauth-scopes", "")
        return {
            "login": answer.object().get("login"),
            "scopes": [one.strip() for one in scopes.split(",") if one.strip()],
        }

    @reads
    def get_repositories(self, limit: int = 1000) -> Flow:
        """List the repositories that the token sees."""
        found = yield from every(ask("user/repos", per_page=str(PAGE)), next_link, limit=limit)
        return [
            {"repository": one.get("full_name"), "default_branch": one.get("default_branch"),
             "is_private": one.get("private"), "url": one.get("html_url")}
            for one in found
        ]  # fmt: skip

    @reads
    def get_branches(self, repository: str, limit: int = 1000) -> Flow:
        """List the branches of a repository with their heads."""
        first = ask(f"repos/{repository}/branches", per_page=str(PAGE))
        found = yield from every(first, next_link, limit=limit)
        return [{"branch": one["name"], "head_sha": one["commit"]["sha"]} for one in found]

    @reads
    def get_commits(self, repository: str, branch: str = "", limit: int = 100) -> Flow:
        """List the newest commits of a branch, the default branch if none is named."""
        named = {"sha": branch} if branch else {}
        first = ask(f"repos/{repository}/commits", per_page=str(PAGE), **named)
        found = yield from every(first, next_link, limit=limit)
        return [
            {"sha": one["sha"], "author": one["commit"]["author"]["name"],
             "authored_at": one["commit"]["author"]["date"], "message": one["commit"]["message"]}
            for one in found
        ]  # fmt: skip

    @makes("{repository} {url}")
    def create_webhook(
        self, repository: str, url: str, secret: str = "", events: list[str] | None = None
    ) -> Flow:
        """Have GitHub send events to a URL; a webhook that does so already is returned."""
        path = f"repos/{repository}/hooks"
        config = {"url": url, "content_type": "json", **({"secret": secret} if secret else {})}
        body = {"name": "web", "active": True, "events": events or ["push"], "config": config}
        answer = yield send(path, body, accepts=(EXISTS,))
        if answer.status != EXISTS:
            return _made(answer.object())
        hooks = yield from every(ask(path, per_page=str(PAGE)), next_link)
        for hook in hooks:
            if hook["config"].get("url") == url:
                return _made(hook, existed=True)
        raise refused(answer)

    @makes("{repository} {head} -> {base}")
    def create_pull_request(
        self, repository: str, title: str, head: str, base: str, body: str = "",
        draft: bool = False,
    ) -> Flow:  # fmt: skip
        """Open a pull request; one that is open for the same branches is returned."""
        path = f"repos/{repository}/pulls"
        wanted = {"title": title, "head": head, "base": base, "body": body, "draft": draft}
        answer = yield send(path, wanted, accepts=(EXISTS,))
        if answer.status != EXISTS:
            return _made(answer.object())
        owner = repository.partition("/")[0]
        place = head if ":" in head else f"{owner}:{head}"
        there = yield ask(path, state="open", head=place, base=base)
        for one in objects(there):
            return _made(one, existed=True)
        raise refused(answer)

    @sets("{repository}@{commit} {context}")
    def set_commit_status(
        self, repository: str, commit: str, state: State, context: str = "golive",
        description: str = "", url: str = "",
    ) -> Flow:  # fmt: skip
        """Set the state that a commit shows under a context."""
        body = {"state": STATES[state], "context": context, "description": description[:SHORT]}
        if url:
            body["target_url"] = url
        answer = yield send(f"repos/{repository}/statuses/{commit}", body)
        return _made(answer.object())

    @sets("{repository}#{number} {marker}")
    def set_comment(self, repository: str, number: int, body: str, marker: str = "golive") -> Flow:
        """Write the one comment with this marker on a pull request, or change it."""
        text, sign = signed(body, marker)
        path = f"repos/{repository}/issues"
        there = ask(f"{path}/{number}/comments", per_page=str(PAGE))
        mine = carrying((yield from every(there, next_link)), sign)
        if mine is None:
            answer = yield send(f"{path}/{number}/comments", {"body": text})
        elif mine["body"] == text:
            return _made(mine, existed=True)
        else:
            answer = yield send(f"{path}/comments/{mine['id']}", {"body": text}, method="PATCH")
        return _made(answer.object())


def _made(thing: Json, *, existed: bool = False) -> Json:
    return made(thing, thing.get("html_url") or thing.get("url"), existed=existed)
