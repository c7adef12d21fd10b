"""Takes secrets out of what a browser recorded: bodies that were sent, cookies, keys, headers.

Traces and HAR files tell everything that a page was given. What was resolved from `${NAME}` is
masked, and the values of the headers that carry keys.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from golive_core.redact import without_resolved

TEXTS = (".trace", ".network", ".stacks", ".json", ".html", ".txt", ".js", ".css", ".svg", ".dat")
HEADER = re.compile(
    r'("name":\s*"(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key)",\s*"value":\s*")'
    r'(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)


def veiled(path: Path) -> Path:
    """Return the file with its secrets masked, in place."""
    if path.suffix == ".zip":
        return _archive(path)
    path.write_text(_text(path.read_text("utf-8", "replace")), "utf-8")
    return path


def _text(text: str) -> str:
    return without_resolved(HEADER.sub(r'\1***"', text))


def _archive(path: Path) -> Path:
    """Rewrite the texts of a trace; pictures and fonts are passed on as they are."""
    draft = path.with_suffix(".veiled")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename.endswith(TEXTS):
                body = _text(body.decode("utf-8", "surrogateescape")).encode(
                    "utf-8", "surrogateescape"
                )
            new.writestr(entry.filename, body, compresslevel=1)
    draft.replace(path)
    return path
