"""Users: names, roles, projects, and passwords as argon2id (RFC 9106, the defaults of pwdlib).

A hash takes a tenth of a second and 64 MiB on purpose: two at a time, whoever asks. After
FREE_TRIES wrong passwords a name waits, twice as long each time, so that guessing takes years; the
right password in between does not open either. Names that nobody has wait just so, or the wait
would tell who has an account. A change of role or projects reaches what is open: `version` goes up
and sessions carry it. A new password and `disabled` end every session of the user.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from golive_core.access import ROLES, Identity, Role
from golive_core.database import Connection, opened
from golive_core.errors import GoLiveError, UsageError
from golive_core.security import Fact, recorder
from golive_core.toml import near

if TYPE_CHECKING:
    from pwdlib import PasswordHash

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
SHORTEST = 10
LONGEST = 200
SHORT_S = 100
FREE_TRIES = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0
SCHEMA = """
create table if not exists users (
    name text primary key, role text not null, projects text not null, digest text not null,
    subject text not null default '', version integer not null default 1,
    made_at real not null, signed_in_at real, disabled_at real
) strict;
create table if not exists attempts (
    name_digest text primary key, tries integer not null, waits_until real not null
) strict;
create table if not exists families (
    family_id text primary key, name text not null, digest text not null,
    before text not null default '', made_at real not null, renewed_at real not null,
    ends_at real not null, revoked_at real
) strict;
"""
"""`families` are the sessions (`golive_core.sessions`): a refresh token and all that renewed it."""
FORGIVEN_S = 24 * 3600.0
"""So long after its last wait a name begins anew."""
MOST_WAITING = 8
"""Sign-ins that may wait for their hash: more would take the threads that answer other requests."""
BUSY_S = 3.0
_hashing = threading.BoundedSemaphore(2)
_turns = threading.BoundedSemaphore(MOST_WAITING)


class LockedError(GoLiveError):
    """Not now: too many wrong passwords, or sign-ins; `retry_after_s` says when to come back."""

    def __init__(self, retry_after_s: float, what: str = "too many wrong passwords") -> None:
        super().__init__(what, hint="Wait, or ask an admin")
        self.retry_after_s = retry_after_s

    @property
    def whole_s(self) -> int:
        """Seconds for the header Retry-After."""
        return int(self.retry_after_s) + 1

    @property
    def when(self) -> str:
        """What is the matter and when to come back, for people."""
        minutes = math.ceil(self.whole_s / 60)
        what = self.what.capitalize()
        if self.whole_s < SHORT_S:
            return f"{what}. Try again in {self.whole_s} seconds."
        return f"{what}. Try again in {minutes} minute{'s' if minutes > 1 else ''}."


@dataclass(frozen=True, slots=True)
class User:
    """One user; times in seconds since 1970, `projects` none for all of them."""

    name: str
    role: Role
    projects: tuple[str, ...]
    version: int
    made_at: float
    signed_in_at: float | None
    disabled_at: float | None
    subject: str = ""
    """Who they are at the OpenID provider: issuer and subject; "" for a user with a password."""

    @property
    def identity(self) -> Identity:
        """What they may do."""
        return Identity(self.name, self.role, self.projects)


class Accounts:
    """The users of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def add(
        self, name: str, role: str, password: str = "", *, projects: Sequence[str] = (),
        subject: str = "", by: str = "",
    ) -> User:  # fmt: skip
        """Make a user; without a password only the OpenID provider lets them in.

        `by` is who does it, for the security events. Raises UsageError for a name that is taken
        or none, an unknown role, a weak password.
        """
        if not NAME.fullmatch(name):
            hint = "Small letters, digits and . _ - @ +, 64 at most"
            raise UsageError(f"{name!r} is not a usable name", hint=hint)
        digest = hashed(password) if password else ""
        with opened(self._home, SCHEMA) as db:
            if _row(db, name):
                raise UsageError(f"there is a user {name!r} already", hint="golive user list")
            db.execute(
                "insert into users (name, role, projects, digest, subject, made_at) "
                "values (?, ?, ?, ?, ?, ?)",
                (name, _role(role), json.dumps(list(projects)), digest, subject, time.time()),
            )
        self._note("user_added", name, by)
        return self.get(name)

    def get(self, name: str) -> User:
        """Return a user; raises UsageError for an unknown name."""
        with opened(self._home, SCHEMA) as db:
            row = _row(db, name)
        if row is None:
            names = [one.name for one in self.all()]
            raise UsageError(f"no user is called {name!r}", hint=near(name, names))
        return user_of(row)

    def find(self, subject: str) -> User | None:
        """Return the user of an OpenID subject."""
        with opened(self._home, SCHEMA) as db:
            row = db.execute(f"{COLUMNS} where subject = ?", (subject,)).fetchone()
        return user_of(row) if row else None

    def awaited(self, name: str) -> User | None:
        """Return a user with neither password nor OpenID subject: who was let in and is to come."""
        with opened(self._home, SCHEMA) as db:
            row = db.execute(
                f"{COLUMNS} where name = ? and digest = '' and subject = ''", (name,)
            ).fetchone()
        return user_of(row) if row else None

    def bind(self, name: str, subject: str) -> User:
        """Say who a user is at the OpenID provider."""
        with opened(self._home, SCHEMA) as db:
            db.execute("update users set subject = ? where name = ?", (subject, name))
        return self.get(name)

    def all(self) -> list[User]:
        """Return every user by name."""
        with opened(self._home, SCHEMA) as db:
            return [user_of(row) for row in db.execute(f"{COLUMNS} order by name")]

    def check(self, name: str, password: str) -> User | None:
        """Return the user if the password is theirs; None for a wrong one or an unknown user.

        Raises LockedError while somebody has to wait. Takes as long for a name that is unknown.
        """
        if not _turns.acquire(blocking=False):
            raise LockedError(BUSY_S, "too many people sign in at this moment")
        try:
            return self._checked(name, password)
        finally:
            _turns.release()

    def _checked(self, name: str, password: str) -> User | None:
        with opened(self._home, SCHEMA, is_alone=True) as db:
            _count_try(db, name)
            row = db.execute(
                "select digest, disabled_at from users where name = ?", (name,)
            ).fetchone()
        digest, disabled_at = row or ("", None)
        is_right = _is_right(password, digest or _nobody()) and bool(digest) and disabled_at is None
        if not is_right:
            return None
        with opened(self._home, SCHEMA) as db:
            _forgive(db, name)
        self.greet(name)
        return self.get(name)

    def change(
        self, name: str, *, role: str = "", projects: Sequence[str] | None = None,
        password: str = "", disabled: bool | None = None, by: str = "",
    ) -> User:  # fmt: skip
        """Change a user, and end the sessions that rest on what they were; raises UsageError.

        `by` is who does it, for the security events.
        """
        user = self.get(name)
        wanted = _role(role or user.role)
        digest = hashed(password) if password else ""
        with opened(self._home, SCHEMA, is_alone=True) as db:
            self._keep_an_admin(db, user, wanted, disabled)
            db.execute(
                "update users set role = ?, projects = ?, version = version + 1 where name = ?",
                (wanted, json.dumps(list(user.projects if projects is None else projects)), name),
            )
            if digest:
                db.execute("update users set digest = ? where name = ?", (digest, name))
            if digest or disabled is False:
                _forgive(db, name)
            if disabled is not None:
                at = time.time() if disabled else None
                db.execute("update users set disabled_at = ? where name = ?", (at, name))
            if digest or disabled:
                _end_all(db, name)
        changed = self.get(name)
        for what in _differences(user, changed, has_password=bool(digest)):
            self._note(what, name, by)
        return changed

    def _note(self, what: str, name: str, by: str) -> None:
        recorder(self._home).note(Fact("change", what, "ok", actor=by, resource=name))

    def end_sessions(self, name: str) -> None:
        """Sign a user out everywhere."""
        with opened(self._home, SCHEMA) as db:
            _end_all(db, name)

    def greet(self, name: str) -> None:
        """Note that somebody signed in by another way than a password."""
        with opened(self._home, SCHEMA) as db:
            db.execute("update users set signed_in_at = ? where name = ?", (time.time(), name))

    @staticmethod
    def _keep_an_admin(db: Connection, user: User, role: Role, disabled: bool | None) -> None:
        """Refuse to leave nobody who may manage users."""
        if user.role != "admin" or (role == "admin" and not disabled):
            return
        sql = (
            "select count(*) from users where role = 'admin' and disabled_at is null and name <> ?"
        )
        if not db.execute(sql, (user.name,)).fetchone()[0]:
            raise UsageError("that would leave no admin", hint="Make another user admin first")


COUNTED = """
insert into attempts values (?, ?, ?)
on conflict (name_digest) do update set tries = excluded.tries, waits_until = excluded.waits_until
"""
COLUMNS = (
    "select name, role, projects, version, made_at, signed_in_at, disabled_at, subject from users"
)


def _row(db: Connection, name: str) -> tuple[object, ...] | None:
    return db.execute(f"{COLUMNS} where name = ?", (name,)).fetchone()


def user_of(row: tuple[object, ...]) -> User:
    """Return the user of a row of COLUMNS."""
    name, role, projects, version, made, signed_in, disabled, subject = row
    return User(
        str(name), cast("Role", role), tuple(json.loads(str(projects))), cast("int", version),
        cast("float", made), cast("float | None", signed_in), cast("float | None", disabled),
        str(subject),
    )  # fmt: skip


def _count_try(db: Connection, name: str) -> None:
    """Count a try before it is made, as one that fails, so that many at once are not free.

    Raises LockedError while the name waits.
    """
    key, now = _of(name), time.time()
    db.execute("delete from attempts where waits_until < ? - ?", (now, FORGIVEN_S))
    row = db.execute(
        "select tries, waits_until from attempts where name_digest = ?", (key,)
    ).fetchone()
    tries, waits_until = row or (0, 0.0)
    if tries >= FREE_TRIES and waits_until > now:
        raise LockedError(waits_until - now)
    times = tries + 1 - FREE_TRIES
    wait_s = min(FIRST_WAIT_S * 2 ** min(times, 30), LONGEST_WAIT_S) if times >= 0 else 0.0
    db.execute(COUNTED, (key, tries + 1, now + wait_s))


def _differences(before: User, after: User, *, has_password: bool) -> Iterator[str]:
    """Yield what has become of a user, as names of events."""
    if before.role != after.role:
        yield f"user_role_{after.role}"
    if before.projects != after.projects:
        yield "user_projects"
    if (before.disabled_at is None) != (after.disabled_at is None):
        yield "user_enabled" if after.disabled_at is None else "user_disabled"
    if has_password:
        yield "user_password"


def _forgive(db: Connection, name: str) -> None:
    db.execute("delete from attempts where name_digest = ?", (_of(name),))


def _of(name: str) -> str:
    """Return what stands for a name: people type passwords where a name is asked for."""
    return hashlib.sha256(name.encode()).hexdigest()


def _end_all(db: Connection, name: str) -> None:
    db.execute(
        "update families set revoked_at = coalesce(revoked_at, ?) where name = ?",
        (time.time(), name),
    )


def _role(name: str) -> Role:
    if name not in ROLES:
        raise UsageError(f"no role is called {name!r}", hint=f"There are: {', '.join(ROLES)}")
    return name


def hashed(password: str) -> str:
    """Return the argon2id hash of a password; raises UsageError for one that is too weak."""
    if not SHORTEST <= len(password) <= LONGEST:
        what = f"a password has {SHORTEST} to {LONGEST} characters"
        raise UsageError(what, hint="Four words that are not a sentence make a good one")
    if len(set(password)) < SHORTEST // 2:
        raise UsageError("the password repeats too few characters", hint="Take another")
    with _hashing:
        return _hasher().hash(password)


def _is_right(password: str, digest: str) -> bool:
    with _hashing:
        return _hasher().verify(password[:LONGEST], digest)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(),))


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Return a hash that no password fits, so that unknown names take as long as known ones."""
    with _hashing:
        return _hasher().hash(secrets.token_urlsafe(32))
