"""Files of the home, readable for their owner alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from golive_core.errors import GoLiveError

BUSY_S = 10.0


@contextmanager
def opened(
    path: Path, schema: str, *, what: str, is_alone: bool = False
) -> Generator[sqlite3.Connection]:
    """Lend a connection to a file; see `golive_core.database.opened`."""
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
            f"{what} cannot be read or written: {error}", where=str(path),
            hint="Make room on the disk and see that the file is yours",
        ) from error  # fmt: skip
