"""Change times on the pages of a list that is sorted newest first: marks, stops, what is new.

`ingest/api.py` says why such a list is safe to walk by page number. Times are compared as instants
and written as text that sorts, since servers write them with and without zone and fraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from golive_core.http import Answer
from golive_core.http.paging import dig, items
from ingest.parse.rows import instant

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """Where the change times are: the first of `fields` that an entry has; `at` is the list.

    A field inside another is written with a dot (`state.started_on`).
    """

    fields: tuple[str, ...]
    at: str = ""

    def entries(self, page: Answer) -> list[Json]:
        """Return the entries of a page; raises SourceDataError where there is no list."""
        return cast("list[Json]", items(page, (self.at,) if self.at else ()))

    def of(self, entry: Mapping[str, Any]) -> datetime | None:
        """Return when the entry changed, None where it does not say."""
        found = (dig(entry, name.split(".")) for name in self.fields)
        return instant(next((str(value) for value in found if value), None))

    def newest(self, page: Answer) -> str:
        """Return the `mark` of a page, empty for a page without times."""
        times = self._times(page)
        return max(times).isoformat(timespec="microseconds") if times else ""

    def until(self, since: str) -> Callable[[Answer], bool]:
        """Return the `stops` that ends a walk at a page that goes back beyond `since`.

        A page whose times do not fall is no reason to stop: the server did not sort.
        """
        limit = instant(since)

        def stops(page: Answer) -> bool:
            if limit is None:
                return False
            times = self._times(page)
            falls = times == sorted(times, reverse=True)
            return bool(times) and falls and times[-1] < limit

        return stops

    def after(self, page: Answer, since: str) -> Iterator[Json]:
        """Yield the entries that changed at `since` or later, or do not say when."""
        limit = instant(since)
        for entry in self.entries(page):
            changed = self.of(entry)
            if limit is None or changed is None or changed >= limit:
                yield entry

    def _times(self, page: Answer) -> list[datetime]:
        return [found for entry in self.entries(page) if (found := self.of(entry))]
