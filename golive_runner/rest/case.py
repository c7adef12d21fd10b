"""A case of schemathesis as our request, our answer as it takes it, a request as a command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from golive_runner.rest import fill
from golive_runner.rest.client import Exchange
from golive_runner.rest.evidence import Masks

if TYPE_CHECKING:
    import httpx

PARTS = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
CASE_HEADER = "x-schemathesis-testcaseid"
NOT_OURS = ("content-encoding", "transfer-encoding", "content-length")
"""Headers that speak of the body as it was sent, not as we read it."""


def sent(case: Any, base: str, headers: Mapping[str, str]) -> httpx.Request | None:  # noqa: ANN401
    """Return a case as our request; None where it is none that HTTP can carry."""
    import httpx
    import requests  # noqa: TID251 - the form in which schemathesis gives a case

    own = {key: fill.text(value, {}) for key, value in headers.items()}
    with suppress(ValueError, UnicodeError, requests.RequestException, httpx.InvalidURL):
        told = case.as_transport_kwargs(base_url=base, headers=own)
        given = {name: told[name] for name in PARTS if told.get(name) is not None}
        prepared: Any = requests.Request(**given).prepare()
        body: str | bytes = prepared.body or b""
        content = body.encode() if isinstance(body, str) else bytes(body)
        return httpx.Request(prepared.method, prepared.url, headers=dict(prepared.headers),
                             content=content or None)  # fmt: skip
    return None


def received(exchange: Exchange) -> httpx.Response:
    """Return an answer as schemathesis takes it: read whole, its body as it is now."""
    import httpx

    headers = [pair for pair in exchange.headers if pair[0].lower() not in NOT_OURS]
    request = httpx.Request(exchange.method, exchange.url, headers=exchange.sent_headers,
                            content=exchange.sent or None)  # fmt: skip
    answer = httpx.Response(
        exchange.status, headers=headers, content=exchange.body, request=request
    )
    answer.elapsed = timedelta(seconds=exchange.total_s)
    return answer


OWN = ("host", "content-length", "connection", "accept-encoding", "user-agent", CASE_HEADER)
"""Headers that curl writes itself, and the one by which schemathesis knows its cases."""


def curl(exchange: Exchange) -> str:
    """Return the request as a command for a shell, secrets masked."""
    masks = Masks()
    headers = [masks.header(*pair) for pair in exchange.sent_headers if pair[0].lower() not in OWN]
    words = ["curl", "-X", exchange.method, masks.text(exchange.url)]
    for name, value in headers:
        words += ["-H", f"{name}: {value}"]
    if exchange.sent:
        words += ["--data-binary", masks.body(exchange.sent)[0]]
    return " ".join(shlex.quote(word) for word in words)
