"""Who calls and what they may: one question that every route of the gateway asks.

A caller shows an API token (`Authorization: Bearer glv_…`) or the session cookie of the pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException, Request

from golive_core import access, settings
from golive_core.tokens import Tokens

CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a name for logs, and the projects that they are held to; none means all."""

    name: str
    projects: tuple[str, ...] = ()


def authorise(request: Request, action: str, resource: str, project: str = "") -> Principal:
    """Return who calls if they may do `action` on `resource`; `project` "" asks for no one project.

    Raises HTTPException: 401 for nobody, 403 for somebody who may not.
    """
    found = _principal(request, action, resource, project)
    request.state.caller = found.name  # for the security events
    return found


def _principal(request: Request, action: str, resource: str, project: str) -> Principal:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return _of_token(text, action, resource, project)
    if access.is_signed_in(request.cookies):
        return Principal("session")
    raise _nobody()


def _of_token(text: str, action: str, resource: str, project: str) -> Principal:
    token = Tokens(settings.home()).verify(text)
    if token is None:
        raise _nobody()
    scope = "read" if action == "read" else f"{resource}:{action}"
    if not token.may(scope, project or token.project_id):
        raise HTTPException(403, f"this token may not {action} {resource} in {project or 'it'}")
    return Principal(f"token {token.name}", tuple(filter(None, [token.project_id])))


def _nobody() -> HTTPException:
    hint = "no valid token; make one with: golive token create NAME"
    return HTTPException(401, hint, headers=CHALLENGE)
