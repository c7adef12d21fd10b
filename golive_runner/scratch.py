"""Folders that a run works in, gone with it also where its processes still write for a moment."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

TRIES = 50
SHORT = 40
"""Characters of the folder for temporary files. Chromium puts a socket of some 65 more below it,
whose path the system limits to 107 (unix(7)), and ends where it is longer."""
LOOK_S = 0.1


@contextmanager
def scratch(prefix: str) -> Generator[Path]:
    """Yield a new folder of that prefix; what cannot be removed in a few seconds is left."""
    place = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place if len(place) <= SHORT else _short()))
    try:
        yield folder
    finally:
        remove(folder)


def _short() -> str | None:
    return next((place for place in ("/tmp", "/var/tmp") if os.access(place, os.W_OK)), None)  # noqa: S108 - a folder of its own is made in it


def remove(folder: Path) -> None:
    """Remove a folder. Nothing tells when the last of the processes is gone that write into it."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(LOOK_S)
