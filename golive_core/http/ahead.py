"""Pages that are fetched before they are wanted, while what came before is looked at or stored."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from itertools import islice

from golive_core.http.client import Http
from golive_core.http.messages import Answer, Request

Key = tuple[str, tuple[tuple[str, str], ...]]


class PagesAhead:
    """Fetches pages one after the other for the caller, and further ones meanwhile.

    What was expected and is not wanted after all costs its request and nothing else: the order of
    pages is the caller's, who asks for each by the answer before it.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._under_way: dict[Key, Future[Answer]] = {}

    def fetch(self, request: Request) -> Answer:
        """Return the answer, which may be there already; raises as `Http.fetch` does."""
        future = self._under_way.pop(_key(request), None)
        return (future or self._http.begin(request)).result()

    def expect(self, requests: Iterable[Request]) -> None:
        """Begin with what will be asked for next, as many as may be in flight."""
        for request in islice(requests, self._http.endpoint.in_flight):
            if _key(request) not in self._under_way:
                self._under_way[_key(request)] = self._http.begin(request)

    def forget(self) -> None:
        """Give up what is under way: other pages are wanted."""
        for future in self._under_way.values():
            future.cancel()
        self._under_way.clear()


def _key(request: Request) -> Key:
    return request.path, tuple(sorted(request.params.items()))
