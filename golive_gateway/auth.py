"""Who calls and what they may: one question that every route of the gateway asks.

A caller shows an API token (`Authorization: Bearer glv_…`), the access token of a user's session
(`Authorization: Bearer eyJ…`), or the session cookie of the pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException, Request

from golive_core import access, settings
from golive_core.access import Identity
from golive_core.sessions import Sessions
from golive_core.sight import EVERYTHING, Sight
from golive_core.tokens import Tokens

CHALLENGE = {"WWW-Authenticate": "Bearer"}
API_TOKEN = "glv_"  # noqa: S105 - how one begins


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a name for logs, and the projects that they are held to; none means all.

    `sight` is what they may see of the lake: `Lake(root, caller.sight)` shows no more.
    """

    name: str
    projects: tuple[str, ...] = ()
    sight: Sight = EVERYTHING


def authorise(request: Request, action: str, resource: str, project: str = "") -> Principal:
    """Return who calls if they may do `action` on `resource`; `project` "" asks for no one project.

    Raises HTTPException: 401 for nobody, 403 for somebody who may not.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and text.startswith(API_TOKEN):
        return _of_token(request, text, action, resource, project)
    who = identified(request)
    request.state.caller = who.name  # for the security events
    if not who.may(action, resource, project):
        what = f"{who.role}s may not {action} {resource}{f' of {project}' if project else ''}"
        raise HTTPException(403, what)
    return Principal(who.name, who.visible(resource, action), who.sight(resource, action))


def allows(request: Request, action: str, resource: str) -> bool:
    """Tell whether who calls may do something, where that is only part of an answer."""
    try:
        authorise(request, action, resource)
    except HTTPException:
        return False
    return True


def identified(request: Request) -> Identity:
    """Return the user or owner of a request; HTTPException 401 for nobody."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        found = Sessions(settings.home()).identity(text)
    else:
        found = access.who(request.cookies)
    if found is None:
        raise _nobody()
    return found


def _of_token(request: Request, text: str, action: str, resource: str, project: str) -> Principal:
    token = Tokens(settings.home()).verify(text)
    if token is None:
        raise _nobody()
    request.state.caller = f"token {token.name}"
    scope = "read" if action == "read" else f"{resource}:{action}"
    if not token.may(scope, project or token.project_id):
        raise HTTPException(403, f"this token may not {action} {resource} in {project or 'it'}")
    only = tuple(filter(None, [token.project_id]))
    return Principal(f"token {token.name}", only, Sight(only, tuple(access.TABLES)))


def _nobody() -> HTTPException:
    hint = "no valid session or token; make a token with: golive token create NAME"
    return HTTPException(401, hint, headers=CHALLENGE)
