"""Who calls: the bearer token of a request, held to a scope and a project."""

from __future__ import annotations

from fastapi import HTTPException, Request

from golive_core import settings
from golive_core.tokens import Token, Tokens

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def allowed(request: Request, scope: str, project: str) -> Token:
    """Return the token of the request; HTTPException 401 without a good one, 403 if it may not."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = Tokens(settings.home()).verify(text) if scheme.casefold() == "bearer" else None
    if token is None:
        hint = "no valid token; make one with: golive token create NAME"
        raise HTTPException(401, hint, headers=CHALLENGE)
    if not token.may(scope, project):
        raise HTTPException(403, f"this token may not {scope} in {project}")
    return token
