"""One at a time: locks of the operating system that several processes agree on by name.

Such a lock goes with its process, however that ends, so nothing is ever left locked.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(folder: Path, name: str) -> Generator[None]:
    """Wait until no other process holds `name` in this folder, and hold it."""
    with _file(folder, name).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(folder: Path, name: str) -> bool:
    """Tell whether another process holds `name`."""
    path = _file(folder, name)
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _file(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)
