"""The film strip out of a trace: the browser's own frames, so that no step waits for a picture.

A trace has a frame for every change of the page, named by its page and the time (ms since 1970)
at which it came.
"""

from __future__ import annotations

import bisect
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

FRAME = re.compile(r"screencast/.+-(\d{13})\.jpeg")
LATE_MS = 40
"""A change is drawn at the next frame: one that comes so soon after a step still shows it."""


def pictures(trace: Path, ends: Sequence[datetime]) -> Iterator[bytes | None]:
    """Yield what the page looked like at each of the times (JPEG), None before its first frame."""
    with zipfile.ZipFile(trace) as archive:
        found = sorted(
            (int(match[1]), name)
            for name in archive.namelist()
            if (match := FRAME.fullmatch(name))
        )  # fmt: skip
        times = [at for at, _ in found]
        for end in ends:
            nth = bisect.bisect_right(times, end.timestamp() * 1000 + LATE_MS)
            yield archive.read(found[nth - 1][1]) if nth else None
