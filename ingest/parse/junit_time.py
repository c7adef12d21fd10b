"""Times and durations as test reporters write them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = int((datetime(1990, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000
DAY = 86_400_000_000
LONGEST_S = 366 * 86_400.0
"""A longer test is a reporter that counts nanoseconds."""
GROUPS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")


@lru_cache(maxsize=10_000)
def microseconds(text: str | None, zone: str, newest_at: int) -> int | None:
    """Return a reported time as µs since 1970, or None where it cannot be true.

    Times without a zone are in `zone`. Before 1990 (year 1, 1970) and more than a day after the
    report was written (`newest_at`) is a clock that is not set.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(_iso(text))
    except ValueError:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    delta = aware - EPOCH
    found = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return found if EARLIEST <= found <= newest_at + DAY else None


def _iso(text: str) -> str:
    """Return what `fromisoformat` takes of `2024-01-03T 12:40:13` and the like."""
    words = text.strip().replace(",", ".").split()
    if len(words) > 1 and words[0].endswith("T"):
        words[0] = words[0][:-1]
    return "T".join(words)


def seconds(text: str | None) -> float | None:
    """Return a reported duration, seconds, or None where it cannot be true.

    `1,234.5` has thousands separators, as has `1,234`, since Surefire writes whole seconds so;
    `0,123` and `12,5` have a decimal comma. Negative, infinite and endless ones are unknown.
    """
    if not text:
        return None
    words = text.strip().removesuffix("s").strip()
    if "," in words:
        grouped = "." in words or GROUPS.fullmatch(words)
        words = words.replace(",", "" if grouped else ".")
    try:
        found = float(words)
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found <= LONGEST_S else None
