"""Text files that people write and name on the command line."""

from __future__ import annotations

from pathlib import Path

from golive_core.errors import UsageError


def text_of(path: Path, most_bytes: int) -> str:
    """Return a text file; UsageError where it cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=str(path)) from error
    if len(content) > most_bytes:
        raise UsageError(f"is larger than {most_bytes >> 20} MiB", where=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError("is not UTF-8 text", where=f"{path}:{line}") from error
