"""One exchange with a server: bounded in time and size, kept to the hosts the document names.

Whatever happens ends in an Exchange: what was sent, what came of the answer, and the error.
Redirects are followed here rather than by httpx, since each of them is held against the hosts
that may be asked. Proxies of the environment are not used: a check tells of the server itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from golive_core.errors import GoLiveError, SourceDataError, SourceUnreachableError, UsageError
from golive_core.http import mapped

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 10
PORTS = {"http": 80, "https": 443}
AGENT = "golive-checks"
STEPS = {
    "connection.connect_tcp.started": "connecting",
    "connection.connect_tcp.complete": "connected",
    "connection.start_tls.complete": "connected",
    "http11.receive_response_headers.complete": "first_byte",
}
"""What httpcore tells of a request, in our words."""


@dataclass
class Exchange:
    """What was sent and what was answered; `status` 0 if nothing was.

    Times are seconds: `connect_s` with TLS, None on a connection that was open; `first_byte_s`
    until the head of the last answer, `total_s` until its end or the error.
    """

    method: str
    url: str
    sent_headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    sent: bytes = b""
    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""
    charset: str = "utf-8"
    redirects: list[str] = field(default_factory=list[str])
    connect_s: float | None = None
    first_byte_s: float | None = None
    total_s: float = 0.0
    error: GoLiveError | None = None
    response: httpx.Response | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by a comma, None if it is missing."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None

    def text(self) -> str:
        """Return the body as text; what is no text of its charset is replaced."""
        return self.body.decode(self.charset, "replace")


@dataclass(frozen=True)
class Bounds:
    """What one exchange may take: seconds of each wait and of all of it, and bytes of its body."""

    timeout_s: float
    deadline_s: float
    max_body: int


class Reach:
    """The hosts that may be asked: those the document names, and no other."""

    def __init__(self, addresses: Iterable[str], allow: Iterable[str]) -> None:
        self._origins = {_origin(urlsplit(one)) for one in addresses if "://" in one}
        self._allow = {one.lower() for one in allow}

    def refused(self, url: str) -> str:
        """Return why an address may not be asked, empty if it may."""
        parts = urlsplit(url)
        host, port = _origin(parts)
        if parts.scheme not in PORTS:
            return f"{parts.scheme or 'no scheme'} is not HTTP"
        if (host, port) in self._origins or self._is_upgrade(parts.scheme, host, port):
            return ""
        if host in self._allow or f"{host}:{port}" in self._allow:
            return ""
        kind = "a private address" if _is_private(host) else "another host"
        return f"{host}:{port} is {kind} that the document does not allow"

    def _is_upgrade(self, scheme: str, host: str, port: int) -> bool:
        """Tell whether it is the same host on the usual port of HTTPS instead of HTTP."""
        return (
            scheme == "https" and port == PORTS["https"] and (host, PORTS["http"]) in self._origins
        )


def _origin(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port
    except ValueError:
        port = -1
    return (parts.hostname or "").lower(), port or PORTS.get(parts.scheme, 0)


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def trust(insecure: bool, ca: Path | None) -> ssl.SSLContext:
    """Return what certificates are held against; raises UsageError for a wrong file."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificates cannot be read ({error})", where=str(ca)) from error
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Client:
    """Asks within `reach` and `bounds`; connections are kept between sessions of cookies."""

    def __init__(self, reach: Reach, bounds: Bounds, context: ssl.SSLContext) -> None:
        import httpx

        self.reach, self.bounds = reach, bounds
        self._transport = httpx.AsyncHTTPTransport(verify=context)
        self._timeout = httpx.Timeout(bounds.timeout_s)

    def session(self) -> httpx.AsyncClient:
        """Return a client without cookies; it need not be closed."""
        import httpx

        return httpx.AsyncClient(
            transport=self._transport, timeout=self._timeout, headers={"user-agent": AGENT},
        )  # fmt: skip

    async def warm(self) -> None:
        """Load what the first connection would, so that its time tells of the server alone."""
        import anyio

        await anyio.sleep(0)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def send(
        self, session: httpx.AsyncClient, request: httpx.Request, *, follow: bool
    ) -> Exchange:
        """Send a request and return what came of it."""
        exchange = Exchange(request.method, str(request.url), request.headers.multi_items())
        exchange.sent = request.content
        watch = _Watch()
        request.extensions = {**request.extensions, "trace": watch.note}
        try:
            async with asyncio.timeout(self.bounds.deadline_s):
                await self._follow(session, request, exchange, follow=follow)
        except TimeoutError:
            what = f"no whole answer within {self.bounds.deadline_s:g} s"
            exchange.error = SourceUnreachableError(what, where=exchange.url)
        except Exception as error:  # noqa: BLE001 - every failure of httpx ends in the exchange
            exchange.error = mapped(error, exchange.url)
        watch.write(exchange)
        return exchange

    async def _follow(
        self, session: httpx.AsyncClient, first: httpx.Request, exchange: Exchange, *, follow: bool
    ) -> None:
        request: httpx.Request | None = first
        extensions = first.extensions
        while request:
            if why := self.reach.refused(str(request.url)):
                raise SourceDataError(f"refused: {why}", where=str(request.url))
            response = await _sent(session, request)
            request = response.next_request if follow else None
            try:
                await self._take(response, exchange, is_last=request is None)
            finally:
                await response.aclose()
            if request:
                request.extensions = extensions
                _redirected(exchange, f"{response.status_code} → {request.url}")

    async def _take(self, response: httpx.Response, exchange: Exchange, *, is_last: bool) -> None:
        exchange.status, exchange.reason = response.status_code, response.reason_phrase
        exchange.headers = response.headers.multi_items()
        exchange.charset = response.encoding or "utf-8"
        exchange.response, exchange.body = response, b""
        if not is_last:
            return
        told, most = response.headers.get("content-length", ""), self.bounds.max_body
        has_body = response.request.method != "HEAD"
        if has_body and told.isdecimal() and int(told) > most:
            raise _too_large(most, exchange.url, f", {int(told):,} bytes")
        parts, size = list[bytes](), 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > most:
                exchange.body = b"".join(parts)[:most]
                raise _too_large(most, exchange.url)
        exchange.body = b"".join(parts)


def _redirected(exchange: Exchange, to: str) -> None:
    exchange.redirects.append(to)
    if len(exchange.redirects) > MOST_REDIRECTS:
        raise SourceDataError(f"more than {MOST_REDIRECTS} redirects", where=exchange.url)


async def _sent(session: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send a request; once more where the server had closed the connection that was kept open.

    Browsers do the same: a server may end an idle connection at any time, and says nothing of the
    request by it. On a new connection there is no second try.
    """
    import httpx

    fresh: list[str] = []
    note = request.extensions["trace"]

    async def watched(event: str, info: object) -> None:
        if event.startswith("connection."):
            fresh.append(event)
        await note(event, info)

    request.extensions = {**request.extensions, "trace": watched}
    try:
        return await session.send(request, stream=True)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        if fresh:
            raise
        return await session.send(request, stream=True)


def _too_large(most: int, url: str, told: str = "") -> SourceDataError:
    what = f"a body of more than {most / (1 << 20):g} MiB{told}; reading was stopped"
    return SourceDataError(what, where=url, hint="Raise max_body_mib if that is right")


class _Watch:
    """Notes when the parts of an exchange happened."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.at: dict[str, float] = {}

    async def note(self, event: str, _info: object) -> None:
        """Take what httpcore tells."""
        if event in STEPS:
            self.at[STEPS[event]] = time.perf_counter()

    def write(self, exchange: Exchange) -> None:
        """Write the times into the exchange."""
        exchange.total_s = time.perf_counter() - self.begun
        if {"connecting", "connected"} <= self.at.keys():
            exchange.connect_s = self.at["connected"] - self.at["connecting"]
        if "first_byte" in self.at:
            exchange.first_byte_s = self.at["first_byte"] - self.begun
