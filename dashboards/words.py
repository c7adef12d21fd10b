"""How numbers, times and names are written on every page: pure functions, text in and text out.

Units and roundings belong here; what is said about them belongs to the pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

NOTHING = "\u2013"
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
COARSE = 0.1
"""Distance from 0 and 1 below which a probability gets a decimal."""
NEVER = 1e-6
"""No model is surer than that."""
CERTAIN_DIGITS = 10.0


def number(value: float | None) -> str:
    """Return a count with thousands separated by thin spaces: 12 345."""
    return NOTHING if value is None else f"{value:,.0f}".replace(",", "\u2009")


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return `3 builds`, `1 build`."""
    return f"{number(count)} {noun if count == 1 else nouns or noun + 's'}"


def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units: 45 ms, 3.2 s, 4 min 5 s, 2 h 3 min."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        whole = round(seconds)
        return joined(whole // 60, "min", whole % 60, "s")
    whole = round(seconds / MINUTE)
    if seconds < 2 * DAY:
        return joined(whole // 60, "h", whole % 60, "min")
    return joined(whole // 1440, "d", whole % 1440 // 60, "h")


def joined(large: int, unit: str, small: int, small_unit: str) -> str:
    """Return two units, without the small one where it is zero."""
    return f"{large} {unit}" + (f" {small} {small_unit}" if small else "")


def span(length: timedelta) -> str:
    """Return a rough length for sentences: 5 minutes, 3 hours, 2 days, 7 weeks."""
    seconds = max(0.0, length.total_seconds())
    if seconds < MINUTE:
        return "less than a minute"
    if seconds < HOUR:
        return plural(int(seconds // MINUTE), "minute")
    if seconds < 2 * DAY:
        return plural(int(seconds // HOUR), "hour")
    if seconds < 60 * DAY:
        return plural(int(seconds // DAY), "day")
    return plural(int(seconds // (30.44 * DAY)), "month")


def ago(at: datetime | None, now: datetime) -> str:
    """Return `3 hours ago`, `in the future` for clocks that disagree, or a dash."""
    if at is None:
        return NOTHING
    return "in the future" if at > now + timedelta(minutes=5) else f"{span(now - at)} ago"


def percent(share: float | None, *, digits: int = 0) -> str:
    """Return a share of 1 as a percentage that never rounds to a certainty that is none."""
    if share is None:
        return NOTHING
    if 0 < share < 0.5 / 10 ** (digits + 2):
        return f"< {1 / 10**digits:g} %"
    if 1 > share > 1 - 0.5 / 10 ** (digits + 2):
        return f"> {100 - 1 / 10**digits:g} %"
    return f"{share * 100:.{digits}f} %"


def probability(share: float | None) -> str:
    """Return a probability as a percentage; a model is never certain, so 99.9 is where it ends."""
    if share is None:
        return NOTHING
    digits = 0 if COARSE <= share <= 1 - COARSE else 1
    return percent(min(max(share, NEVER), 1 - NEVER), digits=digits)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares: 1.2 to 6.5 %."""
    if low is None or high is None:
        return NOTHING
    digits = 0 if 100 * low >= CERTAIN_DIGITS else 1
    return f"{low * 100:.{digits}f}\u2013{high * 100:.{digits}f} %"


def money(usd: float | None) -> str:
    """Return US dollars, with cents below 100."""
    if usd is None:
        return NOTHING
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:.2f}"  # noqa: PLR2004 - cents stop mattering


def day(at: datetime | None, zone: tzinfo | None = None) -> str:
    """Return a date as people read it: 24 Nov 2026."""
    return NOTHING if at is None else f"{at.astimezone(zone):%-d %b %Y}"


def moment(at: datetime | None, zone: tzinfo | None = None) -> str:
    """Return a time in the reader's zone: 24 Nov 2026, 14:05."""
    return NOTHING if at is None else f"{at.astimezone(zone):%-d %b %Y, %H:%M}"


def short(sha: str | None) -> str:
    """Return the first seven digits of a commit id."""
    return sha[:7] if sha else "unknown commit"


def test_title(name: str | None, parameters: str | None) -> str:
    """Return the name of a test case with its parameters."""
    return f"{name or 'unnamed test'}[{parameters}]" if parameters else name or "unnamed test"


def branch(name: str | None) -> str:
    """Return a branch as a page shows it; builds may name none."""
    return name or "no branch named"


def first_line(text: str | None, limit: int = 160) -> str:
    """Return the first line with words in it, cut at `limit` characters."""
    lines = (line.strip() for line in (text or "").splitlines())
    line = next((line for line in lines if line), "no message")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def size(count: float | None) -> str:
    """Return bytes in the unit that fits: 3.4 MB."""
    if count is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - decimal units
            return (
                f"{count:.0f} {unit}"
                if unit == "B" or count >= CERTAIN_DIGITS
                else f"{count:.1f} {unit}"
            )
        count /= 1000
    return f"{count:.1f} TB"
