"""When a cron line fires: the ticks between two instants, for telling whether a schedule is late.

Five fields in UTC: minute, hour, day of the month, month, day of the week, each with `*`, numbers,
names, ranges, lists and steps. A day has to fit only one of the two day fields if both are other
than `*`, as Dagster has it (in cron a step restricts nothing). Nothing is started here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from golive_core.errors import SettingsError

FIELDS = (
    ("minute", 0, 59, ""),
    ("hour", 0, 23, ""),
    ("day", 1, 31, ""),
    ("month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    ("weekday", 0, 7, "sun mon tue wed thu fri sat"),
)


def ticks(line: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the times after `start` and up to `end` (aware) at which the line fires, in order.

    Raises SettingsError for a line that is none.
    """
    minutes, hours, days, months, weekdays = _sets(line)
    is_any_day, is_any_weekday = (field == "*" for field in line.split()[2::2])
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight <= end:
        fits = (midnight.day in days, midnight.isoweekday() % 7 in weekdays)
        is_day = all(fits) if is_any_day or is_any_weekday else any(fits)
        if is_day and midnight.month in months:
            of_day = (midnight + timedelta(hours=h, minutes=m) for h in hours for m in minutes)
            yield from (at for at in of_day if start < at <= end)
        midnight += timedelta(days=1)


def _sets(line: str) -> list[list[int]]:
    fields = line.lower().split()
    if len(fields) != len(FIELDS):
        raise SettingsError(f"{line!r} is not a cron line", hint='For example "*/15 * * * *"')
    return [
        sorted(_numbers(line, text, *field)) for text, field in zip(fields, FIELDS, strict=True)
    ]


def _numbers(line: str, text: str, name: str, low: int, high: int, words: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            begin = low if span == "*" else _number(first, low, words)
            end = high if span == "*" or (step and not last) else _number(last or first, low, words)
            found |= set(range(begin, end + 1, int(step or 1)))
        except ValueError:
            found.add(-1)
    if not found or not found <= set(range(low, high + 1)):
        raise SettingsError(f"{line!r} is not a cron line: {text!r} is no {name}")
    return {one % 7 for one in found} if name == "weekday" else found


def _number(text: str, low: int, words: str) -> int:
    names = words.split()
    return names.index(text) + low if text in names else int(text)
