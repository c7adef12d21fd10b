"""Signing in: by the link of `golive up`, by name and password, and out again.

The access cookie is HttpOnly and SameSite=Lax, so no script reads it and no other site sends it
along with what changes something. Cookies do not know ports: the dashboards on their own port see
the same one. The refresh cookie goes to `/sign-in` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from golive_core import access, settings
from golive_core.accounts import Accounts, LockedError
from golive_core.sessions import REFRESH_COOKIE, REFRESH_S, Pair, Sessions
from golive_gateway.pages import dashboards_url, page

router = APIRouter(tags=["sign-in"])
HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
REFRESH_PATH = "/sign-in"
Text = Annotated[str, Query(max_length=2000)]


@router.get(
    "/sign-in",
    response_class=HTMLResponse,
    responses={
        200: {"description": "The form.", "content": HTML},
        303: {"description": "Signed in: on to the dashboards."},
        403: {"description": "The link is not valid any more.", "content": HTML},
    },
)
def sign_in(request: Request, token: Text = "", to: Text = "") -> Response:
    """Open a session for a valid, unused link, or show the form."""
    if access.is_signed_in(request.cookies):
        return RedirectResponse(onwards(request, to), status_code=303)
    if token:
        return _by_link(request, token, to)
    pair = Sessions(settings.home()).renew(request.cookies.get(REFRESH_COOKIE, ""))
    if pair is not None:
        return _let_in(request, pair, to)
    return _asked(request, _form(to))


@router.post(
    "/sign-in",
    response_class=HTMLResponse,
    status_code=303,
    responses={
        303: {"description": "Signed in: on to the dashboards."},
        401: {"description": "Name or password is wrong.", "content": HTML},
        403: {"description": "The form was sent by another site."},
        429: {"description": "Too many wrong passwords; see Retry-After.", "content": HTML},
    },
)
def with_password(
    request: Request,
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[str, Form(max_length=500)],
    to: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Open a session for a name and its password."""
    name = name.strip().lower()
    request.state.caller = name
    try:
        user = Accounts(settings.home()).check(name, password)
    except LockedError as error:
        told = error.when
        again = {"Retry-After": str(error.whole_s)}
        return _asked(request, _form(to, name, told), 429, again)
    if user is None:
        return _asked(request, _form(to, name, "Name or password is wrong."), 401)
    return _let_in(request, Sessions(settings.home()).open(user), to)


@router.post(
    "/sign-out",
    response_class=RedirectResponse,
    status_code=303,
    responses={
        303: {"description": "Signed out, on every page that is open."},
        403: {"description": "The form was sent by another site."},
    },
)
def sign_out(request: Request) -> Response:
    """End the session and forget the cookies of this browser."""
    access.sign_out(request.cookies)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(access.COOKIE)
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH)
    return response


@router.get("/.well-known/jwks.json")
def keys() -> dict[str, list[dict[str, str]]]:
    """Return the public keys that access tokens are signed with."""
    return Sessions(settings.home()).jwks()


def _asked(
    request: Request, body: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """Return the page with the form, which may lead on to the dashboards on their own port."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        f"form-action 'self' {dashboards_url(request)}"
    )
    told = {"Content-Security-Policy": policy, **(headers or {})}
    return HTMLResponse(page("Sign in", body), status, headers=told)


def _by_link(request: Request, token: str, to: str) -> Response:
    if not access.use_link(token):
        return HTMLResponse(page("This link no longer works", _HELP), status_code=403)
    request.state.caller = access.OWNER.name
    response = RedirectResponse(onwards(request, to), status_code=303)
    response.set_cookie(
        access.COOKIE, access.make_token("session"),
        max_age=access.LIFETIME_S["session"], **flags(request),
    )  # fmt: skip
    return response


def _let_in(request: Request, pair: Pair, to: str) -> Response:
    response = RedirectResponse(onwards(request, to), status_code=303)
    set_cookies(request, response, pair)
    request.state.caller = pair.identity.name
    return response


def set_cookies(request: Request, response: Response, pair: Pair) -> None:
    """Give a browser its session; the access cookie stays longer than it is valid.

    Who comes with one that is over is led to `/sign-in`, where the refresh cookie renews it.
    """
    response.set_cookie(access.COOKIE, pair.access, max_age=REFRESH_S, **flags(request))
    if pair.refresh:
        response.set_cookie(
            REFRESH_COOKIE, pair.refresh, max_age=REFRESH_S, path=REFRESH_PATH, **flags(request)
        )


def flags(request: Request) -> dict[str, Any]:
    """Return how a cookie of ours is set."""
    is_secure = request.url.scheme == "https"
    return {"httponly": True, "samesite": "lax", "secure": is_secure}


def onwards(request: Request, to: str) -> str:
    """Return where to go after signing in: a path of ours, never another site."""
    root = dashboards_url(request)
    is_path = to.startswith("/") and not to.startswith(("//", "/\\")) and "\n" not in to
    return f"{root.rstrip('/')}{to}" if is_path else root


_HELP = (
    "<p>A sign-in link works once and for an hour.</p>"
    "<p>Run <code>golive up</code> again in the same folder: it prints a fresh one.</p>"
)


def _form(to: str, name: str = "", trouble: str = "") -> str:
    """Return the form; `trouble` is told above it."""
    told = f"<p role='alert' class='trouble'>{escape(trouble)}</p>" if trouble else ""
    other = _other_ways(to)
    return (
        f"{told}<form method='post' action='/sign-in'>"
        f"<input type='hidden' name='to' value='{escape(to, quote=True)}'>"
        "<label>Name<input name='name' autocomplete='username' required autofocus maxlength='64' "
        f"value='{escape(name, quote=True)}'></label>"
        "<label>Password<input name='password' type='password' maxlength='200' "
        "autocomplete='current-password' required></label>"
        f"<button class='main'>Sign in</button></form>{other}"
        "<p class='quiet'>On the machine where GoLive runs, <code>golive up</code> prints a link "
        "that signs its owner in.</p>"
    )


def _other_ways(to: str) -> str:
    """Return the link to the OpenID provider, where one is configured."""
    configured = settings.load().sign_in
    if not configured.issuer:
        return ""
    query = urlencode({"to": to}) if to else ""
    return f"<a href='/sign-in/oidc?{query}'><b>{escape(configured.label)}</b></a>"
