"""`.golive/accounts.db`: users, sessions, keys and tokens, readable for its owner alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from golive_core.errors import GoLiveError

FILE = "accounts.db"
BUSY_S = 10.0


@contextmanager
def opened(home: Path, schema: str, *, is_alone: bool = False) -> Generator[sqlite3.Connection]:
    """Lend a connection with the tables of `schema`; what was done is committed at the end.

    `is_alone` keeps other writers out from the start: for who decides by what they read, so that
    two requests of one moment do not both take the same. Raises GoLiveError where the file cannot
    be read or written.
    """
    path = home / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        db = sqlite3.connect(path, timeout=BUSY_S)
        try:
            with db:
                db.executescript(schema)
                if is_alone:
                    db.execute("begin immediate")
                yield db
        finally:
            db.close()
    except (sqlite3.Error, OSError) as error:
        raise GoLiveError(
            f"the accounts cannot be read or written: {error}", where=str(path),
            hint="Make room on the disk and see that the file is yours",
        ) from error  # fmt: skip
