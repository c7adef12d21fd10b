"""What webhooks of several services share: a common secret, sent or used to sign the body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

GENERIC = "x-golive-signature"
"""Header of the signature that any caller can make: `sha256=` and the HMAC of the body."""
DELIVERY = (
    "x-github-delivery", "x-gitlab-event-uuid", "x-gitlab-webhook-uuid", "x-request-uuid",
    "x-atlassian-webhook-identifier", "x-pagerduty-webhook-id", "x-golive-delivery",
)  # fmt: skip
"""Headers in which services name a delivery, the same for each of its repetitions."""


@runtime_checkable
class Hooks(Protocol):
    """What a source has that understands webhooks of its service."""

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook comes from who knows the secret."""
        ...

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> list[tuple[dict[str, Any], bytes]]:
        """Return contexts and bodies of the payloads that a webhook tells of.

        Raises SourceDataError for a body that is not the service's.
        """
        ...


def verified(source: object, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Tell whether a webhook is genuine: signed as its service does it, or as anybody can.

    A service that signs nothing sends the secret as a bearer token or as a password.
    """
    named = {name.lower(): value for name, value in headers.items()}
    if signed(body, secret, named.get(GENERIC, "")):
        return True
    if isinstance(source, Hooks):
        return bool(secret) and source.verify(headers, body, secret)
    return authorized(named.get("authorization", ""), secret)


def delivery_id(headers: Mapping[str, str], body: bytes) -> str:
    """Return what names the delivery: its service's id, else the digest of the body."""
    named = {name.lower(): value for name, value in headers.items()}
    found = next((named[name] for name in DELIVERY if named.get(name)), "")
    return found[:200] or hashlib.sha256(body).hexdigest()


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
