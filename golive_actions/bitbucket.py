"""Bitbucket Cloud: what is done through the REST API, version 2.0."""

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
    reads,
    send,
    sets,
    within,
)  # fmt: skip
from golive_core.http import Request, next_url

STATES: dict[State, str] = {
    "queued": "INPROGRESS", "running": "INPROGRESS", "passed": "SUCCESSFUL", "failed": "FAILED",
    "error": "FAILED", "cancelled": "STOPPED",
}  # fmt: skip
SIGN = "[//]: # (golive:{})"
"""Bitbucket shows HTML comments, but no definition of a link that nobody uses."""
VALUES = "values"


class Bitbucket(Target):
    """Acts on the repositories that the token may write to; a repository is workspace/name."""

    type: ClassVar[str] = "bitbucket"
    title: ClassVar[str] = "Bitbucket Cloud"
    url: ClassVar[str] = "https://api.bitbucket.org/2.0"
    example: ClassVar[str] = """
[source.bitbucket]
type = "bitbucket"
project = "shop"
user = "bot@example.org"       # leave it out for an access token
token = "env:BITBUCKET_TOKEN"
"""

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to."""
        user = (yield ask("user")).object()
        return {"login": user.get("nickname"), "name": user.get("display_name")}

    @reads
    def get_repositories(self, limit: int = 1000) -> Flow:
        """List the repositories that the user is a member of."""
        found = yield from every(
            _list("repositories", role="member"), next_url(), VALUES, limit=limit
        )
        return [
            {"repository": one.get("full_name"), "is_private": one.get("is_private"),
             "default_branch": within(one, "mainbranch").get("name"), "url": _page(one)}
            for one in found
        ]  # fmt: skip

    @reads
    def get_branches(self, repository: str, limit: int = 1000) -> Flow:
        """List the branches of a repository with their heads."""
        first = _list(f"repositories/{repository}/refs/branches")
        found = yield from every(first, next_url(), VALUES, limit=limit)
        return [{"branch": one["name"], "head_sha": one["target"]["hash"]} for one in found]

    @reads
    def get_commits(self, repository: str, branch: str = "", limit: int = 100) -> Flow:
        """List the newest commits of a branch, of all branches if none is named."""
        path = f"repositories/{repository}/commits"
        first = _list(f"{path}/{branch}" if branch else path)
        found = yield from every(first, next_url(), VALUES, limit=limit)
        return [
            {"sha": one["hash"], "author": one["author"].get("raw"), "authored_at": one["date"],
             "message": one["message"]}
            for one in found
        ]  # fmt: skip

    @makes("{repository} {url}")
    def create_webhook(
        self, repository: str, url: str, secret: str = "", events: list[str] | None = None
    ) -> Flow:
        """Have Bitbucket send events to a URL; a webhook that does so already is returned."""
        path = f"repositories/{repository}/hooks"
        for hook in (yield from every(_list(path), next_url(), VALUES)):
            if hook.get("url") == url:
                return _made({**hook, "id": hook.get("uuid")}, existed=True)
        body: Json = {
            "description": "GoLive", "url": url, "active": True,
            "events": events or ["repo:push", "pullrequest:created", "pullrequest:updated"],
        }  # fmt: skip
        if secret:
            body["secret"] = secret
        hook = (yield send(path, body)).object()
        return _made({**hook, "id": hook.get("uuid")})

    @makes("{repository} {head} -> {base}")
    def create_pull_request(
        self, repository: str, title: str, head: str, base: str, body: str = ""
    ) -> Flow:
        """Open a pull request; one that is open for the same branches is returned."""
        path = f"repositories/{repository}/pullrequests"
        query = f'state="OPEN" AND source.branch.name="{head}" AND destination.branch.name="{base}"'
        for one in (yield from every(ask(path, q=query, pagelen="50"), next_url(), VALUES)):
            return _made(one, existed=True)
        wanted = {
            "title": title, "description": body, "source": {"branch": {"name": head}},
            "destination": {"branch": {"name": base}},
        }  # fmt: skip
        return _made((yield send(path, wanted)).object())

    @sets("{repository}@{commit} {context}")
    def set_commit_status(
        self, repository: str, commit: str, state: State, url: str, context: str = "golive",
        description: str = "",
    ) -> Flow:  # fmt: skip
        """Set the state that a commit shows under a context; Bitbucket demands a URL with it."""
        body = {
            "key": context, "name": context, "state": STATES[state], "url": url,
            "description": description,
        }  # fmt: skip
        path = f"repositories/{repository}/commit/{commit}/statuses/build"
        yield send(path, body)
        return {"key": context, "url": url, "existed": False}

    @sets("{repository}#{number} {marker}")
    def set_comment(self, repository: str, number: int, body: str, marker: str = "golive") -> Flow:
        """Write the one comment with this marker on a pull request, or change it."""
        text, sign = signed(body, marker, SIGN)
        path = f"repositories/{repository}/pullrequests/{number}/comments"
        found = yield from every(_list(path), next_url(), VALUES)
        shown = ({**one, "body": one["content"]["raw"]} for one in found if not one.get("deleted"))
        mine = carrying(shown, sign)
        content = {"content": {"raw": text}}
        if mine is None:
            answer = yield send(path, content)
        elif mine["body"] == text:
            return _made(mine, existed=True)
        else:
            answer = yield send(f"{path}/{mine['id']}", content, method="PUT")
        return _made(answer.object())


def _list(path: str, **params: str) -> Request:
    return ask(path, pagelen=str(PAGE), **params)


def _page(thing: Json) -> str | None:
    return within(thing, "links", "html").get("href")


def _made(thing: Json, *, existed: bool = False) -> Json:
    return made(thing, _page(thing) or thing.get("url"), existed=existed)
