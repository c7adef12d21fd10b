"""Lists of repositories, branches, commits, pull requests and releases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from golive_core.http import Answer, Request, next_link
from ingest.api import Detail, Walk
from ingest.github.scope import Json, Scope, entries, newest, next_pages, older

EMPTY = frozenset({409})
"""What GitHub says where a repository has no commit yet."""


def repositories(scope: Scope) -> Iterator[Walk]:
    """Yield the repository, then its branches and tags."""
    name = scope.name("repository")
    yield Walk(
        name, "repository", Request(f"repos/{scope.repository}"), context=scope.context(),
        keys=lambda page: {"default_branch": page.object().get("default_branch")},
    )  # fmt: skip
    default = scope.at.lists[name].keys.get("default_branch")
    for path, ref in (("branches", "branch"), ("tags", "tag")):
        context = scope.context(ref=ref, default=default)
        request = scope.request(path)
        yield Walk(scope.name(path), "branches", request, next_link, context, keys=heads)


def heads(page: Answer) -> Json:
    """Return the head of each branch or tag."""
    return {one["name"]: one["commit"]["sha"] for one in entries(page)}


def commits(scope: Scope) -> Iterator[Walk]:
    """Yield the commits of the default branch and of those that the options name."""
    window = scope.at.window
    for branch in ("", *scope.options.branches):
        params = {"sha": branch} if branch else {}
        if window:
            params |= {"since": window.start.isoformat(), "until": window.end.isoformat()}
        name = scope.name(f"commits/{branch}")
        new = NewCommits(scope, scope.at.mark(name).partition("|")[2])
        request = replace(scope.request("commits", **params), accepts=EMPTY)
        yield Walk(
            name, "commits", request, next_link, scope.context(),
            details=new.details, mark=head, stops=new.stops,
        )  # fmt: skip


def head(page: Answer) -> str:
    """Return time and id of the first commit of a page."""
    return next((f"{committed(one)}|{one['sha']}" for one in entries(page)), "")


def committed(commit: Json) -> str:
    """Return when a commit was made."""
    return (commit["commit"].get("committer") or commit["commit"]["author"])["date"]


@dataclass(slots=True)
class NewCommits:
    """What came since the head `known`.

    The list is sorted by time, and a merge brings commits that are older than the known head:
    only the comparison of the two heads names them all. Where history was rewritten and the known
    head is gone, the whole list is walked.
    """

    scope: Scope
    known: str
    _is_complete: bool = False

    def details(self, page: Answer) -> Iterator[Request]:
        """Yield the comparison, unless the page itself shows a straight line to the known head."""
        found = entries(page)
        if self.known and found:
            self._is_complete = self._is_straight(found)
            if not self._is_complete:
                request = self.scope.request(f"compare/{self.known}...{found[0]['sha']}")
                yield replace(request, tag=Detail("commits", self.scope.context(), self._compared))

    def _compared(self, answer: Answer) -> Iterator[Request]:
        self._is_complete = True
        return next_pages(answer)

    def stops(self, _: Answer) -> bool:
        """Tell whether all that is new is known."""
        return self._is_complete

    def _is_straight(self, found: list[Json]) -> bool:
        above: list[Json] = []
        for one in found:
            if one["sha"] == self.known:
                return all(len(new.get("parents") or ()) <= 1 for new in above)
            above.append(one)
        return False


def pull_requests(scope: Scope) -> Iterator[Walk]:
    """Yield pull requests, the last changed first, each with its size, commits and reviews."""
    request = scope.request("pulls", state="all", sort="updated", direction="desc")
    listed: list[int] = []
    context = scope.context(listed=listed) if scope.options.sizes else scope.context()
    yield Walk(
        scope.name("pulls"), "pulls", request, next_link, context,
        details=lambda page: _of_pulls(scope, page, listed), mark=newest("updated_at"),
        stops=older(scope.since("pulls"), "updated_at"),
    )  # fmt: skip


def _of_pulls(scope: Scope, page: Answer, listed: list[int]) -> Iterator[Request]:
    """Yield what the pull requests of a page entail that have news.

    What is too old for that at the first reading is `listed`: its row comes from the page.
    """
    found = entries(page)
    news = scope.news("pulls", found)
    is_first = not scope.since("pulls")
    listed[:] = [one["number"] for one in found if is_first and one not in news]
    for one in news:
        number, context = one["number"], scope.context(number=one["number"])
        if scope.options.sizes:
            single = Request(f"repos/{scope.repository}/pulls/{number}")
            yield replace(single, tag=Detail("pulls", scope.context()))
        for path, kind in (("commits", "pull.commits"), ("reviews", "reviews")):
            request = scope.request(f"pulls/{number}/{path}")
            yield replace(request, tag=Detail(kind, context, next_pages))


def releases(scope: Scope) -> Iterator[Walk]:
    """Yield releases, all of them whenever the newest hundred changed."""
    request = scope.request("releases")
    yield Walk(scope.name("releases"), "releases", request, next_link, scope.context())
