"""`/sign-in/password`: people change their own password, which ends their other sessions."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from golive_core import access, settings
from golive_core.access import Identity
from golive_core.accounts import SHORTEST, Accounts, LockedError
from golive_core.errors import UsageError
from golive_core.sessions import Sessions
from golive_gateway.pages import dashboards_url, page
from golive_gateway.routes.sign_in import HTML, set_cookies

PATH = "/sign-in/password"
router = APIRouter(prefix=PATH, tags=["sign-in"])
DONE = "<p role='status'>Your password is changed. Every other session of yours has ended.</p>"


@router.get(
    "",
    response_class=HTMLResponse,
    responses={
        200: {"description": "The form.", "content": HTML},
        303: {"description": "Nobody is signed in: on to the form for that."},
    },
)
def form(request: Request) -> Response:
    """Show the form."""
    who = access.who(request.cookies)
    if who is None:
        return RedirectResponse("/sign-in", status_code=303)
    return _shown(request, who)


@router.post(
    "",
    response_class=HTMLResponse,
    responses={
        200: {"description": "It is changed.", "content": HTML},
        303: {"description": "Nobody is signed in: on to the form for that."},
        400: {"description": "The new password is too weak.", "content": HTML},
        401: {"description": "The present password is wrong.", "content": HTML},
        403: {"description": "The form was sent by another site."},
        429: {"description": "Too many wrong passwords; see Retry-After.", "content": HTML},
    },
)
def change(
    request: Request,
    present: Annotated[str, Form(max_length=500)],
    new: Annotated[str, Form(max_length=500)],
) -> Response:
    """Change the password of who is signed in, and open a session for the new one."""
    who = access.who(request.cookies)
    if who is None or not who.session_id:
        return RedirectResponse("/sign-in", status_code=303)
    request.state.caller = who.name
    accounts = Accounts(settings.home())
    try:
        if accounts.check(who.name, present) is None:
            return _shown(request, who, "The present password is wrong.", 401)
        user = accounts.change(who.name, password=new, by=who.name)
    except LockedError as error:
        return _later(request, who, error)
    except UsageError as error:
        return _shown(request, who, f"{error.what}. {error.hint}.", 400)
    response = HTMLResponse(page("Password", f"{DONE}{_way_back(request)}"))
    set_cookies(request, response, Sessions(settings.home()).open(user))
    return response


def _later(request: Request, who: Identity, error: LockedError) -> HTMLResponse:
    response = _shown(request, who, error.when, 429)
    response.headers["Retry-After"] = str(error.whole_s)
    return response


def _shown(request: Request, who: Identity, trouble: str = "", status: int = 200) -> HTMLResponse:
    told = _without(who)
    if told:
        return HTMLResponse(page("Password", f"<p>{told}</p>{_way_back(request)}"), status)
    alert = f"<p role='alert' class='trouble'>{escape(trouble)}</p>" if trouble else ""
    return HTMLResponse(page("Change your password", (
        f"{alert}<form method='post' action='{PATH}'>"
        f"<input type='hidden' autocomplete='username' value='{escape(who.name, quote=True)}'>"
        "<label>Present password<input name='present' type='password' maxlength='200' "
        "autocomplete='current-password' required autofocus></label>"
        f"<label>New password<input name='new' type='password' minlength='{SHORTEST}' "
        "maxlength='200' autocomplete='new-password' required></label>"
        f"<p class='quiet'>{SHORTEST} characters at least. Four words that are not a sentence make "
        "a good one.</p><button class='main'>Change it</button></form>"
        f"{_way_back(request)}"
    )), status)  # fmt: skip


def _without(who: Identity) -> str:
    """Return why somebody has no password; "" for who has one."""
    if not who.session_id:
        return "The owner of this machine comes in by the link of golive up, without a password."
    is_elsewhere = Accounts(settings.home()).get(who.name).subject
    return "You come in by your organisation: your password is changed there." * bool(is_elsewhere)


def _way_back(request: Request) -> str:
    return f"<a href='{escape(dashboards_url(request), quote=True)}'>To the dashboards</a>"
