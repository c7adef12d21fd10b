"""Sessions for programs: `POST /v1/session` gives an access and a refresh token for a password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from golive_core import access, settings
from golive_core.accounts import Accounts, LockedError
from golive_core.sessions import ACCESS_S, Pair, Sessions
from golive_gateway.auth import identified

router = APIRouter(prefix="/v1/session", tags=["sign-in"])


class Password(BaseModel, extra="forbid"):
    """Who signs in."""

    name: Annotated[str, Field(max_length=100, examples=["ada"])]
    password: Annotated[str, Field(max_length=500, examples=["correct horse battery"])]


class Refresh(BaseModel, extra="forbid"):
    """The refresh token of the newest pair; each works once."""

    refresh_token: Annotated[str, Field(max_length=200)]


class Opened(BaseModel):
    """Tokens of a session. `refresh_token` is "" where another request renewed just now."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750
    expires_in: int = ACCESS_S


class Who(BaseModel):
    """Who a session stands for; `projects` none means all."""

    name: str
    role: str
    projects: list[str]


@router.post(
    "",
    responses={
        400: {"description": "The body cannot be read."},
        401: {"description": "Name or password is wrong."},
        429: {"description": "Too many wrong passwords; see Retry-After."},
    },
)
def sign_in(request: Request, given: Password) -> Opened:
    """Begin a session."""
    request.state.caller = given.name
    try:
        user = Accounts(settings.home()).check(given.name.strip().lower(), given.password)
    except LockedError as error:
        headers = {"Retry-After": str(error.whole_s)}
        raise HTTPException(429, str(error), headers=headers) from None
    if user is None:
        raise HTTPException(401, "name or password is wrong")
    return _told(Sessions(settings.home()).open(user))


@router.post(
    "/renew",
    responses={
        400: {"description": "The body cannot be read."},
        401: {"description": "The token is none, over, or was used before."},
    },
)
def renew(given: Refresh) -> Opened:
    """Give a new pair for the newest refresh token; an older one ends the session."""
    pair = Sessions(settings.home()).renew(given.refresh_token)
    if pair is None:
        raise HTTPException(401, "the refresh token is none, over, or was used before")
    return _told(pair)


@router.get("", responses={401: {"description": "Nobody is signed in."}})
def whoami(request: Request) -> Who:
    """Tell who the session stands for."""
    found = identified(request)
    return Who(name=found.name, role=found.role, projects=list(found.projects))


@router.delete(
    "",
    status_code=204,
    response_class=Response,
    responses={
        401: {"description": "Nobody is signed in."},
        403: {"description": "The request comes from another site."},
    },
)
def sign_out(request: Request) -> Response:
    """End the session everywhere."""
    found = identified(request)
    if found.session_id:
        Sessions(settings.home()).end(found.session_id)
    else:
        access.sign_out(request.cookies)
    return Response(status_code=204)


def _told(pair: Pair) -> Opened:
    return Opened(access_token=pair.access, refresh_token=pair.refresh)
