"""What httpx raises and what servers answer, as errors of golive_core/errors.py. Sends nothing."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from functools import cache

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http.limits import GO_ON, moment, span
from golive_core.http.messages import LOGIN_HINT
from golive_core.http.quota import throttle_s
from golive_core.redact import redact

CA_HINT = 'If the server has a certificate of your own authority, name it: ca = "ca.pem"'
PROXY_HINT = "Check the proxy setting and that the proxy lets this host through"
REACH_HINT = "Check that the address is right and the server is up, then try again"

Kind = tuple[type[Exception], type[GoLiveError], str, str]
"""What httpx raises, what it is here, what happened and what to do."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the kinds of errors from the narrow to the wide: the first that fits counts."""
    import httpx

    return (
        (httpx.UnsupportedProtocol, SettingsError, "not an HTTP address", "Begin it with https://"),
        (httpx.InvalidURL, SettingsError, "not a valid address", "Check the url in golive.toml"),
        (httpx.LocalProtocolError, SettingsError, "a request that HTTP does not allow",
         "Check the user and token for line breaks and other odd characters"),
        (httpx.ConnectTimeout, SourceUnreachableError, "no connection in time", REACH_HINT),
        (httpx.ReadTimeout, SourceUnreachableError, "no answer in time",
         "The server is slow: raise timeout_s or ask again later"),
        (httpx.WriteTimeout, SourceUnreachableError, "the request was not sent in time",
         REACH_HINT),
        (httpx.PoolTimeout, SourceUnreachableError, "no free connection in time", REACH_HINT),
        (httpx.ConnectError, SourceUnreachableError, "no connection", REACH_HINT),
        (httpx.NetworkError, SourceUnreachableError, "the connection broke", REACH_HINT),
        (httpx.RemoteProtocolError, SourceUnreachableError, "the answer broke off", REACH_HINT),
        (httpx.ProxyError, SourceUnreachableError, "the proxy refuses", PROXY_HINT),
        (httpx.TransportError, SourceUnreachableError, "the connection failed", REACH_HINT),
        (httpx.DecodingError, SourceDataError, "a body that is not compressed as it says",
         REACH_HINT),
        (httpx.TooManyRedirects, SourceAuthError, "sent in a circle of redirects", LOGIN_HINT),
        (httpx.CookieConflict, SourceDataError, "cookies that contradict each other", REACH_HINT),
        (httpx.StreamError, SourceError, "the answer was read out of order", REACH_HINT),
        (httpx.HTTPError, SourceError, "HTTP failed", REACH_HINT),
    )  # fmt: skip


def mapped(error: Exception, where: str) -> GoLiveError:
    """Return the GoLive error for what httpx raised while asking for `where`."""
    if isinstance(error, GoLiveError):
        return error
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return wrong_status(error.response.status_code, error.response.headers, where)
    if certificate := _certificate(error):
        return SourceUnreachableError(
            f"the certificate is not trusted ({certificate})", where=where, hint=CA_HINT
        )
    for kind, ours, what, hint in kinds():
        if isinstance(error, kind):
            return ours(_with_detail(what, error), where=where, hint=hint)
    return SourceError(_with_detail("an unexpected failure", error), where=where)


def wrong_status(
    status: int, headers: Mapping[str, str], where: str, start: str = ""
) -> SourceError:
    """Return the error for a status that is no answer; `start` is the first text of its body."""
    wait = throttle_s(status, headers, text=start)
    if wait is not None:
        return throttled(f"HTTP {status}: asked to come back", wait, where)
    what = f"HTTP {status}: {start}" if start else f"HTTP {status}"
    for statuses, kind, hint in STATUSES:
        if status in statuses:
            return kind(what, where=where, hint=hint)
    return SourceDataError(what, where=where, hint="Check the url of this source")


def throttled(what: str, wait_s: float, where: str) -> SourceThrottledError:
    """Return the error for a source that is to be left alone for a while."""
    return SourceThrottledError(
        f"{what} in {span(wait_s)}, at {moment(time.time() + wait_s)}",
        where=where, hint=f"{GO_ON}; lower per_second if it happens often", retry_after_s=wait_s,
    )  # fmt: skip


STATUSES: tuple[tuple[range | tuple[int, ...], type[SourceError], str], ...] = (
    ((401,), SourceAuthError, "Check the user and the token; the token may have expired"),
    ((403,), SourceAuthError, "The token is known but may not read this: see `golive sources`"),
    ((407, 511), SourceUnreachableError, PROXY_HINT),
    ((404, 410), SourceDataError, "Check the url, and that the user may see this"),
    ((408, *range(500, 600)), SourceUnreachableError, "The server is in trouble: try again later"),
)


def _certificate(error: BaseException | None) -> str:
    """Return why a certificate was refused, looking through the causes."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "verification failed"
        error = error.__cause__ or error.__context__
    return ""


def _with_detail(what: str, error: Exception) -> str:
    detail = redact(str(error)).strip() or type(error).__name__
    return f"{what} ({detail})"
