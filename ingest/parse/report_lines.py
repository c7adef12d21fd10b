"""Lines of a report that is plain text, one after the other, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import IO, cast

from golive_core.errors import ReportError
from ingest.parse.report_rows import Body

LINE_CHARS = 4 << 20
WIDE = (b"\xff\xfe", b"\xfe\xff")


def lines(body: Body) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text without its end of every line; bytes that are no text are �.

    Raises ReportError for a line longer than LINE_CHARS and for a file with nothing in it.
    """
    with body.open() as peeked:
        encoding = "utf-16" if peeked.read(2) in WIDE else "utf-8-sig"
    number = 0
    with body.open() as stream:
        whole = io.TextIOWrapper(cast("IO[bytes]", stream), encoding, errors="replace")
        while line := whole.readline(LINE_CHARS):
            number += 1
            if len(line) >= LINE_CHARS:
                what = f"a line is longer than {LINE_CHARS >> 20} MiB"
                raise ReportError(what, path=body.path, line=number)
            yield number, line.rstrip("\r\n")
    if not number:
        raise ReportError("the file is empty", path=body.path)


def stem(path: str, *suffixes: str) -> str:
    """Return the name of a file, or member of an archive, without its ending."""
    name = PurePath(path.rpartition("!")[2]).name
    for suffix in (".gz", *suffixes):
        name = name.removesuffix(suffix)
    return name
