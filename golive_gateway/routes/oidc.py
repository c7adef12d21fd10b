"""`/sign-in/oidc`: to the OpenID provider and back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from golive_core import settings
from golive_core.accounts import Accounts
from golive_core.errors import GoLiveError
from golive_core.log import get_logger
from golive_core.sessions import Sessions
from golive_gateway import openid
from golive_gateway.pages import page
from golive_gateway.routes.sign_in import HTML, flags, onwards, set_cookies

router = APIRouter(prefix=openid.PATH, tags=["sign-in"])
Text = Annotated[str, Query(max_length=4000)]
log = get_logger(__name__)


@router.get(
    "",
    response_class=RedirectResponse,
    status_code=303,
    responses={
        303: {"description": "On to the provider."},
        403: {"description": "No provider is configured, or it cannot be asked.", "content": HTML},
    },
)
def begin(request: Request, to: Text = "") -> Response:
    """Send the browser to the provider."""
    try:
        provider = openid.Provider(settings.load().sign_in)
        address, away = provider.begin(_callback(request), to)
    except GoLiveError as error:
        return _refused(error)
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        openid.COOKIE, away.sealed(), max_age=openid.AWAY_S, path=openid.PATH, **flags(request)
    )
    return response


@router.get(
    "/callback",
    response_class=RedirectResponse,
    status_code=303,
    responses={
        303: {"description": "Signed in: on to the dashboards."},
        403: {"description": "What came back is not to be trusted.", "content": HTML},
    },
)
def back(request: Request, code: Text = "", state: Text = "", error: Text = "") -> Response:
    """Open a session for who the provider says it is."""
    away = openid.opened(request.cookies.get(openid.COOKIE, ""))
    try:
        if away is None or not state or state != away.state:
            what = "this is no answer to a sign-in that began here"
            raise openid.OpenIdError(what, hint="Begin again at /sign-in")
        if error or not code:
            raise openid.OpenIdError(f"the provider refused: {error or 'no code'}"[:300])
        configured = settings.load().sign_in
        claims = openid.Provider(configured).claims(code, _callback(request), away)
        user = openid.user_of(claims, configured, Accounts(settings.home()))
    except GoLiveError as trouble:
        return _refused(trouble)
    request.state.caller = user.name
    response = RedirectResponse(onwards(request, away.to), status_code=303)
    set_cookies(request, response, Sessions(settings.home()).open(user))
    response.delete_cookie(openid.COOKIE, path=openid.PATH)
    return response


def _callback(request: Request) -> str:
    outside = settings.load().gateway.url.rstrip("/")
    here = f"{request.url.scheme}://{request.url.netloc}"
    return f"{outside or here}{openid.PATH}/callback"


def _refused(error: GoLiveError) -> HTMLResponse:
    """Say what is wrong: to the reader without particulars, to the log with them."""
    log.warning("an OpenID sign-in was refused", error=str(error))
    told = "<p>The sign-in at the provider did not work.</p><p><a href='/sign-in'>Try again</a></p>"
    if isinstance(error, openid.OpenIdError) and error.hint:
        told = f"<p>{error.hint}.</p>{told}"
    return HTMLResponse(page("Not signed in", told), status_code=403)
