"""Sessions of users: a signed access token of 15 minutes, and a refresh token that renews it.

An access token is a JWT (RFC 7519) signed with Ed25519; its key is named, published and can be
rotated. It says who somebody is, and is asked after in accounts.db (a look each LOOK_S seconds), so
that signing out and a change of role take effect at once and not in 15 minutes. A refresh token
works once (RFC 9700, 4.14.2): one that comes a second time was stolen from somebody, and its whole
family ends. However often it is renewed, a session ends REFRESH_S after it began: whom an identity
provider does not know any more stays no longer.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_core import accounts
from golive_core.access import Identity
from golive_core.accounts import User
from golive_core.database import Connection, opened

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

REFRESH_COOKIE = "golive_refresh"
ACCESS_S = 15 * 60
REFRESH_S = 7 * 24 * 3600
SAME_MOMENT_S = 10.0
"""Two tabs may renew at once: the token before counts for so long, and renews nothing."""
LOOK_S = 3.0
ISSUER = "golive"
SCHEMA = f"""
{accounts.SCHEMA}
create table if not exists keys (
    kid text primary key, pem text not null, made_at real not null, retired_at real
) strict;
"""
ALIVE = """
select users.name, users.role, users.projects, users.version, users.made_at, users.signed_in_at,
    users.disabled_at, users.subject
from families join users on users.name = families.name
where families.family_id = ? and users.disabled_at is null and families.revoked_at is null
    and families.ends_at > ?
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """What somebody gets who signs in or renews; `refresh` is "" where nothing was renewed."""

    access: str
    refresh: str
    identity: Identity


MOST_KNOWN = 1000
_looked: dict[str, tuple[float, User | None]] = {}
"""Home and session to when it was looked at and its user as they were, None if it is over."""
_public: dict[str, tuple[float, Ed25519PublicKey]] = {}
"""Home and key id to when it was looked at and the key that verifies."""


class Sessions:
    """The sessions of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def open(self, user: User) -> Pair:
        """Begin a session for a user who has proved who they are."""
        family, secret, now = secrets.token_hex(12), secrets.token_urlsafe(32), time.time()
        with opened(self._home, SCHEMA) as db:
            db.execute("delete from families where ends_at < ?", (now,))
            db.execute(
                "insert into families (family_id, name, digest, made_at, renewed_at, ends_at) "
                "values (?, ?, ?, ?, ?, ?)",
                (family, user.name, _digest(secret), now, now, now + REFRESH_S),
            )
            access = self._access(db, user, family)
        identity = replace(user.identity, session_id=family)
        return Pair(access, f"{family}.{secret}", identity)

    def renew(self, refresh: str) -> Pair | None:
        """Return a new pair for a refresh token, None for one that is none or over.

        One that was used before ends the family: whoever has it, somebody else has it too.
        """
        family, _, secret = refresh.partition(".")
        now, digest = time.time(), _digest(secret)
        with opened(self._home, SCHEMA, is_alone=True) as db:
            row = db.execute(
                "select name, digest, before, renewed_at, ends_at, revoked_at from families "
                "where family_id = ?", (family,),
            ).fetchone()  # fmt: skip
            if row is None or row[5] is not None or row[4] < now:
                return None
            user = self._user(db, row[0])
            is_same_moment = hmac.compare_digest(digest, row[2]) and now - row[3] < SAME_MOMENT_S
            is_newest = hmac.compare_digest(digest, row[1])
            if user is None or not (is_newest or is_same_moment):
                _revoke(db, family)
                return None
            fresh = ""
            if is_newest:
                fresh = secrets.token_urlsafe(32)
                db.execute(
                    "update families set digest = ?, before = ?, renewed_at = ? "
                    "where family_id = ?",
                    (_digest(fresh), digest, now, family),
                )
            identity = replace(user.identity, session_id=family)
            access = self._access(db, user, family)
            return Pair(access, f"{family}.{fresh}" if fresh else "", identity)

    def identity(self, access: str) -> Identity | None:
        """Return who an access token stands for, if it is ours, not over, and still holds."""
        claims = self._claims(access)
        user = self.user(claims["sid"]) if claims else None
        if claims is None or user is None or user.version != claims["ver"]:
            return None
        return Identity(claims["sub"], claims["role"], tuple(claims["projects"]), claims["sid"])

    def user(self, family: str) -> User | None:
        """Return the user of a session as they are now, None if it is over; looks each LOOK_S."""
        key = f"{self._home}\x1f{family}"
        looked_at, known = _looked.get(key, (0.0, None))
        if time.monotonic() - looked_at < LOOK_S:
            return known
        with opened(self._home, SCHEMA) as db:
            row = db.execute(ALIVE, (family, time.time())).fetchone()
        if len(_looked) > MOST_KNOWN:
            _looked.clear()
        _looked[key] = (time.monotonic(), accounts.user_of(row) if row else None)
        return _looked[key][1]

    def holds(self, identity: Identity) -> Identity | None:
        """Return who an open page belongs to by now, None if the session is over.

        The page's own cookie may be older than an access token lives: it was checked at its start.
        """
        user = self.user(identity.session_id)
        return replace(user.identity, session_id=identity.session_id) if user else None

    def end(self, family: str) -> None:
        """End a session and whatever rests on it."""
        with opened(self._home, SCHEMA) as db:
            _revoke(db, family)
        _looked.pop(f"{self._home}\x1f{family}", None)

    def rotate_keys(self, *, at_once: bool = False) -> str:
        """Sign with a new key from now on; the old ones verify as long as a token may live.

        `at_once` is for a key that somebody else has: no old one verifies any more. Nobody is
        signed out by it, since a refresh token is signed by no key.
        """
        with opened(self._home, SCHEMA, is_alone=True) as db:
            now = time.time()
            db.execute("update keys set retired_at = ? where retired_at is null", (now,))
            db.execute("delete from keys where retired_at < ?", (_kept_since(now),))
            if at_once:
                db.execute("delete from keys")
            return self._key(db)[0]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        with opened(self._home, SCHEMA) as db:
            self._key(db)
            rows = db.execute(
                "select kid, pem from keys where coalesce(retired_at, ?) >= ? order by made_at",
                (time.time(), _kept_since(time.time())),
            ).fetchall()
        return {"keys": [_jwk(kid, _private(pem)) for kid, pem in rows]}

    def _access(self, db: Connection, user: User, family: str) -> str:
        import jwt

        kid, private = self._key(db)
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": ISSUER, "sub": user.name, "role": user.role,
            "projects": list(user.projects), "ver": user.version, "sid": family, "iat": now,
            "exp": now + ACCESS_S,
        }  # fmt: skip
        return jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": kid})

    def _claims(self, access: str) -> dict[str, Any] | None:
        import jwt

        try:
            public = self._public(str(jwt.get_unverified_header(access).get("kid", "")))
            if public is None:
                return None
            needed = ["exp", "iat", "sub", "sid", "ver", "role", "projects"]
            return jwt.decode(
                access, public, algorithms=["EdDSA"], audience=ISSUER, issuer=ISSUER,
                options={"require": needed},
            )  # fmt: skip
        except jwt.PyJWTError:
            return None

    def _public(self, kid: str) -> Ed25519PublicKey | None:
        key, now = f"{self._home}\x1f{kid}", time.time()
        looked_at, known = _public.get(key, (0.0, None))
        if known is not None and time.monotonic() - looked_at < LOOK_S:
            return known
        with opened(self._home, SCHEMA) as db:
            row = db.execute(
                "select pem from keys where kid = ? and coalesce(retired_at, ?) >= ?",
                (kid, now, _kept_since(now)),
            ).fetchone()
        if row is None:
            _public.pop(key, None)
            return None
        _public[key] = (time.monotonic(), known or _private(row[0]).public_key())
        return _public[key][1]

    @staticmethod
    def _user(db: Connection, name: str) -> User | None:
        row = db.execute(f"{accounts.COLUMNS} where name = ?", (name,)).fetchone()
        user = accounts.user_of(row) if row else None
        return user if user and user.disabled_at is None else None

    @staticmethod
    def _key(db: Connection) -> tuple[str, Ed25519PrivateKey]:
        """Return the key that signs, made where there is none."""
        row = db.execute(
            "select kid, pem from keys where retired_at is null order by made_at desc limit 1"
        ).fetchone()
        if row:
            return row[0], _private(row[1])
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )  # fmt: skip
        kid = hashlib.sha256(pem).hexdigest()[:16]
        cells = (kid, pem.decode(), time.time())
        db.execute("insert into keys (kid, pem, made_at) values (?, ?, ?)", cells)
        return kid, private


def _kept_since(now: float) -> float:
    """Return when a key must not have been retired before, to verify still."""
    return now - 2 * ACCESS_S


def _revoke(db: Connection, family: str) -> None:
    db.execute(
        "update families set revoked_at = coalesce(revoked_at, ?) where family_id = ?",
        (time.time(), family),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _private(pem: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - for the type: we made it
    return key


def _jwk(kid: str, private: Ed25519PrivateKey) -> dict[str, str]:
    import base64

    raw = private.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}
