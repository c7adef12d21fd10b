"""Webhooks: whether a body comes from who knows the secret. What it says is the source's."""

from __future__ import annotations

import hmac


def signed(body: bytes, secret: str, signature: str, *, algorithm: str = "sha256") -> bool:
    """Tell in constant time whether `signature` (hexadecimal) is the HMAC of `body`.

    An empty secret signs nothing.
    """
    if not secret:
        return False
    made = hmac.new(secret.encode(), body, algorithm).hexdigest()
    return hmac.compare_digest(made.encode(), signature.strip().lower().encode())
