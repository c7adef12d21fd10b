"""Signing in at an OpenID provider: the code flow with PKCE, state and nonce.

OpenID Connect Core 1.0 (3.1), RFC 7636 (PKCE, S256), RFC 9700. What has to be remembered while the
browser is away stands in a cookie that is signed and lives ten minutes, so that any gateway can go
on with it. An identity token is believed if its signature, issuer, audience, nonce and time hold.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import jwt

from golive_core import access, settings
from golive_core.access import ROLES, Role
from golive_core.accounts import NAME, Accounts, User
from golive_core.errors import GoLiveError, SettingsError
from golive_core.settings import SignIn

COOKIE = "golive_openid"
BY = "identity provider"
PATH = "/sign-in/oidc"
AWAY_S = 600
TIMEOUT_S = 10.0
OK = 200
KEPT_S = 3600.0
"""How long a provider's description and keys are believed; an unknown key is asked for at once."""
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
SKEW_S = 60
SCOPES = "openid profile email"
HERE = ("localhost", "127.0.0.1", "::1")
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri", "issuer")


class OpenIdError(GoLiveError):
    """The provider, or what came back from it, is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Away:
    """What has to hold when the browser comes back."""

    state: str
    nonce: str
    verifier: str
    to: str

    def sealed(self) -> str:
        """Return it as the value of a cookie: signed, with its end."""
        cells = [self.state, self.nonce, self.verifier, self.to, int(time.time()) + AWAY_S]
        body = base64.urlsafe_b64encode(json.dumps(cells).encode()).decode()
        return f"{body}.{_signature(body)}"


def opened(value: str) -> Away | None:
    """Return what a cookie holds; None where it is not ours or too old."""
    body, _, signature = value.rpartition(".")
    if not value.isascii() or not hmac.compare_digest(signature, _signature(body)):
        return None
    state, nonce, verifier, to, end = json.loads(base64.urlsafe_b64decode(body))
    return Away(state, nonce, verifier, to) if end > time.time() else None


def _signature(body: str) -> str:
    return hmac.new(access.signing_key(), f"openid.{body}".encode(), hashlib.sha256).hexdigest()


def is_private(address: str) -> bool:
    """Tell whether what is sent to an address stays between the two: TLS, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in HERE


class Provider:
    """One provider, as it describes itself."""

    def __init__(self, configured: SignIn) -> None:
        if not configured.issuer or not configured.client_id:
            what = "no OpenID provider is configured"
            raise SettingsError(what, where="[sign_in]", hint="Name issuer and client_id")
        if not is_private(configured.issuer):
            hint = "What is sent in the clear can be read and forged: use https"
            raise SettingsError("the OpenID provider is not https", where="[sign_in]", hint=hint)
        self._settings = configured

    def begin(self, callback: str, to: str) -> tuple[str, Away]:
        """Return the address to send the browser to, and what has to hold when it comes back."""
        away = Away(secrets.token_urlsafe(24), secrets.token_urlsafe(24),
                    secrets.token_urlsafe(48), to)  # fmt: skip
        digest = hashlib.sha256(away.verifier.encode()).digest()
        query = {
            "response_type": "code", "client_id": self._settings.client_id, "scope": SCOPES,
            "redirect_uri": callback, "state": away.state, "nonce": away.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }  # fmt: skip
        address = self._described()["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", away

    def claims(self, code: str, callback: str, away: Away) -> dict[str, Any]:
        """Return what the provider says of who signed in; raises OpenIdError."""
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": callback,
            "code_verifier": away.verifier, "client_id": self._settings.client_id,
        }  # fmt: skip
        secret = self._settings.client_secret
        # RFC 6749, 2.3.1: both are form-encoded before they become user and password.
        pair = (self._settings.client_id, settings.resolve(secret)) if secret else None
        auth = (quote_plus(pair[0]), quote_plus(pair[1])) if pair else None
        told = _asked("POST", self._described()["token_endpoint"], data=given, auth=auth)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise OpenIdError("the provider gave no identity token", where=self._settings.issuer)
        return self._believed(token, away.nonce)

    def _believed(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token, self._key(token), algorithms=ALGORITHMS, leeway=SKEW_S,
                audience=self._settings.client_id, issuer=self._described()["issuer"],
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            what = f"the identity token does not hold: {error}"
            raise OpenIdError(what, where=self._settings.issuer) from None
        if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise OpenIdError("the identity token is of another sign-in")
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise OpenIdError("the identity token was made for another client")
        return claims

    def _key(self, token: str) -> Any:  # noqa: ANN401 - of any algorithm
        kid = jwt.get_unverified_header(token).get("kid")
        for fresh in (False, True):
            told = _known(self._described()["jwks_uri"], fresh=fresh)
            keys = jwt.PyJWKSet.from_dict(dict(told)).keys
            fitting = [one for one in keys if kid is None or one.key_id == kid]
            if fitting:
                return fitting[0].key
        raise OpenIdError("the identity token is signed by an unknown key")

    def _described(self) -> Mapping[str, Any]:
        issuer = self._settings.issuer.rstrip("/")
        told = _known(f"{issuer}/.well-known/openid-configuration")
        missing = [
            name for name in NEEDED
            if not isinstance(told.get(name), str) or not is_private(str(told[name]))
        ]  # fmt: skip
        if missing or str(told["issuer"]).rstrip("/") != issuer:
            what = f"the description lacks {', '.join(missing)} over https" if missing else (
                f"it calls itself {told['issuer']}"
            )  # fmt: skip
            raise OpenIdError(what, where=issuer, hint="Compare [sign_in] issuer")
        return told


_kept: dict[str, tuple[float, Mapping[str, Any]]] = {}


def _known(url: str, *, fresh: bool = False) -> Mapping[str, Any]:
    asked_at, told = _kept.get(url, (0.0, {}))
    if fresh or not told or time.monotonic() - asked_at > KEPT_S:
        told = _asked("GET", url)
        _kept[url] = (time.monotonic(), told)
    return told


def _asked(method: str, url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    try:
        answer = httpx.request(method, url, timeout=TIMEOUT_S, follow_redirects=False, **more)
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        what = f"the provider cannot be asked ({type(error).__name__})"
        raise OpenIdError(what, where=url, hint="Is [sign_in] issuer right?") from error
    if answer.status_code != OK or not isinstance(told, dict):
        raise OpenIdError(f"the provider answered {answer.status_code}", where=url)
    return cast("dict[str, Any]", told)


# ---------------------------------------------------------------- who that is here


def user_of(claims: Mapping[str, Any], configured: SignIn, accounts: Accounts) -> User:
    """Return the user of somebody whom the provider knows, made or changed as it says now.

    Raises OpenIdError for who has no role here, or may not come in.
    """
    subject = f"{claims['iss']}#{claims['sub']}"
    user = accounts.find(subject) or _expected(claims, accounts)
    role = role_of(claims, configured)
    if role is None and user is not None and not configured.role_claim:
        role = user.role  # an admin gave it
    if role is None:
        if user is not None:
            accounts.end_sessions(user.name)
        raise OpenIdError("you have no role here", hint="Ask an admin of GoLive")
    if user is None:
        user = accounts.add(_free_name(claims, accounts), role, subject=subject, by=BY)
    elif user.disabled_at is not None:
        raise OpenIdError("this user may not come in", hint="Ask an admin of GoLive")
    elif user.role != role and configured.role_claim:
        user = accounts.change(user.name, role=role, by=BY)
    if not user.subject:
        user = accounts.bind(user.name, subject)
    accounts.greet(user.name)
    return user


def _expected(claims: Mapping[str, Any], accounts: Accounts) -> User | None:
    """Return the user whom an admin made for somebody with this address, and who never came yet.

    The provider has to say that the address is theirs; one with a password is never taken over.
    """
    if claims.get("email_verified") is not True:
        return None
    return accounts.awaited(str(claims.get("email", "")).lower())


def role_of(claims: Mapping[str, Any], configured: SignIn) -> Role | None:
    """Return the highest role that a claim gives, else the default; None lets nobody in."""
    groups = _groups(claims.get(configured.role_claim) if configured.role_claim else None)
    named: Sequence[tuple[Role, str]] = (
        ("admin", configured.admins), ("developer", configured.developers),
        ("tester", configured.testers), ("viewer", configured.viewers),
    )  # fmt: skip
    for role, names in named:
        if groups & {one.strip() for one in names.split(",") if one.strip()}:
            return role
    return next((one for one in ROLES if one == configured.default_role), None)


def _groups(said: object) -> set[str]:
    """Return the values of a claim: one, or a list of them."""
    if isinstance(said, str):
        return {said}
    return set(map(str, cast("list[object]", said))) if isinstance(said, list | tuple) else set()


def _free_name(claims: Mapping[str, Any], accounts: Accounts) -> str:
    """Return a name that nobody has: an account with a password is never taken over."""
    wishes = (claims.get("preferred_username"), claims.get("email"), claims["sub"])
    first = next(str(one) for one in wishes if one)
    base = re.sub(r"[^a-z0-9._@+-]", "-", first.lower())[:50].lstrip("._@+-") or "user"
    taken = {one.name for one in accounts.all()}
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, 10_000))
    return next(one for one in names if one not in taken and NAME.fullmatch(one))
