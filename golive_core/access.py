"""Who may come in, and what they may do: roles and permissions as data, and the sign-in link.

ROLES times ALLOWED is the whole of authorisation; gateway, dashboards and SQL ask `may`. A session
is a cookie: that of a user (`golive_core.sessions`), or of the owner, who opened the link that
`golive up` prints and so has this machine anyway.

A token of the owner is `<purpose>.<expiry>.<nonce>.<HMAC-SHA256>` under the key in
`.golive/session.key`, which only its owner can read. A link token opens one session and lives an
hour; a session token is the value of the cookie and lives a week. Both can be over earlier
(`golive_core.spent`). Deleting the key signs the owner out everywhere.

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
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from golive_core import spent
from golive_core.database import opened
from golive_core.database.place import url_of
from golive_core.errors import GoLiveError
from golive_core.settings import home as default_home
from golive_core.settings import variable
from golive_core.sight import Sight

COOKIE = "golive_session"
LIFETIME_S: dict[str, int] = {"link": 3600, "session": 7 * 24 * 3600, "state": 600}
JWT_DOTS = 2
KEY_BYTES = 32
LOOK_S = 30.0
SCHEMA = "create table if not exists signing (key_id text primary key, secret text not null) strict"
Purpose = Literal["link", "session", "state"]
Role = Literal["admin", "developer", "tester", "viewer"]
Condition = Literal["any", "own"]
"""In which projects something is allowed: in all, or in those that somebody belongs to."""
ROLES: tuple[Role, ...] = ("admin", "developer", "tester", "viewer")
READABLE = ("data", "badge", "events", "mcp")
"""What everybody may read of their own projects; `data` is every resource of the API."""
VIEWER: dict[tuple[str, str], Condition] = {
    **{(name, "read"): "own" for name in READABLE},
    ("dashboards", "use"): "own",
}
TESTER: dict[tuple[str, str], Condition] = {
    **VIEWER,
    ("reports", "write"): "own",
    ("quarantine", "write"): "own",
    ("journeys", "run"): "own",
    ("baselines", "approve"): "own",
}
DEVELOPER: dict[tuple[str, str], Condition] = {
    **TESTER,
    ("sql", "read"): "own",
    ("dagster", "use"): "any",
    ("actions", "perform"): "own",
    ("proposals", "approve"): "own",
    ("settings", "read"): "any",
    ("health", "read"): "any",
    ("metrics", "read"): "any",
}
ADMIN: dict[tuple[str, str], Condition] = {
    **dict.fromkeys(DEVELOPER, "any"),
    ("settings", "write"): "any",
    ("users", "read"): "any",
    ("users", "write"): "any",
    ("tokens", "write"): "any",
    ("secrets", "write"): "any",
    ("security", "read"): "any",
    ("audit", "read"): "any",
}
ALLOWED: dict[Role, dict[tuple[str, str], Condition]] = {
    "admin": ADMIN, "developer": DEVELOPER, "tester": TESTER, "viewer": VIEWER,
}  # fmt: skip
"""Role to (resource, action) to where. What is not named is not allowed."""
TABLES: dict[str, tuple[str, str]] = {
    "ops.security_events": ("security", "read"),
    "ops.security_alerts": ("security", "read"),
    "ops.audit_log": ("audit", "read"),
    "ops.llm_calls": ("audit", "read"),
    "ops.quarantine": ("health", "read"),
    "ops.check_results": ("health", "read"),
    "ops.cursors": ("health", "read"),
}
"""Table of the lake to what somebody has to be allowed to see its rows; the others are for all."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is signed in; `projects` are those that they belong to, none means all."""

    name: str
    role: Role
    projects: tuple[str, ...] = ()
    session_id: str = ""

    def may(self, action: str, resource: str, project: str = "") -> bool:
        """Tell whether they may do something; `project` "" asks for no one project."""
        where = ALLOWED[self.role].get((resource, action))
        if where is None:
            return False
        return where == "any" or not project or not self.projects or project in self.projects

    def visible(self, resource: str = "dashboards", action: str = "use") -> tuple[str, ...]:
        """Return the projects whose rows they may see; none means all."""
        return () if ALLOWED[self.role].get((resource, action)) == "any" else self.projects

    def sight(self, resource: str = "dashboards", action: str = "use") -> Sight:
        """Return what they may see of the lake when they do something."""
        closed = (name for name, (what, how) in TABLES.items() if not self.may(how, what))
        return Sight(self.visible(resource, action), tuple(closed))


OWNER = Identity("owner", "admin")
"""Who opened the link: the person at this machine."""


def who(cookies: Mapping[str, str], *, home: Path | None = None) -> Identity | None:
    """Return who the cookies of a request stand for; None for nobody."""
    value = cookies.get(COOKIE, "")
    if verify(value, "session"):
        return None if spent.is_spent(home or default_home(), value) else OWNER
    if value.count(".") != JWT_DOTS:
        return None
    from golive_core.sessions import Sessions

    return Sessions(home or default_home()).identity(value)


def use_link(token: str) -> bool:
    """Tell whether a token is a link that opens a session; it does so once."""
    return verify(token, "link") and spent.spend(default_home(), token, _end(token))


def sign_out(cookies: Mapping[str, str]) -> None:
    """End the session that the cookies of a request stand for, wherever it is open."""
    value, found = cookies.get(COOKIE, ""), who(cookies)
    if found is None:
        return
    if not found.session_id:
        spent.spend(default_home(), value, _end(value))
        return
    from golive_core.sessions import Sessions

    Sessions(default_home()).end(found.session_id)


def is_required() -> bool:
    """Tell whether pages must ask for a session."""
    return variable("GOLIVE_SIGN_IN") == "1"


def is_signed_in(cookies: Mapping[str, str]) -> bool:
    """Tell whether the cookies of a request carry a valid session."""
    return who(cookies) is not None


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
    return body.partition(".")[0] == purpose and _end(token) > (time.time() if at is None else at)


def _end(token: str) -> int:
    """Return when a token that is ours ends, in Unix time."""
    return int(token.split(".")[1])


def signing_key(folder: Path | None = None) -> bytes:
    """Return the key of the home `folder`, made on first use, readable for its owner alone.

    Gateways that share a database share the key that is in it. Raises GoLiveError if it cannot be
    read or written.
    """
    place = folder or default_home()
    if url_of(place):
        return _shared_key(place, int(time.monotonic() / LOOK_S))
    path = place / "session.key"
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


@lru_cache(maxsize=4)
def _shared_key(home: Path, _tick: int) -> bytes:
    """Return the key that is in the database, looked at once for each tick."""
    with opened(home, SCHEMA, is_alone=True) as db:
        row = db.execute("select secret from signing").fetchone()
        if row is None:
            row = (secrets.token_hex(KEY_BYTES),)
            db.execute("insert into signing (key_id, secret) values ('owner', ?)", row)
    return bytes.fromhex(row[0])


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
