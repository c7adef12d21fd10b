"""The sign-in link: a token that `golive up` prints becomes a session cookie.

The cookie is HttpOnly and SameSite=Lax, so no script reads it and no other site sends it along.
Cookies do not know ports: the dashboards on their own port see the same one.
"""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from golive_core import access
from golive_gateway.pages import dashboards_url, page

router = APIRouter(tags=["sign-in"])
_used: dict[str, float] = {}
"""Tokens that have opened a session, with the time when they can be forgotten."""


@router.get(
    "/sign-in",
    response_class=HTMLResponse,
    status_code=303,
    responses={
        303: {"description": "Signed in: on to the dashboards."},
        403: {
            "description": "The link is not valid any more.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
    },
)
def sign_in(request: Request, token: str = "") -> Response:
    """Open a session for a valid, unused link and go on to the dashboards; 403 otherwise."""
    if access.is_signed_in(request.cookies):
        return RedirectResponse(dashboards_url(request), status_code=303)
    if not access.verify(token, "link") or not _use(token):
        return HTMLResponse(page("This link no longer works", _HELP), status_code=403)
    response = RedirectResponse(dashboards_url(request), status_code=303)
    response.set_cookie(
        access.COOKIE, access.make_token("session"),
        max_age=access.LIFETIME_S["session"], httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.post(
    "/sign-out",
    response_class=RedirectResponse,
    status_code=303,
    responses={303: {"description": "Signed out."}},
)
def sign_out() -> Response:
    """Forget the cookie of this browser."""
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(access.COOKIE)
    return response


_HELP = (
    "<p>A sign-in link works once and for an hour.</p>"
    "<p>Run <code>golive up</code> again in the same folder: it prints a fresh one.</p>"
)


def _use(token: str) -> bool:
    """Mark the token as used; False if it was used before."""
    now = time.time()
    for old in [old for old, until in _used.items() if until < now]:
        del _used[old]
    first = token not in _used
    _used[token] = now + access.LIFETIME_S["link"]
    return first
