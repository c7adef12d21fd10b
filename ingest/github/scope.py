"""One repository with where its pull stands, and small tools for pages of GitHub's lists.

Some things change long after they left the top of their list: a run that goes on, a check that is
pending. Such a thing gets a list of its own in the cursor (`remember`), which is asked for again
(conditionally) by every pull until it is done, and is then forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from golive_core.http import Answer, Request, next_link
from golive_core.http.paging import items
from ingest.api import Position, WalkState
from ingest.github.options import GithubOptions
from ingest.parse.rows import instant

Json = dict[str, Any]
SIZE = 100
"""Entries of a page: the most that GitHub gives."""
OVERLAP_S = 60.0
"""Replicas of GitHub lag: changes of the last minute before the mark are looked at again."""
DONE = "done"
LONGEST = timedelta(days=35)
"""GitHub lets no run go on for longer; what is gone meanwhile is forgotten then, too."""


THING = re.compile(r"[^/]+/[^/]+/(?:run|check-runs|status|deployment)/[^/]+")
"""How lists of things that go on are named: `owner/name/run/1`."""


def goes_on(name: str, state: WalkState) -> bool:
    """Tell whether a list of the cursor is of one thing that may still change."""
    if not THING.fullmatch(name) or state.mark == DONE:
        return False
    at = instant(state.keys.get("at"))
    return at is None or datetime.now(UTC) - at < LONGEST


@dataclass(frozen=True, slots=True)
class Scope:
    """One repository of a pull: owner/name in lower case, and what core calls it."""

    repository: str
    repository_id: str
    at: Position
    options: GithubOptions

    def name(self, what: str) -> str:
        """Return what the cursor calls a list of the repository."""
        return f"{self.repository}/{what}"

    def request(self, path: str, **params: str) -> Request:
        """Return a request for a list of the repository."""
        return Request(f"repos/{self.repository}/{path}", {"per_page": str(SIZE), **params})

    def context(self, **more: object) -> Json:
        """Return what every parser is told, and `more`."""
        return {"repository": self.repository, "repository_id": self.repository_id, **more}

    def since(self, what: str) -> str:
        """Return the time from which changes of a list are news, empty for all."""
        return self.at.since(self.name(what), overlap_s=OVERLAP_S)

    def news(self, what: str, found: list[Json], *, all_at_first: bool = False) -> list[Json]:
        """Return the entries of a page that are to be read in detail: those that changed.

        At the first reading these are the newest only, unless `all_at_first`; with a window,
        those that began before its end.
        """
        since, window = self.since(what), self.at.window
        if window:
            end = window.end.isoformat().replace("+00:00", "Z")
            found = [one for one in found if one["created_at"] < end]
        elif not since and not all_at_first:
            state = self.at.lists.get(self.name(what), WalkState())
            found = found[: max(0, self.options.newest - len(state.new_pages) * SIZE)]
        return [one for one in found if one["updated_at"] >= since]

    def remember(self, what: str, at: str, **keys: object) -> None:
        """Ask for a thing of the time `at` again until it is done; `keys` is kept beside it."""
        name = self.name(what)
        if name not in self.at.lists or self.at.lists[name].mark == DONE:
            self.at.lists[name] = WalkState(keys={"at": at, **keys})

    def remembered(self, what: str) -> list[tuple[str, Json]]:
        """Return the things that go on: what comes behind `what`, and their keys with `at`."""
        prefix = self.name(what)
        return [
            (name.removeprefix(prefix), dict(state.keys))
            for name, state in self.at.lists.items()
            if name.startswith(prefix) and goes_on(name, state)
        ]


def entries(answer: Answer, *path: str) -> list[Json]:
    """Return the objects of a page; raises SourceDataError where there is no list."""
    return cast("list[Json]", items(answer, path))


def newest(field: str, *path: str) -> Callable[[Answer], str]:
    """Return a mark: the newest time in `field` of a page."""
    return lambda page: max((one.get(field) or "" for one in entries(page, *path)), default="")


def older(than: str, field: str, *path: str) -> Callable[[Answer], bool]:
    """Return an end: an entry whose `field` is before `than`, so that all that follow are."""

    def stops(page: Answer) -> bool:
        return any((one.get(field) or "") < than for one in entries(page, *path))

    return stops


def next_pages(answer: Answer) -> Iterator[Request]:
    """Yield the next page, for the `then` of a detail that is itself a list."""
    request = next_link(answer)
    if request:
        yield request


def kept(**keys: object) -> Callable[[Answer], Json]:
    """Return the `keys` of a walk of a remembered thing."""
    return lambda _: dict(keys)


def age_s(answer: Answer, since: str | None) -> float:
    """Return the seconds from a time to the answer, by the server's clock; 0 where unknown."""
    at = instant(since)
    now = answer.server_time or datetime.now(UTC)
    return (now - at).total_seconds() if at else 0.0
