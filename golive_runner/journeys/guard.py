"""Which private addresses a journey may reach: those that its document names, and no others.

A page under test may redirect anywhere; what it redirects to must not be the tester's own network.
Documents and what scripts fetch are held before they are sent (CDP, Fetch.enable), redirects too,
which Playwright's routes do not see. Pictures and styles are not held: no one could read them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from golive_runner.journeys.acting import Trouble
from golive_runner.journeys.judging import Outcome

if TYPE_CHECKING:
    from playwright.sync_api import Page

HELD = ("Document", "XHR", "Fetch")
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
ANYWHERE = "*"


def address(url: str) -> str:
    """Return host:port of a URL, empty for one without a host (data:, about:)."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.hostname:
            return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme, 443)}"
    return ""


@lru_cache(maxsize=1024)
def is_private(host: str) -> bool:
    """Tell whether a host is, or resolves to, an address that is not public."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return any(not ipaddress.ip_address(str(one).partition("%")[0]).is_global for one in found)


class Guard:
    """Holds what pages ask for; `refused` are the addresses that were."""

    def __init__(self, allowed: set[str]) -> None:
        self._allowed = allowed
        self.refused: list[str] = []

    def may_reach(self, url: str) -> bool:
        """Tell whether an address may be asked."""
        where = address(url)
        host = where.rpartition(":")[0]
        if not where or self._allowed & {where, host, ANYWHERE}:
            return True
        return not is_private(host)

    def check(self, urls: Iterable[str]) -> None:
        """Raise Trouble where a page is at an address that it may not be at."""
        self.refused += [address(url) for url in urls if not self.may_reach(url)]
        if self.refused:
            raise Trouble(self.refused[-1])

    def refusal(self) -> Outcome | None:
        """Return what a refused address comes to, None if none was refused."""
        if not self.refused:
            return None
        where = self.refused[-1]
        what = f"it led to the private address {where}, which was refused"
        return "error", "RefusedAddress", f'{what}; `allow: ["{where}"]` lets it through'

    def watch(self, page: Page) -> None:
        """Hold the requests of a page from now on; only Chromium can."""
        from playwright.sync_api import Error

        try:
            session = page.context.new_cdp_session(page)
        except Error:
            return

        def held(event: Mapping[str, Any]) -> None:
            self._decide(session, event)

        session.on("Fetch.requestPaused", held)
        with suppress(Error):
            session.send("Fetch.enable", {"patterns": [{"resourceType": one} for one in HELD]})

    def _decide(self, session: Any, event: Mapping[str, Any]) -> None:  # noqa: ANN401 - CDP
        from playwright.sync_api import Error

        url, request = str(event["request"]["url"]), {"requestId": event["requestId"]}
        with suppress(Error):
            if self.may_reach(url):
                session.send("Fetch.continueRequest", request)
            else:
                self.refused.append(address(url))
                session.send("Fetch.failRequest", {**request, "errorReason": "AccessDenied"})
