"""Bitbucket Cloud: repositories, branches, commits, pull requests, pipelines, deployments, issues.

Lists are read newest first and only as far as there is news. Pipelines, deployments and commits
are sorted by when they began and may change later: the last `LATER_S` before the newest known are
looked at again. A pull request costs two more requests (commits, statuses), a pipeline one (steps).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from golive_core.http import Answer, Http, Request, guessed, next_url
from ingest.api import Detail, Position, Walk, WalkState, digest
from ingest.changes import Changes
from ingest.doctor import hidden
from ingest.hosted import HostedOptions, HostedSource, header
from ingest.parse import bitbucket, bitbucket_ci, bitbucket_hooks, hosted
from ingest.parse.hosted import Hooked
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream
from ingest.webhook import signed

__all__ = ["Bitbucket"]

Json = dict[str, Any]
PAGE, REQUEST_PAGE = 100, 50
"""Entries of a page: the most that Bitbucket gives, of pull requests it is fewer."""
LATE_S = 60.0
"""What shows up this much later with an earlier time is still asked for in detail."""
LATER_S = 7 * 86400.0
UPDATED = Changes(("updated_on",), at="values")
COMMITTED = Changes(("date",), at="values")
BEGUN = Changes(("created_on",), at="values")
ENDED = Changes(("completed_on", "created_on"), at="values")
DEPLOYED = Changes(("state.started_on",), at="values")
MORE = "+values.participants,+values.reviewers,+values.draft,+values.merge_commit.date"
"""Fields of pull requests that lists leave out unless they are asked for."""
ENVIRONMENT = "+values.environment.name,+values.environment.environment_type.name"
STATES = [("state", state) for state in ("OPEN", "MERGED", "DECLINED", "SUPERSEDED")]
PARSERS: dict[str, Parser] = {
    "repository": bitbucket.repository,
    "branches": bitbucket.branches,
    "branches.gone": hosted.gone_heads,
    "commits": bitbucket.commits,
    "pull_requests": bitbucket.pull_requests,
    "pull_request_commits": bitbucket.pull_request_commits,
    "statuses": bitbucket.statuses,
    "pipelines": bitbucket_ci.pipelines,
    "steps": bitbucket_ci.steps,
    "deployments": bitbucket_ci.deployments,
    "issues": bitbucket.issues,
}


class Options(HostedOptions):
    """`[source.<name>]` of Bitbucket Cloud; `repositories` are `workspace/repository`.

    With `user` the token is an app password or API token of that user, else a Bearer token.
    """

    known: ClassVar[tuple[str, ...]] = (
        "code", "pull_requests", "pipelines", "deployments", "issues",
    )  # fmt: skip
    url: str = "https://api.bitbucket.org"
    user: str = ""
    statuses: bool = True


class Bitbucket(HostedSource[Options]):
    """Reads repositories of Bitbucket Cloud."""

    type: ClassVar[str] = "bitbucket"
    title: ClassVar[str] = "Bitbucket Cloud"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "code", "repositories, branches and commits",
            ("core.repositories", "core.branches", "core.commits"),
        ),
        Stream(
            "pull_requests", "pull requests, their commits, reviews and statuses",
            (
                "core.change_requests", "core.change_request_commits", "core.reviews",
                "core.checks",
            ),
        ),
        Stream(
            "pipelines", "pipelines and steps", ("core.pipelines", "core.builds", "core.stages"),
        ),
        Stream("deployments", "deployments to environments", ("core.deployments",)),
        Stream("issues", "issues of the repositories' trackers", ("core.issues",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("repository", "pullrequest", "pipeline", "issue")
    needs: ClassVar[Mapping[str, str]] = {
        "code": "repository", "pull_requests": "pullrequest", "pipelines": "pipeline",
        "deployments": "pipeline", "issues": "issue",
    }  # fmt: skip
    example: ClassVar[str] = """
[source.bitbucket]
type = "bitbucket"
project = "shop"
user = "bot"                           # left out with an access token of a repository
token = "env:BITBUCKET_TOKEN"          # app password of that user, or an access token
repositories = ["shop/backend"]        # workspace and repository
git_sources = {"shop/backend" = "git"} # leave code to [source.git], if there is one
since = "2026-01-01"                   # what changed before is not read; all if left out
"""
    Options: ClassVar[type[BaseModel]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the API, with user and password or a token if there is one."""
        token, user = self.secret(self.options.token), self.options.user
        headers = {"Authorization": f"Bearer {token}"} if token and not user else {}
        auth = (user, token) if user else None
        return self.client(self.options, headers=headers, auth=auth, path="/2.0")

    def check(self) -> Iterator[Finding]:
        """Yield whether the first repository can be read."""
        yield from self.checked(Request(_of(self.options.repositories[0])))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the further repositories that are not shown."""
        for path in self.options.repositories[1:]:
            yield from hidden(http, path, Request(_of(path)), "Check its name, and who may read it")

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook was signed with the secret."""
        return signed(body, secret, header(headers, "x-hub-signature"))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return contexts and bodies of payloads for a hook; none where it tells nothing new.

        Raises SourceDataError for a body that is not Bitbucket's.
        """
        return bitbucket_hooks.payloads(header(headers, "x-event-key"), body)

    def lists(self, stream: str, path: str, at: Position) -> Iterator[Walk]:
        """Yield the lists of a stream of one repository."""
        match stream:
            case "code":
                yield from self._code(path, at)
            case "pull_requests":
                yield self._updated(path, at)
            case "pipelines":
                yield self._pipelines(path, at)
            case "deployments":
                params = {"sort": "-state.started_on", "fields": ENVIRONMENT}
                walk = _list("deployments/", path, params, kind="deployments")
                yield self._until(replace(walk, may_be_gone=True), at, DEPLOYED)
            case _:
                params = {"sort": "-updated_on", **self._between(at)}
                walk = replace(_list("issues", path, params), may_be_gone=True)
                yield self._newest_first(walk, at)

    def _code(self, path: str, at: Position) -> Iterator[Walk]:
        if path in self.options.git_sources:
            return
        branches = _list("refs/branches", path, {"sort": "-target.date"}, kind="branches")
        yield replace(branches, keys=_heads)
        yield self._commits(path, at, at.lists.get(branches.name, WalkState()))
        request = Request(_of(path))
        yield Walk(f"{path}:repository", "repository", request, context={"path": path})

    def _commits(self, path: str, at: Position, branches: WalkState) -> Walk:
        """Return the list of commits, known if no branch moved since it was read to its end."""
        walk = self._until(_list("commits", path), at, COMMITTED)
        state = at.lists.get(walk.name, WalkState())
        heads = digest(json.dumps(branches.keys, sort_keys=True).encode())
        is_known = state.keys.get("heads") == heads and not (at.window or state.next)

        def kept(_: Answer) -> Json:
            return {"heads": heads}

        return replace(walk, keys=kept, is_known=is_known)

    def _updated(self, path: str, at: Position) -> Walk:
        """Return the list of pull requests with commits and statuses of those that changed.

        Parameters stand in the path since `state` occurs several times.
        """
        more = {"pagelen": REQUEST_PAGE, "sort": "-updated_on", "fields": MORE}
        below = f"pullrequests?{urlencode([*STATES, *more.items(), *self._between(at).items()])}"
        walk = _list(below, path, kind="pull_requests", sized=False)
        late = self.late(walk.name, at, LATE_S)
        details = partial(self._parts_of, path, since=late)
        return replace(self._newest_first(walk, at), details=details)

    def _between(self, at: Position) -> dict[str, str]:
        """Return the filter for the window or since the first day, if given."""
        begin = self.begin(at)
        wanted = [f"updated_on >= {begin}"] if begin else []
        wanted += [f"updated_on < {at.window.end.isoformat()}"] if at.window else []
        return {"q": " AND ".join(wanted)} if wanted else {}

    def _newest_first(self, walk: Walk, at: Position) -> Walk:
        """Return the walk of a list sorted by change time, which ends at what is known."""
        known = self.late(walk.name, at, 0)
        return replace(walk, mark=UPDATED.newest, stops=UPDATED.until(known))

    def _until(self, walk: Walk, at: Position, begun: Changes) -> Walk:
        """Return the walk of a list sorted by when its entries began, which ends well before it.

        Such lists cannot be asked for by time, so a window reads on to its start.
        """
        since = max(self.begin(at), self.late(walk.name, at, LATER_S))
        return replace(walk, mark=begun.newest, stops=begun.until(since))

    def _parts_of(self, path: str, page: Answer, since: str) -> Iterator[Request]:
        kinds = {"pull_request_commits": "commits"}
        kinds |= {"statuses": "statuses"} if self.options.statuses else {}
        for one in UPDATED.after(page, since):
            for kind, below in kinds.items():
                context = {"path": path, "number": one["id"]}
                tag = Detail(kind, context, following=next_url(), at="values")
                yield Request(
                    f"{_of(path)}/pullrequests/{one['id']}/{below}", {"pagelen": str(PAGE)}, tag=tag
                )

    def _pipelines(self, path: str, at: Position) -> Walk:
        walk = _list("pipelines/", path, {"sort": "-created_on"}, kind="pipelines")
        late = self.late(walk.name, at, LATE_S)
        return replace(
            self._until(walk, at, BEGUN), mark=ENDED.newest,
            details=partial(_steps_of, path, since=late),
        )  # fmt: skip


def _steps_of(path: str, page: Answer, since: str) -> Iterator[Request]:
    """Yield the requests for steps of pipelines that ended since, began since or still run."""
    news = [one["uuid"] for one in ENDED.after(page, since)]
    for one in ENDED.entries(page):
        if one["uuid"] in news or not bitbucket_ci.is_over(one):
            tag = Detail(
                "steps", {"path": path, "pipeline": one}, following=next_url(), at="values"
            )
            below = f"{_of(path)}/pipelines/{quote(one['uuid'])}/steps/"
            yield Request(below, {"pagelen": str(PAGE)}, tag=tag)


def _of(path: str) -> str:
    return f"repositories/{quote(path)}"


def _heads(page: Answer) -> dict[str, Any]:
    """Return what to remember of the branches on a page."""
    heads = [bitbucket.head(one) for one in COMMITTED.entries(page)]
    return {one["name"]: one for one in heads}


def _list(
    below: str, path: str, params: Mapping[str, str] | None = None, *, kind: str = "",
    sized: bool = True,
) -> Walk:  # fmt: skip
    """Return the walk of a list of a repository; its parameters may stand in `below`."""
    kind = kind or below
    size = {"pagelen": str(PAGE)} if sized else {}
    request = Request(f"{_of(path)}/{below}", {**size, **(params or {})})
    following = next_url()
    return Walk(
        f"{path}:{kind}", kind, request, following, {"path": path}, ahead=guessed(following)
    )
