"""Signing in where a server says how: Basic, or a Bearer token of the place that it names.

The token flow is that of container registries (Docker Registry v2 authentication, taken over by
the OCI distribution specification): the first request is answered 401 with `WWW-Authenticate:
Bearer realm=…,service=…,scope=…`; there a token is had for user and password, or for nobody, good
for one scope and some minutes. Tokens are kept until shortly before they end.

This module imports httpx when it is loaded; load it where a client is made.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from golive_core.errors import SourceAuthError
from golive_core.redact import redact

UNAUTHORISED = 401
PARAMETER = re.compile(r'(\w+)="([^"]*)"')
LIFE_S = 60.0
"""How long a token is good that does not say so; the least that the specification allows."""
EARLY_S = 10.0
"""A token is given up that long before its end: requests travel, and clocks differ."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when it ends, in seconds of the monotonic clock."""

    value: str
    ends_s: float


class ChallengeAuth(httpx.Auth):
    """Signs requests as the server asks for; `user` may be empty for a token or for nobody.

    `scope_of` names what a path is about (one repository): a token is kept for each. Raises
    SourceAuthError where tokens are to be had over plain HTTP from elsewhere than the server.
    """

    def __init__(
        self, user: str, secret: str, scope_of: Callable[[str], str], *, where: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._user, self._secret, self._scope_of, self._clock = user, secret, scope_of, clock
        self._where = where
        self._is_basic = False
        self._tokens: dict[str, Token] = {}

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send what is known to be wanted; where that is refused, do as the answer says."""
        topic = self._scope_of(request.url.path)
        had = self._signed(request, topic)
        answer = yield request
        if answer.status_code != UNAUTHORISED:
            return
        kind, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        if kind.lower() == "bearer":
            self._tokens.pop(topic, None)
            told = yield self._wanted(request, dict(PARAMETER.findall(rest)))
            if told.is_success:
                await told.aread()
                self._tokens[topic] = self._token(told)
        elif kind.lower() == "basic" and self._own():
            self._is_basic = True
        if self._signed(request, topic) not in (had, ""):
            yield request

    def _signed(self, request: httpx.Request, topic: str) -> str:
        """Put the header on and return it; empty if there is none to give."""
        token = self._tokens.get(topic)
        given = ""
        if token and token.ends_s > self._clock():
            given = f"Bearer {token.value}"
        elif self._is_basic or not self._user:
            given = self._own()
        request.headers.pop("authorization", None)
        if given:
            request.headers["authorization"] = given
        return given

    def _own(self) -> str:
        """Return the header of user and password, or of the token alone; empty for nobody."""
        if self._user:
            pair = base64.b64encode(f"{self._user}:{self._secret}".encode()).decode()
            return f"Basic {pair}"
        return f"Bearer {self._secret}" if self._secret else ""

    def _wanted(self, request: httpx.Request, told: dict[str, str]) -> httpx.Request:
        """Return the request for a token."""
        realm = urljoin(str(request.url), told.get("realm", ""))
        here, there = urlsplit(str(request.url)), urlsplit(realm)
        if there.scheme != "https" and there.netloc != here.netloc and here.scheme == "https":
            raise SourceAuthError(
                f"wants the password sent over plain HTTP to {redact(there.netloc)}",
                where=f"{self._where}: {here.netloc}",
                hint="Ask who runs it: a realm has to begin with https://",
            )  # fmt: skip
        params = {name: told[name] for name in ("service", "scope") if told.get(name)}
        headers = {"authorization": self._own()} if self._own() else {}
        return httpx.Request(
            "GET", httpx.URL(realm).copy_merge_params(params), headers=headers,
            extensions=request.extensions,
        )  # fmt: skip

    def _token(self, answer: httpx.Response) -> Token:
        """Return the token of an answer; raises SourceAuthError for something else."""
        try:
            told = answer.json()
            value = str(told.get("token") or told["access_token"])
            life_s = float(told.get("expires_in") or LIFE_S)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SourceAuthError(
                "no token came back", where=f"{self._where}: {answer.url.host}{answer.url.path}",
                hint="Check user and token",
            ) from error  # fmt: skip
        return Token(value, self._clock() + max(life_s - EARLY_S, 0.0))
