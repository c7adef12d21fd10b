"""Requests that another site makes in somebody's name are refused (CSRF).

A browser sends our cookie along with what another site asks for. What changes something and comes
with that cookie has to say where it comes from (Origin, or Sec-Fetch-Site of a browser that leaves
Origin out), and that has to be here: OWASP's cheat sheet on CSRF, "verifying origin". SameSite=Lax
stands behind it. A request with a token in its header is not made by a browser on its own.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from golive_core import access
from golive_core.sessions import REFRESH_COOKIE

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIES = (access.COOKIE, REFRESH_COOKIE)
SIGN_IN = "/sign-in"
"""A form that gives a session is as dear as one: signing others in as oneself is an attack."""


class SameSite:
    """Refuses what comes from elsewhere and would change something."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is safe, comes from here, or carries no cookie."""
        if scope["type"] != "http" or scope["method"] in SAFE or is_ours(scope):
            await self._app(scope, receive, send)
            return
        body = json.dumps({"detail": "the request comes from another site"}).encode()
        length = (b"content-length", str(len(body)).encode())
        headers = [(b"content-type", b"application/json"), length]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def is_ours(scope: Scope) -> bool:
    """Tell whether a request cannot be one that another site made in somebody's name."""
    headers = Headers(scope=scope)
    cookie = headers.get("cookie", "")
    has_session = any(f"{name}=" in cookie for name in COOKIES)
    shows_token = headers.get("authorization", "").casefold().startswith("bearer ")
    if shows_token or not (has_session or scope["path"].startswith(SIGN_IN)):
        return True
    # No script can set it, and where the address is kept private Origin says null.
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if site == "same-origin" or origin is None:
        return site in ("same-origin", "none")
    # Ports differ between gateway and dashboards, and so does what a front door says.
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    return bool(host) and urlsplit(origin).hostname == host
