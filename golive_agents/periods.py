"""Time in questions: "yesterday", "last 14 days", "in March", "since 2026-03-01".

Days are UTC and the ranges half-open. `last week` and `last month` are whole calendar ones
(ISO 8601 weeks begin on Monday); `last 7 days` and `past week` end with today.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

DEFAULT_DAYS = 30
MONTHS = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
}
WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
DAY = r"(\d{4}-\d{2}-\d{2})"
NUMBERS = {
    word: number
    for number, word in enumerate(
        (
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ),
        1,
    )
}
NUMBER = rf"(\d{{1,4}}|{'|'.join(NUMBERS)}|a|couple of)"
UNITS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "quarter": 91, "year": 365}
UNIT = r"(day|week|fortnight|month|quarter|year)s?"


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to before `end`; None where a side is open. `words` is how it was said."""

    first: date | None
    end: date | None
    words: str

    @property
    def days(self) -> int | None:
        """How many days it has; None for an open one."""
        return (self.end - self.first).days if self.first and self.end else None

    def before(self) -> Period | None:
        """Return the period of the same length just before this one."""
        if self.first is None or self.end is None:
            return None
        return Period(self.first - (self.end - self.first), self.first, "the period before")


def usual(today: date) -> Period:
    """Return the period of a question that names none: the last 30 days."""
    return last_days(DEFAULT_DAYS, today)


def last_days(days: int, today: date) -> Period:
    """Return the period of so many days that ends with today."""
    words = "today" if days == 1 else f"the last {days} days"
    return Period(today - timedelta(days=days - 1), today + timedelta(days=1), words)


def find(text: str, today: date) -> tuple[Period | None, str]:
    """Return the period that a question names, and the question without it.

    Raises ValueError for a day that does not exist.
    """
    for pattern, meaning in PATTERNS:
        match = pattern.search(text)
        if match and (found := meaning(match, today)):
            return found, f"{text[: match.start()]} {text[match.end() :]}".strip()
    return None, text


def _ago(match: re.Match[str], today: date) -> Period:
    number = NUMBERS.get(match[1]) or {"a": 1, "couple of": 2}.get(match[1]) or int(match[1])
    return last_days(max(1, number) * UNITS[match[2]], today)


def _past(match: re.Match[str], today: date) -> Period:
    return last_days(UNITS[match[1]], today)


def _since(match: re.Match[str], today: date) -> Period:
    words = match[1]
    if words == "yesterday":
        first = today - timedelta(days=1)
    elif words in WEEKDAYS:
        first = _weekday(words, today)
    else:
        first = date.fromisoformat(words)
    return Period(first, today + timedelta(days=1), f"since {first}")


def _weekday(name: str, today: date) -> date:
    return today - timedelta(days=(today.weekday() - WEEKDAYS[name]) % 7 or 7)


def _between(match: re.Match[str], today: date) -> Period:
    first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2])
    return Period(first, last + timedelta(days=1), f"from {first} to {last}")


def _before(match: re.Match[str], today: date) -> Period:
    return Period(None, date.fromisoformat(match[1]), f"before {match[1]}")


def _on(match: re.Match[str], today: date) -> Period:
    day = _weekday(match[1], today) if match[1] in WEEKDAYS else date.fromisoformat(match[1])
    return Period(day, day + timedelta(days=1), f"on {day}")


def _calendar(match: re.Match[str], today: date) -> Period:
    """Return this or the last whole week, month, quarter or year."""
    is_last, unit = match[1] != "this", match[2]
    first = _begin(unit, today)
    if is_last:
        return Period(_begin(unit, first - timedelta(days=1)), first, f"last {unit}")
    return Period(first, today + timedelta(days=1), f"this {unit}")


def _begin(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return date(day.year, 1, 1)


def _month(match: re.Match[str], today: date) -> Period:
    month = MONTHS[match[1]]
    year = int(match[2]) if match[2] else today.year - (month > today.month)
    end = date(year + month // 12, month % 12 + 1, 1)
    return Period(date(year, month, 1), end, f"in {calendar.month_name[month]} {year}")


def _year(match: re.Match[str], today: date) -> Period:
    year = int(match[1])
    return Period(date(year, 1, 1), date(year + 1, 1, 1), f"in {year}")


def _yesterday(_: re.Match[str], today: date) -> Period:
    return Period(today - timedelta(days=1), today, "yesterday")


def _today(_: re.Match[str], today: date) -> Period:
    return last_days(1, today)


def _always(_: re.Match[str], today: date) -> Period:
    return Period(None, None, "of all time")


Meaning = Callable[[re.Match[str], date], Period]
_MONTH_NAMES = "|".join(sorted(MONTHS, key=len, reverse=True))
_WEEKDAY_NAMES = "|".join(WEEKDAYS)
PATTERNS: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})(?![\w-])"), meaning)
    for pattern, meaning in (
        (rf"(?:between|from) {DAY} (?:and|to|until|till) {DAY}", _between),
        (rf"since (?:last )?{DAY.replace('(', '(yesterday|').replace(')', f'|{_WEEKDAY_NAMES})')}",
         _since),
        (rf"(?:before|until|till) {DAY}", _before),
        (rf"(?:on )?(?:last )?{DAY.replace(')', f'|{_WEEKDAY_NAMES})')}", _on),
        (rf"(?:in |over |during |within |for )?(?:the )?(?:last|past|previous) {NUMBER} {UNIT}",
         _ago),
        (rf"(?:in |over |during |within |for )?the past {UNIT}", _past),
        (r"(?:in |over |during |within |for )?(?:the )?(last|previous|this) "
         r"(week|month|quarter|year)", _calendar),
        (r"(?:in )?the (?:day|24 hours) before today|yesterday",
         _yesterday),
        (r"today|this morning|so far today", _today),
        (rf"(?:in|during) ({_MONTH_NAMES})(?: (\d{{4}}))?", _month),
        (r"(?:in|during) (\d{4})", _year),
        (r"ever|of all time|all time|in total|so far|at all|since the beginning",
         _always),
    )
)  # fmt: skip
