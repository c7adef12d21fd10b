"""Who may come in: the session cookie that gateway and dashboards share, and the sign-in link.

A token is `<purpose>.<expiry>.<nonce>.<HMAC-SHA256>` under the key in `.golive/session.key`, which
only its owner can read. A link token opens one session and lives an hour; a session token is the
value of the cookie and lives a week. Deleting the key signs everybody out.

Which pages ask for a session is their own business; `golive up` asks for it everywhere by
GOLIVE_SIGN_IN=1.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from golive_core.errors import GoLiveError
from golive_core.settings import home, variable

COOKIE = "golive_session"
LIFETIME_S: dict[str, int] = {"link": 3600, "session": 7 * 24 * 3600}
KEY_BYTES = 32
Purpose = Literal["link", "session"]


def is_required() -> bool:
    """Tell whether pages must ask for a session."""
    return variable("GOLIVE_SIGN_IN") == "1"


def is_signed_in(cookies: Mapping[str, str]) -> bool:
    """Tell whether the cookies of a request carry a valid session."""
    return verify(cookies.get(COOKIE, ""), "session")


def make_token(purpose: Purpose, *, at: float | None = None) -> str:
    """Return a fresh token, valid for `LIFETIME_S[purpose]` seconds from `at` (Unix time)."""
    expiry = int(time.time() if at is None else at) + LIFETIME_S[purpose]
    body = f"{purpose}.{expiry}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_signature(body, signing_key())}"


def verify(token: str, purpose: Purpose, *, at: float | None = None) -> bool:
    """Tell whether the token was made here for `purpose` and has not expired at `at`."""
    body, _, signature = token.rpartition(".")
    if not token.isascii() or not hmac.compare_digest(signature, _signature(body, signing_key())):
        return False
    made_for, expiry, _nonce = body.split(".")
    return made_for == purpose and int(expiry) > (time.time() if at is None else at)


def signing_key(folder: Path | None = None) -> bytes:
    """Return the key of the home `folder`, made on first use, readable for its owner alone.

    Raises GoLiveError if it cannot be read or written.
    """
    path = (folder or home()) / "session.key"
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        hint = "Make the folder writable, or point GOLIVE_HOME at one that is"
        raise GoLiveError(f"{error.strerror}", where=str(path), hint=hint) from error
    if len(key) < KEY_BYTES:
        raise GoLiveError("the session key is damaged", where=str(path), hint="Delete the file")
    return key


def _create(path: Path) -> None:
    """Write a key under a private name and link it, so that of two processes one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _signature(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
