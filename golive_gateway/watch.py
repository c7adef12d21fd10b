"""What every answer means for security: noted as an event, with who asked and how much they got."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golive_core import settings
from golive_core.security import Fact, Kind, Outcome, recorder
from golive_gateway.limits import SIGN_IN_OF_PROGRAMS

NOWHERE = "(nothing there)"
"""Stands for every path that is no route, so that a scan is one event and not a thousand."""
SIGN_IN = "/sign-in"
PASSWORD = "/sign-in/password"  # noqa: S105 - a path
READS = "/v1/"
PROBES = "/health/"


class Watched:
    """Notes sign-ins, refusals, requests beyond a limit, and what was read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = size = 0

        async def counting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            fact = fact_of(scope, status)
            if fact is not None:
                recorder(settings.home()).note(fact, size_bytes=size if status < 400 else 0)  # noqa: PLR2004 - of HTTP


def fact_of(scope: Scope, status: int) -> Fact | None:
    """Return what an answer means; None where it means nothing."""
    actor = str(scope.get("state", {}).get("caller", ""))
    told = _meaning(scope["method"], scope["path"], status)
    if told is None or (told == SIGNED_IN and not actor):
        return None
    kind, name, outcome = told
    route = getattr(scope.get("route"), "path", NOWHERE)
    address = str((scope.get("client") or ("", 0))[0])
    return Fact(kind, name, outcome, actor, address, route)


SIGNED_IN: tuple[Kind, str, Outcome] = ("authentication", "sign_in", "ok")
REFUSALS: dict[int, tuple[Kind, str]] = {
    401: ("authentication", "token"), 403: ("authorisation", "permission"),
    404: ("limit", "not_found"), 405: ("limit", "not_found"), 429: ("limit", "rate"),
    503: ("limit", "busy"),
}  # fmt: skip


def _meaning(method: str, path: str, status: int) -> tuple[Kind, str, Outcome] | None:
    if path == PASSWORD and status != 303:  # noqa: PLR2004 - to the form for signing in
        # What was changed the accounts note themselves.
        return ("change", "user_password", "refused") if status >= 400 else None  # noqa: PLR2004
    if path.startswith(SIGN_IN) or (method, path) == SIGN_IN_OF_PROGRAMS:
        return _sign_in(status)
    if path.startswith(PROBES):
        return None
    if status in REFUSALS:
        kind, name = REFUSALS[status]
        return kind, "webhook" if path.startswith("/webhooks/") else name, "refused"
    if status < 400 and path.startswith(READS):  # noqa: PLR2004 - of HTTP
        return "data_access", "read" if method in ("GET", "HEAD") else "write", "ok"
    return None


def _sign_in(status: int) -> tuple[Kind, str, Outcome]:
    """Return what an answer to a sign-in means.

    One without an error is a sign-in where somebody is known by then; else it is the form, or leads
    on to the identity provider.
    """
    return SIGNED_IN if status < 400 else ("authentication", "sign_in", "refused")  # noqa: PLR2004 - of HTTP
