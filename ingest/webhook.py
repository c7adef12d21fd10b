"""What webhooks of several services share: a common secret, sent or used to sign the body."""

from __future__ import annotations

import base64
import binascii
import hmac


def signed(body: bytes, secret: str, signature: str, *, algorithm: str = "sha256") -> bool:
    """Tell in constant time whether `signature` (hexadecimal) is the HMAC of the body.

    A name of the algorithm in front of it (`sha256=`) is taken off. Without a secret nothing is
    signed.
    """
    if not secret:
        return False
    expected = hmac.new(secret.encode(), body, algorithm).hexdigest()
    given = signature.strip().removeprefix(f"{algorithm}=").lower()
    return hmac.compare_digest(expected.encode(), given.encode())


def authorized(given: str, secret: str) -> bool:
    """Tell in constant time whether an Authorization header holds the secret.

    It is a bearer token, or the password of Basic, or user and password with a colon between.
    """
    scheme, _, word = given.strip().partition(" ")
    found = [word.strip()]
    if scheme.lower() == "basic":
        found = _basic(word.strip())
    matches = [hmac.compare_digest(one.encode(), secret.encode()) for one in found]
    return bool(secret) and scheme.lower() in ("basic", "bearer") and any(matches)


def _basic(word: str) -> list[str]:
    """Return the password of Basic credentials, and both (RFC 7617)."""
    try:
        both = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [both.partition(":")[2], both]
