"""GitLab, in the cloud or one's own: what is done through the REST API, version 4."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

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
    "queued": "pending", "running": "running", "passed": "success", "failed": "failed",
    "error": "failed", "cancelled": "canceled",
}  # fmt: skip
API = "/api/v4"
EXISTS = 409
REFUSED = 400
EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "pipeline_events",
          "job_events", "issues_events", "note_events", "deployment_events",
          "releases_events")  # fmt: skip


class GitLab(Target):
    """Acts on the projects that the token may write to."""

    type: ClassVar[str] = "gitlab"
    title: ClassVar[str] = "GitLab"
    url: ClassVar[str] = "https://gitlab.com"
    example: ClassVar[str] = """
[source.gitlab]
type = "gitlab"
project = "shop"
url = "https://gitlab.com"
token = "env:GITLAB_TOKEN"   # scope api
"""

    def root(self) -> str:
        """Return the address of the API, whether the url names it or only the server."""
        return super().root().removesuffix(API) + API

    def credentials(self) -> dict[str, str]:
        """Return the header in which GitLab takes tokens of every kind."""
        secret = self.place.secret(self.options.token)
        return {"private-token": secret} if secret else {}

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to."""
        user = (yield ask("user")).object()
        return {"login": user.get("username"), "name": user.get("name")}

    @reads
    def get_repositories(self, limit: int = 1000) -> Flow:
        """List the projects that the token's owner is a member of."""
        first = ask("projects", membership="true", per_page=str(PAGE))
        found = yield from every(first, next_link, limit=limit)
        return [
            {"repository": one.get("path_with_namespace"), "url": one.get("web_url"),
             "default_branch": one.get("default_branch"),
             "is_private": one.get("visibility") != "public"}
            for one in found
        ]  # fmt: skip

    @reads
    def get_branches(self, repository: str, limit: int = 1000) -> Flow:
        """List the branches of a project with their heads."""
        first = ask(f"{_project(repository)}/repository/branches", per_page=str(PAGE))
        found = yield from every(first, next_link, limit=limit)
        return [{"branch": one["name"], "head_sha": one["commit"]["id"]} for one in found]

    @reads
    def get_commits(self, repository: str, branch: str = "", limit: int = 100) -> Flow:
        """List the newest commits of a branch, the default branch if none is named."""
        named = {"ref_name": branch} if branch else {}
        first = ask(f"{_project(repository)}/repository/commits", per_page=str(PAGE), **named)
        found = yield from every(first, next_link, limit=limit)
        return [
            {"sha": one["id"], "author": one["author_name"], "authored_at": one["authored_date"],
             "message": one["message"]}
            for one in found
        ]  # fmt: skip

    @makes("{repository} {url}")
    def create_webhook(
        self, repository: str, url: str, secret: str = "", events: list[str] | None = None
    ) -> Flow:
        """Have GitLab send events to a URL; a webhook that does so already is returned."""
        path = f"{_project(repository)}/hooks"
        for hook in (yield from every(ask(path, per_page=str(PAGE)), next_link)):
            if hook.get("url") == url:
                return made(hook, url, existed=True)
        wanted = events or ["push_events", "merge_requests_events", "pipeline_events"]
        body: Json = {"url": url, **{name: name in wanted for name in EVENTS}}
        if secret:
            body["token"] = secret
        return made((yield send(path, body)).object(), url)

    @makes("{repository} {head} -> {base}")
    def create_pull_request(
        self, repository: str, title: str, head: str, base: str, body: str = "",
        draft: bool = False,
    ) -> Flow:  # fmt: skip
        """Open a merge request; one that is open for the same branches is returned."""
        path = f"{_project(repository)}/merge_requests"
        wanted = {
            "source_branch": head, "target_branch": base, "description": body,
            "title": f"Draft: {title}" if draft else title,
        }  # fmt: skip
        answer = yield send(path, wanted, accepts=(EXISTS,))
        if answer.status != EXISTS:
            return _made(answer.object())
        there = yield ask(path, state="opened", source_branch=head, target_branch=base)
        for one in objects(there):
            return _made(one, existed=True)
        raise refused(answer)

    @sets("{repository}@{commit} {context}")
    def set_commit_status(
        self, repository: str, commit: str, state: State, context: str = "golive",
        description: str = "", url: str = "",
    ) -> Flow:  # fmt: skip
        """Set the state that a commit shows under a context."""
        project = _project(repository)
        body = {"state": STATES[state], "name": context, "description": description}
        if url:
            body["target_url"] = url
        answer = yield send(f"{project}/statuses/{commit}", body, accepts=(REFUSED,))
        if answer.status != REFUSED:
            return _made(answer.object())
        # GitLab refuses to set the state that it has.
        there = yield ask(f"{project}/repository/commits/{commit}/statuses", name=context)
        for one in objects(there):
            if one.get("status") == STATES[state]:
                return _made(one, existed=True)
        raise refused(answer)

    @sets("{repository}!{number} {marker}")
    def set_comment(self, repository: str, number: int, body: str, marker: str = "golive") -> Flow:
        """Write the one comment with this marker on a merge request, or change it."""
        text, sign = signed(body, marker)
        path = f"{_project(repository)}/merge_requests/{number}/notes"
        mine = carrying((yield from every(ask(path, per_page=str(PAGE)), next_link)), sign)
        if mine is None:
            answer = yield send(path, {"body": text})
        elif mine["body"] == text:
            return _made(mine, existed=True)
        else:
            answer = yield send(f"{path}/{mine['id']}", {"body": text}, method="PUT")
        return _made(answer.object())


def _project(repository: str) -> str:
    return f"projects/{quote(repository, safe='')}"


def _made(thing: Json, *, existed: bool = False) -> Json:
    return made(thing, thing.get("web_url") or thing.get("target_url"), existed=existed)
