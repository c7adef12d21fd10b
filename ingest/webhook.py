"""What webhooks of several services share: a body that is signed with a common secret."""

from __future__ import annotations

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
