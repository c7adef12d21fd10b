"""The client: one per configured instance, closed after use. Policies and words are elsewhere.

with Http(Endpoint("https://ci.example.org", where="ci")) as http:
    for answer in http.fetch_all(requests):   # in order, `in_flight` at a time
        ...
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceDataError,
    SourceUnreachableError,
)
from golive_core.http.limits import Limits, whose
from golive_core.http.loop import Loop
from golive_core.http.messages import Answer, Request
from golive_core.http.pace import Pace
from golive_core.http.paging import Following, Repetition
from golive_core.http.quota import throttle_s, told_wait_s
from golive_core.http.retry import Retry, Trial
from golive_core.http.trouble import mapped, throttled, wrong_status
from golive_core.log import get_logger
from golive_core.redact import redact

if TYPE_CHECKING:
    # httpx takes 0.4 s of CPU to import (rich and pygments come with it); every source imports
    # this module and few processes open a client.
    import httpx

AGENT = "golive"
CONDITIONS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
OK = range(200, 300)
UNCHANGED = 304
TOO_MANY = 429
LATE_S = 0.01
"""A little after the end of a pause: clocks are not exact."""
CREDENTIALS = ("authorization", "token", "key")
"""Parts of names of headers that say who asks."""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how one instance is asked.

    `where` names the instance in errors. `timeout_s` limits each wait for the server,
    `deadline_s` a whole answer. `auth` is user and password or token, or a way to sign in
    (`challenge`). `ca` is a file with certificates to trust instead of the usual ones, `ca_pem`
    such certificates themselves, and `certificate` our own and its key (PEM). `per_second` 0 means
    no limit of ours. `home` is where what the server tells of its limits is shared with other
    processes.
    """

    url: str
    where: str
    auth: tuple[str, str] | httpx.Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_s: float = 30.0
    connect_s: float = 10.0
    deadline_s: float = 300.0
    in_flight: int = 4
    per_second: float = 0.0
    max_body_bytes: int = 256 * 1024**2
    ca: Path | None = None
    ca_pem: str = ""
    certificate: tuple[str, str] | None = field(default=None, repr=False)
    verify: bool = True
    proxy: str | None = None
    retry: Retry = field(default_factory=Retry)
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: its answer, or the error."""

    request: Request
    answer: Answer | None = None
    error: GoLiveError | None = None


class Http:
    """Asks one endpoint.

    `requests` counts what was sent, retries too; `limits` is what the server lets us ask.
    """

    def __init__(
        self, endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.endpoint = endpoint
        self.requests = 0
        self._client = _client(endpoint, transport)
        self.limits = Limits(endpoint.where, endpoint.home, _whose(endpoint))
        self._pace = Pace(endpoint.per_second)
        self._loop: Loop | None = None

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; requests under way are cancelled."""
        self.limits.save()
        if self._loop:
            self._loop.submit(self._client.aclose()).result()
            self._loop.close()
            self._loop = None

    def fetch(self, request: Request) -> Answer:
        """Return the answer; raises the errors of golive_core/errors.py, as all of these do."""
        return self.begin(request).result()

    def get_object(self, path: str, **params: str) -> dict[str, Any]:
        """Return the JSON object that one GET brings."""
        return self.fetch(Request(path, params)).object()

    def fetch_all(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Yield the answers in the order of the requests, which are taken as places get free."""
        for outcome in self.outcomes(requests):
            if outcome.error:
                raise outcome.error
            if outcome.answer:
                yield outcome.answer

    def outcomes(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """Yield answers or errors in the order of the requests: one that fails stops no other."""
        waiting: deque[tuple[Request, Future[Answer]]] = deque()
        try:
            for request in requests:
                waiting.append((request, self.begin(request)))
                if len(waiting) >= self.endpoint.in_flight:
                    yield _outcome(*waiting.popleft())
            while waiting:
                yield _outcome(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def pages(self, first: Request, following: Following) -> Iterator[Answer]:
        """Yield the page `first` and every page after it; raises SourceDataError for no end."""
        request: Request | None = first
        repetition = Repetition()
        while request:
            answer = self.fetch(request)
            repetition.check(answer)
            yield answer
            request = following(answer)

    def begin(self, request: Request) -> Future[Answer]:
        """Ask without waiting: the answer or the error is in the future."""
        self._loop = self._loop or Loop(f"http-{self.endpoint.where}")
        return self._loop.submit(self._patiently(request))

    async def _patiently(self, request: Request) -> Answer:
        """Try until there is an answer or patience ends; raises GoLiveError."""
        began, attempt = time.monotonic(), 1
        where = self.where(request)
        while True:
            await self._allowed(began)
            answer, error = await self._once(request)
            if answer and _is_answer(answer) and not answer.is_broken_off():
                return answer.checked()
            trial = _trial(request, attempt, answer, error)
            wait = self.endpoint.retry.wait_s(trial, spent_s=time.monotonic() - began)
            self._heed(trial, is_last=wait is None)
            if wait is None:
                raise _final(answer, error, where)
            log.debug("asks again", where=where, attempt=attempt, wait_s=round(wait, 2))
            await asyncio.sleep(wait)
            attempt += 1

    async def _allowed(self, began: float) -> None:
        """Wait until the server lets us ask; raises SourceThrottledError if that takes too long."""
        while hold := self.limits.hold():
            retry, wait = self.endpoint.retry, max(0.0, hold.until - time.time())
            if time.monotonic() - began + wait > retry.total_s:
                raise throttled(f"{hold.why}; it is asked again", wait, self.endpoint.where)
            await asyncio.sleep(wait * (1 + retry.chance() / 10) + LATE_S)

    def _heed(self, trial: Trial, *, is_last: bool) -> None:
        """Leave the server alone if it refused for its limits, and the other processes likewise."""
        headers = trial.headers or {}
        if throttle_s(trial.status, headers, text=trial.text) is None:
            return
        why, wait = f"HTTP {trial.status}", told_wait_s(trial.status, headers, text=trial.text)
        if wait is not None:
            self.limits.pause(wait, why)
        elif is_last:
            self.limits.strike(why)

    async def _once(self, request: Request) -> tuple[Answer | None, Exception | None]:
        import httpx

        await self._pace.turn(self.limits.gap_s())
        self.requests += 1
        try:
            async with asyncio.timeout(self.endpoint.deadline_s):
                return await self._send(request), None
        except TimeoutError:
            text = f"no whole answer within {self.endpoint.deadline_s:.0f} s"
            return None, httpx.ReadTimeout(text)
        except (
            httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError,
        ) as error:  # fmt: skip
            return None, error

    async def _send(self, request: Request) -> Answer:
        conditions = {CONDITIONS[name]: value for name, value in request.validators.items()}
        built = self._client.build_request(
            request.method,
            request.path,
            params=dict(request.params) or None,
            headers={**request.headers, **conditions},
            content=request.content,
        )
        response = await self._client.send(built, stream=True, follow_redirects=request.follows)
        try:
            body, is_cut = await self._body(request, response)
        finally:
            await response.aclose()
        is_refused = response.status_code == TOO_MANY
        self.limits.learn(response.headers, is_refused=is_refused)
        return Answer(
            request,
            shown(str(response.url)),
            response.status_code,
            response.headers,
            body,
            is_cut,
            self.endpoint.where,
        )

    async def _body(self, request: Request, response: httpx.Response) -> tuple[bytes, bool]:
        """Read the body up to the limit; raises SourceDataError where it may not be cut."""
        limit = request.limit_bytes or self.endpoint.max_body_bytes
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > limit:
                break
        if size > limit and not request.limit_bytes:
            raise SourceDataError(
                f"an answer of more than {limit / 1024**2:.0f} MiB", where=self.where(request),
                hint="Raise max_body_mib if that is right, or ask for less",
            )  # fmt: skip
        return b"".join(parts)[:limit], size > limit

    def where(self, request: Request) -> str:
        """Return instance and address of the request for messages, without secrets."""
        path = (
            request.path
            if "://" in request.path
            else f"{self.endpoint.url}/{request.path.lstrip('/')}"
        )
        return f"{self.endpoint.where}: {shown(path)}"


def shown(url: str) -> str:
    """Return an address as a message may show it: no user, no query, no secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return redact(url.partition("?")[0])
    host = parts.netloc.rpartition("@")[2]
    return redact(urlunsplit((parts.scheme, host, parts.path, "", "")))


def _client(endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    import httpx

    try:
        _ = urlsplit(endpoint.url).port
        return httpx.AsyncClient(
            base_url=endpoint.url,
            auth=endpoint.auth,
            headers={"user-agent": AGENT, **endpoint.headers},
            timeout=httpx.Timeout(endpoint.timeout_s, connect=endpoint.connect_s),
            limits=httpx.Limits(max_connections=endpoint.in_flight),
            follow_redirects=True,
            max_redirects=5,
            verify=_trust(endpoint),
            proxy=endpoint.proxy,
            transport=transport,
        )
    except (httpx.InvalidURL, ValueError) as error:
        raise SettingsError(
            f"an address that cannot be used ({redact(str(error))})", where=endpoint.where,
            hint="Check url and proxy in golive.toml",
        ) from error  # fmt: skip


@cache
def usual_trust() -> ssl.SSLContext:
    """Return the certificates that everybody trusts; reading them takes 50 ms."""
    import httpx

    return httpx.create_ssl_context()


def _trust(endpoint: Endpoint) -> ssl.SSLContext | bool:
    if endpoint.ca is None and not endpoint.ca_pem and endpoint.certificate is None:
        return usual_trust() if endpoint.verify else False
    try:
        return _own_trust(endpoint)
    except (OSError, ValueError) as error:
        named = endpoint.ca or "ca, client_certificate or client_key"
        why = getattr(error, "strerror", "") or error
        raise SettingsError(
            f"the certificates in {named} cannot be read ({why})",
            where=endpoint.where, hint="Give PEM, a certificate together with its key",
        ) from error  # fmt: skip


def _own_trust(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.ca, cadata=endpoint.ca_pem or None)
    if not endpoint.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if endpoint.certificate:
        # ssl takes a certificate from files alone; these are ours to read and gone at once.
        with TemporaryDirectory(prefix="golive-") as folder:
            paths = [Path(folder, name) for name in ("certificate.pem", "key.pem")]
            for path, text in zip(paths, endpoint.certificate, strict=True):
                path.write_text(text)
            context.load_cert_chain(paths[0], paths[1])
    return context


def _whose(endpoint: Endpoint) -> str:
    """Return what stands for the server and for who asks, in whatever form it is said."""
    given = [
        value.split()[-1]
        for name, value in endpoint.headers.items()
        if value.strip() and any(part in name.lower() for part in CREDENTIALS)
    ]
    if isinstance(endpoint.auth, tuple):
        given.append(base64.b64encode(":".join(endpoint.auth).encode()).decode())
    return whose(urlsplit(endpoint.url).netloc, *given)


def _is_answer(answer: Answer) -> bool:
    """Tell whether it is one; a refusal for limits is none, also where its status is accepted."""
    if answer.status in answer.request.accepts:
        return throttle_s(answer.status, answer.headers, text=answer.start()) is None
    return answer.status in OK or (answer.is_unchanged and bool(answer.request.validators))


def _trial(request: Request, attempt: int, answer: Answer | None, error: Exception | None) -> Trial:
    method = "GET" if request.is_safe else request.method
    if answer is None:
        return Trial(method, attempt, error=error)
    broken_off = _is_answer(answer) and answer.is_broken_off()
    return Trial(
        method, attempt, answer.status, answer.headers,
        is_broken_off=broken_off, text=_told(answer),
    )  # fmt: skip


def _final(answer: Answer | None, error: Exception | None, where: str) -> GoLiveError:
    """Return the error that remains after the last attempt."""
    if answer is None:
        return mapped(error or SourceUnreachableError("no answer", where=where), where)
    if _is_answer(answer):
        return SourceDataError(
            f"the JSON breaks off after {len(answer.body)} bytes: {answer.start()}", where=where,
            hint="Something between here and the server cuts answers; ask again later",
        )  # fmt: skip
    return wrong_status(answer.status, answer.headers, where, _told(answer))


def _told(answer: Answer) -> str:
    """Return what the body says of the error, unless it is a page for people."""
    return "" if answer.is_html() else answer.start()


def _outcome(request: Request, future: Future[Answer]) -> Outcome:
    try:
        return Outcome(request, answer=future.result())
    except GoLiveError as error:
        return Outcome(request, error=error)
