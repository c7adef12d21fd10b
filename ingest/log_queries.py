"""Sources that ask a log store for what came after the last line: pages by time, oldest first.

`ingest/api.py` walks lists that change; a log only grows. The next page begins at the newest time
of this one, that time included, since lines of one instant may lie on both; their keys are hashes
of what the store knows them by, so that a line on two pages is one row. The cursor moves with each
page. Lines that reach the store later than younger ones are seen only if a window asks for them,
and of one instant no more than a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import Field

from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, PagesAhead, Request
from golive_core.window import Window
from ingest.api import ApiOptions, ApiSource
from ingest.batch import Batch
from ingest.source import Cursor, Finding, Pulled, Stream


class QueryOptions(ApiOptions, extra="forbid"):
    """What every `[source.<name>]` of a log store takes.

    `days` is how far back the first pull goes. `user` goes with a password in `token`;
    without it the token is sent as it is.
    """

    query: str
    user: str = ""
    days: int = Field(7, ge=1, le=30)
    page: int = Field(5_000, ge=1, le=10_000)


OptionsT = TypeVar("OptionsT", bound=QueryOptions)


class QuerySource(ApiSource, Generic[OptionsT]):
    """What log stores share; a source adds `request` and `times`, besides `type` and so on."""

    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("lines", "Lines that the query finds.", ("core.log_lines",)),
    )
    unit_s: ClassVar[int]
    """Parts of a second in which the store counts time."""
    options: OptionsT

    def request(self, after: int, until: int | None, size: int) -> Request:
        """Ask for the `size` oldest lines from the time `after` on and before `until`."""
        raise NotImplementedError

    def times(self, answer: Answer) -> list[int]:
        """Return the times of the lines of an answer."""
        raise NotImplementedError

    def credentials(self, scheme: str) -> dict[str, Any]:
        """Return the arguments of `client` for the token of the options."""
        token = self.secret(self.options.token)
        if self.options.user:
            return {"auth": (self.options.user, token)}
        return {"headers": {"Authorization": f"{scheme} {token}"} if token else {}}

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request for one line whether there is a later one."""
        with self.http() as http:
            answer = http.fetch(self.request(self._after(cursor), None, 1))
            return bool(self._times(answer))

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield the lines since the last pull, or those of the window."""
        after, until = self._after(cursor), None
        if window:
            after, until = (int(at.timestamp() * self.unit_s) for at in (window.start, window.end))
        with self.http() as http:
            yield from self._pages(http, after, until)

    def check(self) -> Iterator[Finding]:
        """Yield whether the store answers the query."""
        yield from self.checked(self.request(self._after(None), None, 1))

    def _pages(self, http: Http, after: int, until: int | None) -> Iterator[Pulled]:
        pages, batch, is_last = PagesAhead(http), Batch(), False
        while not is_last:
            answer = pages.fetch(self.request(after, until, self.options.page))
            times = self._times(answer)
            is_last = len(times) < self.options.page
            if times:
                newest = max(times)
                after = newest + 1 if is_last or newest <= after else newest
                if not is_last:
                    pages.expect([self.request(after, until, self.options.page)])
                batch.add(answer.url, answer.body, {"kind": "lines"})
            if not batch.is_empty and (is_last or batch.is_full):
                yield batch.flush({"after": after}, http.requests)

    def _after(self, cursor: Cursor | None) -> int:
        if cursor:
            return int(cursor["after"])
        start = datetime.now(UTC) - timedelta(days=self.options.days)
        return int(start.timestamp()) * self.unit_s

    def _times(self, answer: Answer) -> list[int]:
        try:
            return self.times(answer)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise SourceDataError(
                f"not what {self.type} should say: {answer.start()}", where=answer.where,
                hint="Let `url` name the store itself, not its page for people",
            ) from error  # fmt: skip


def listed(value: object, *path: str) -> list[dict[str, Any]]:
    """Return the list of objects at a path, empty where nothing lies there."""
    for name in path:
        value = cast("Mapping[str, object]", value or {}).get(name)
    return cast("list[dict[str, Any]]", value or [])
