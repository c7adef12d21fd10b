"""Tokens of the owner that are over before their time: links that were used, sessions signed out.

Kept in accounts.db until they would have ended anyway, so that a restarted gateway and its
neighbours know them too.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from golive_core.database import exists, opened

LOOK_S = 3.0
MOST_KNOWN = 1000
SCHEMA = """
create table if not exists spent (
    token_digest text primary key, ends_at real not null
) strict;
"""
_looked: dict[str, tuple[float, bool]] = {}
"""Home and token to when it was looked at, and whether it was over."""


def spend(home: Path, token: str, ends_at: float) -> bool:
    """Mark a token as over; False if it was so before. `ends_at` is when it can be forgotten."""
    digest = _digest(token)
    with opened(home, SCHEMA, is_alone=True) as db:
        db.execute("delete from spent where ends_at < ?", (time.time(),))
        done = db.execute(
            "insert into spent values (?, ?) on conflict do nothing", (digest, ends_at)
        )
        is_first = done.rowcount == 1
    _looked.pop(f"{home}\x1f{digest}", None)
    return is_first


def is_spent(home: Path, token: str) -> bool:
    """Tell whether a token is over; looks once in LOOK_S."""
    if not exists(home):
        return False
    digest = _digest(token)
    key = f"{home}\x1f{digest}"
    looked_at, known = _looked.get(key, (-LOOK_S, False))
    if time.monotonic() - looked_at < LOOK_S:
        return known
    with opened(home, SCHEMA) as db:
        row = db.execute("select 1 from spent where token_digest = ?", (digest,)).fetchone()
    if len(_looked) > MOST_KNOWN:
        _looked.clear()
    _looked[key] = (time.monotonic(), row is not None)
    return row is not None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
