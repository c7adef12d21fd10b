"""Keeps code that is tried out from doing harm by accident: it writes in one folder only.

Python tells an audit hook of what it is about to do (PEP 578). Refused are files outside the
folder, other programs, and connections. That holds for calls with odd arguments, which is what
generated tests make; code that means harm can get around it, as in any test run.

Runs under the Python of the project that is tested: standard library only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import cast

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES: dict[str, tuple[int, ...]] = {
    "os.remove": (0,), "os.rmdir": (0,), "os.mkdir": (0,), "os.rename": (0, 1), "os.link": (0, 1),
    "os.symlink": (1,), "os.truncate": (0,), "os.chmod": (0,), "os.chown": (0,), "os.utime": (0,),
    "shutil.rmtree": (0,), "shutil.move": (0, 1), "shutil.copyfile": (1,), "sqlite3.connect": (0,),
}  # fmt: skip
"""Events that change files, and which of their arguments are paths."""
REFUSED = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile",
    "os.kill", "os.killpg", "socket.connect", "socket.bind", "socket.getaddrinfo",
    "socket.sendto", "pty.spawn", "webbrowser.open",
}  # fmt: skip


class RefusedError(PermissionError):
    """What the code under test was about to do, and what no generated test may do."""


def enter(folder: Path) -> None:
    """Guard this process from now on; what it did before is done. It cannot be taken back."""
    places = (folder.resolve(), Path(tempfile.gettempdir()).resolve())
    roots = tuple(f"{place}{os.sep}" for place in places)

    def hook(event: str, given: tuple[object, ...]) -> None:
        if event in REFUSED or not all(_is_inside(path, roots) for path in _changed(event, given)):
            raise RefusedError(f"a generated test may not {event} {str(given)[:200]}")

    sys.addaudithook(hook)


def _changed(event: str, given: tuple[object, ...]) -> list[object]:
    """Return the paths that an event is about to change."""
    if event == "open":
        is_writing = isinstance(given[2], int) and given[2] & WRITING
        return [given[0]] if is_writing else []
    return [given[at] for at in CHANGES.get(event, ()) if at < len(given)]


def _is_inside(path: object, roots: tuple[str, ...]) -> bool:
    if isinstance(path, int) or path in {None, "", os.devnull, ":memory:"}:
        return True
    text = os.path.realpath(os.fsdecode(cast("str", path)))
    return f"{text}{os.sep}".startswith(roots)
