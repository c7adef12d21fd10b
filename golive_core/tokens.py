"""API tokens: what a CI job or a script shows instead of a person. Kept in `.golive/accounts.db`.

A token is `glv_<id>_<secret>`; the secret has 256 random bits, so that its SHA-256 is all that has
to be kept (a slow hash protects what people choose, not what is random). It is shown once, has
scopes, may be held to one project, and ends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from golive_core.database import Connection, exists, opened
from golive_core.errors import UsageError

SCOPES = {
    "reports:write": "upload reports",
    "read": "read projects, builds, tests and predictions",
    "badge": "load badges, and nothing else",
}
PATTERN = re.compile(r"glv_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
DAYS = 365
DAY_S = 86_400.0
USED_EVERY_S = 60.0
"""How exactly the last use is noted: a write for each request would be one too many."""
SCHEMA = """
create table if not exists tokens (
    token_id text primary key, name text not null, digest text not null, scopes text not null,
    project_id text not null, made_at real not null, ends_at real not null, used_at real,
    revoked_at real
) strict
"""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; times in seconds since 1970, `project_id` "" for every project."""

    token_id: str
    name: str
    scopes: tuple[str, ...]
    project_id: str
    made_at: float
    ends_at: float
    used_at: float | None = None
    revoked_at: float | None = None

    def state(self, at: float | None = None) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.ends_at > (time.time() if at is None else at) else "expired"

    def may(self, scope: str, project: str) -> bool:
        """Tell whether it is good for a scope in a project."""
        return scope in self.scopes and self.project_id in ("", project)


class Tokens:
    """The tokens of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def create(
        self, name: str, scopes: Sequence[str], *, project: str = "", days: int = DAYS
    ) -> tuple[Token, str]:
        """Return a new token and the text that is shown once; raises UsageError."""
        unknown = [one for one in scopes if one not in SCOPES]
        if unknown or not scopes:
            hint = f"There are: {', '.join(SCOPES)}"
            raise UsageError(f"no scope is called {', '.join(unknown) or 'so'}", hint=hint)
        if not name.strip() or days < 1:
            raise UsageError("a token needs a name and at least a day", hint="For example: jenkins")
        identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = time.time()
        token = Token(identity, name.strip(), tuple(scopes), project, now, now + days * DAY_S)
        with self._open() as db:
            db.execute(
                "insert into tokens (token_id, name, digest, scopes, project_id, made_at, ends_at) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                (identity, token.name, _digest(secret), " ".join(scopes), project, now,
                 token.ends_at),
            )  # fmt: skip
        return token, f"glv_{identity}_{secret}"

    def verify(self, text: str, *, at: float | None = None) -> Token | None:
        """Return the token of a text if it is genuine and active, and note its use."""
        match = PATTERN.fullmatch(text.strip())
        if match is None or not exists(self._home):
            return None
        now = time.time() if at is None else at
        with self._open() as db:
            row = db.execute("select * from tokens where token_id = ?", (match[1],)).fetchone()
            digest = row[2] if row else ""
            if not hmac.compare_digest(digest, _digest(match[2])):
                return None
            token = _token(row)
            if now - (token.used_at or 0.0) > USED_EVERY_S:
                db.execute("update tokens set used_at = ? where token_id = ?", (now, match[1]))
        return token if token.state(now) == "active" else None

    def all(self) -> list[Token]:
        """Return every token, newest first."""
        if not exists(self._home):
            return []
        with self._open() as db:
            return [_token(row) for row in db.execute("select * from tokens order by made_at desc")]

    def revoke(self, token_id: str) -> Token:
        """End a token now; raises UsageError for an unknown id."""
        with self._open() as db:
            row = db.execute("select * from tokens where token_id = ?", (token_id,)).fetchone()
            if row is None:
                raise UsageError(f"no token has the id {token_id!r}", hint="golive token list")
            db.execute(
                "update tokens set revoked_at = coalesce(revoked_at, ?) where token_id = ?",
                (time.time(), token_id),
            )
        return _token(row)

    def _open(self) -> AbstractContextManager[Connection]:
        return opened(self._home, SCHEMA, what="the tokens")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Sequence[object]) -> Token:
    identity, name, _, scopes, project, made, ends, used, revoked = row
    return Token(
        str(identity), str(name), tuple(str(scopes).split()), str(project), _time(made) or 0.0,
        _time(ends) or 0.0, _time(used), _time(revoked),
    )  # fmt: skip


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
