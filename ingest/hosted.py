"""Sources of Git hosts that read several repositories: every stream is walked repository by each.

What lists a repository has is the source's business; how a list is walked is in `ingest/api.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Generic, TypeVar

from pydantic import Field

from golive_core.http import Http
from ingest.api import ApiSource, Position, Walk
from ingest.source import Cursor
from ingest.streams import StreamOptions


class HostedOptions(StreamOptions):
    """What every Git host takes.

    `repositories` are full paths; `git_sources` names the source of type `git` that reads the same
    repository, by path: code is left to it, and all else carries its `repository_id`. What last
    changed before `since` is not asked for.
    """

    repositories: list[str] = Field(min_length=1)
    git_sources: dict[str, str] = Field(default_factory=dict[str, str])
    since: date | None = None


Options = TypeVar("Options", bound=HostedOptions)


class HostedSource(ApiSource, Generic[Options]):
    """What Git hosts share; a source adds its `options` and `lists`."""

    options: Options

    def lists(self, stream: str, path: str, at: Position) -> Iterator[Walk]:
        """Yield the lists of a stream of one repository without asking for anything."""
        raise NotImplementedError

    def begin(self, at: Position) -> str:
        """Return the ISO time before which nothing is wanted, empty for no such time."""
        if at.window:
            return at.window.start.isoformat()
        return f"{self.options.since}T00:00:00+00:00" if self.options.since else ""

    def late(self, name: str, at: Position, overlap_s: float) -> str:
        """Return the ISO time up to `overlap_s` before what is known of a list, empty for all."""
        return "" if at.window else at.since(name, overlap_s=overlap_s)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream, repository by repository."""
        for path in self.options.repositories if self.options.wants(stream) else ():
            yield from self.lists(stream, path, at)

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request a repository whether the first list of the stream changed."""
        at, wanted = Position.of(cursor), self.options.wants(stream)
        lists = [self.lists(stream, path, at) for path in self.options.repositories if wanted]
        first = [walk for walk in (next(one, None) for one in lists) if walk]
        if first and (cursor is None or any(one.next for one in at.lists.values())):
            return True
        with self.http() as http:
            return any(self.is_changed(walk, at, http) for walk in first)


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header of a webhook whatever the case of its name, empty for none."""
    found = (value for key, value in headers.items() if key.lower() == name)
    return next(found, "")
