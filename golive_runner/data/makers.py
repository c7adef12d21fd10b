"""Values of one column: plain ones, its edge cases, and distinct ones by number."""

from __future__ import annotations

import json
import re
import string
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import cast

from golive_core.errors import UsageError
from golive_runner.data.shape import Column, Value
from golive_runner.data.words import SYLLABLES, topic_of, usual

FIRST_DAY, DAYS = date(2015, 1, 1), 4018
"""Plain dates lie in these eleven years: never near today, so that a seed makes the same bytes."""
DAY_S = 86_400
PLAIN = 10_000
"""Plain numbers lie below it, if the column lets them."""
LONGEST = 255
"""Characters of the longest edge case of a text without a limit."""
CODE = 8
"""Characters of a distinct text where no distinct words fit."""
DIGITS = string.digits + string.ascii_lowercase
TEXTS = (
    "", " ", "Zoë Żółć", "名前", "🙂👩‍👩‍👧", "مرحبا", "e\u0301", "O'Brien \"x\"", "a\tb", "a\nb",
    "<b>&amp;</b>", "'; drop table x; --", "NULL", "-1", "0", " leading and trailing ", "Ω≈ç√", "ß",
)  # fmt: skip
LEAP_DAYS = (date(2000, 2, 29), date(2024, 2, 29))
DATES = (*LEAP_DAYS, date(1970, 1, 1), date(1969, 12, 31), date(1900, 3, 1), date(2038, 1, 19),
         date(2023, 12, 31), date(2024, 12, 31))  # fmt: skip
TIMES = (time(0, 0), time(23, 59, 59, 999_999), time(12, 0), time(2, 30))
FLOATS = (0.0, -1.0, 1.0, 0.1, 1e-300, 1e300, -1e300, 1 / 3, 123456789.125)


@dataclass(frozen=True)
class Maker:
    """How values of a column are made.

    `plain` gives one; `nth` the distinct one of a number below `capacity` (None: any number).
    """

    plain: Callable[[Random], Value]
    nth: Callable[[int], Value]
    edges: tuple[Value, ...] = ()
    capacity: int | None = None

    def checked(self, column: Column, rows: int, where: str) -> Maker:
        """Return itself; raises UsageError if it has fewer distinct values than there are rows."""
        if self.capacity is not None and self.capacity < rows:
            raise UsageError(
                f"{column.name} is unique and holds {self.capacity:,} values, not {rows:,}",
                where=where, hint="Ask for fewer --rows",
            )  # fmt: skip
        return self


def maker(column: Column) -> Maker:
    """Return the maker of a column."""
    return MAKERS[column.kind](column)


def _bounds(column: Column) -> tuple[int, int]:
    """Return lowest and highest value as whole numbers of the last digit."""
    factor = 10**column.scale
    low = -PLAIN * factor if column.low is None else int(Decimal(column.low) * factor)
    high = PLAIN * factor if column.high is None else int(Decimal(column.high) * factor)
    return low, high


def _integer(column: Column) -> Maker:
    low, high = _bounds(column)
    if low > high:
        raise UsageError(f"{column.name} allows no value: from {column.low} to {column.high}")
    return _whole(column, low, high, lambda number: number)


def _whole(column: Column, low: int, high: int, shown: Callable[[int], Value]) -> Maker:
    """Return the maker of numbers from low to high; plain ones are small and positive if can be."""
    factor = 10**column.scale
    begin = start = 1 if low <= 1 <= high else low
    first, last = (one * factor for one in usual(column.name))
    start = max(start, min(first, high))
    end = min(high, last if start < last else start + PLAIN * factor)
    span = end - start + 1
    near = {low, high, 0, 1, -1, low + 1, high - 1}
    edges = tuple(shown(one) for one in sorted(near) if low <= one <= high)
    return Maker(
        lambda random: shown(start + int(random.random() * span)),
        lambda number: shown(begin + number), edges, high - begin + 1,
    )  # fmt: skip


def _decimal(column: Column) -> Maker:
    low, high = _bounds(column)
    scale = -column.scale
    return _whole(column, low, high, lambda number: Decimal(number).scaleb(scale))


def _float(column: Column) -> Maker:
    low = -1e308 if column.low is None else float(column.low)
    high = 1e308 if column.high is None else float(column.high)
    start = 0.0 if low <= 0 <= high else low
    width = min(high - start, float(PLAIN))
    edges = {one for one in (*FLOATS, column.low, column.high) if one is not None}
    return Maker(
        lambda random: round(start + random.random() * width, 6),
        lambda number: start + width * (number / (1 << 32)),
        tuple(sorted(float(one) for one in edges if low <= one <= high)), 1 << 32,
    )  # fmt: skip


def _boolean(_column: Column) -> Maker:
    return Maker(lambda random: random.random() < 0.5, lambda number: number == 1, (), 2)  # noqa: PLR2004 - half of them


def _choice(column: Column) -> Maker:
    values = column.values
    return Maker(
        lambda random: values[int(random.random() * len(values))],
        lambda number: values[number], (), len(values),
    )  # fmt: skip


def _date(_column: Column) -> Maker:
    def nth(number: int) -> date:
        return FIRST_DAY + timedelta(days=number)

    return Maker(lambda random: nth(int(random.random() * DAYS)), nth, DATES, 2_900_000)


def _time(_column: Column) -> Maker:
    def nth(number: int) -> time:
        minutes, second = divmod(number, 60)
        return time(minutes // 60, minutes % 60, second)

    return Maker(lambda random: nth(int(random.random() * DAY_S)), nth, TIMES, DAY_S)


def _timestamp(column: Column) -> Maker:
    zone = UTC if column.is_zoned else None
    begin = datetime.combine(FIRST_DAY, time(0), zone)

    def nth(number: int) -> datetime:
        return begin + timedelta(seconds=number)

    whole = DAYS * DAY_S
    edges = tuple(datetime.combine(day, at, zone) for day in DATES for at in TIMES[:2])
    return Maker(lambda random: nth(int(random.random() * whole)), nth, edges, 200_000_000_000)


def _uuid(_column: Column) -> Maker:
    edges = (str(uuid.UUID(int=0)), str(uuid.UUID(int=(1 << 128) - 1)))
    return Maker(
        lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
        lambda number: str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))), edges,
    )  # fmt: skip


def _json(column: Column) -> Maker:
    text = _free_text(Column(column.name, "text"))

    def nth(number: int) -> str:
        return json.dumps({"id": number, "text": text.nth(number)})

    edges = ("{}", "[]", "null", '"é🙂"', '{"a": {"b": [1, 2.5, null, true]}}')
    return Maker(lambda random: nth(int(random.random() * PLAIN)), nth, edges)


def _binary(column: Column) -> Maker:
    most = column.most or 16

    def nth(number: int) -> bytes:
        return number.to_bytes(min(most, 8), "big")

    return Maker(
        lambda random: random.randbytes(max(column.least, min(most, 16))), nth,
        tuple(one for one in (b"", b"\x00" * most, b"\xff" * most) if len(one) >= column.least),
        1 << 8 * min(most, 8),
    )  # fmt: skip


def _text(column: Column) -> Maker:
    if not column.like:
        return _free_text(column)
    fits = re.compile(like_pattern(column.like), re.DOTALL).fullmatch
    example = topic_of(column.name).numbered(0)
    return _free_text(column) if fits(example) else _by_pattern(column)


def like_pattern(like: str) -> str:
    """Return a pattern of LIKE as a regular expression."""
    return "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in like)


def _free_text(column: Column) -> Maker:
    topic, least, most = topic_of(column.name), column.least, column.most
    limit = LONGEST if most is None else most

    def fitted(text: str) -> str:
        if len(text) < least:
            text += SYLLABLES[len(text) % len(SYLLABLES)] * (least - len(text))
        return text if len(text) <= limit and most is None else text[: max(least, limit)]

    def nth(number: int) -> str:
        text = topic.numbered(number)
        if least <= len(text) <= limit:
            return text
        return _code(number, max(least, min(limit, CODE)))

    longest = "".join(SYLLABLES[n % len(SYLLABLES)] for n in range(limit))[:limit]
    edges = tuple(dict.fromkeys(one for one in (*TEXTS, longest) if least <= len(one) <= limit))
    capacity = len(DIGITS) ** limit if limit < CODE else None
    numbered = partial(_code, width=limit) if limit < CODE else nth
    return Maker(lambda random: fitted(topic.make(random)), numbered, edges, capacity)


def _code(number: int, width: int) -> str:
    """Return a number as a text of so many characters."""
    found = ""
    for _ in range(width):
        number, place = divmod(number, len(DIGITS))
        found = DIGITS[place] + found
    return found


def _by_pattern(column: Column) -> Maker:
    """Return the maker of texts that are LIKE a pattern: % becomes a word, _ a character."""
    topic = topic_of("")
    places = column.like.count("_")

    def put(word: str, letters: str) -> str:
        left = iter(letters)
        room = max(0, (column.most or LONGEST) - len(column.like.replace("%", "")))
        return "".join(
            word[:room] if sign == "%" else next(left) if sign == "_" else sign
            for sign in column.like
        )

    def plain(random: Random) -> str:
        letters = "".join(random.choice(DIGITS) for _ in range(places))
        return put(topic.make(random), letters)

    def nth(number: int) -> str:
        return put(topic.numbered(number), _code(number, places))

    return Maker(plain, nth, (), None if "%" in column.like else len(DIGITS) ** places)


MAKERS: dict[str, Callable[[Column], Maker]] = {
    "integer": _integer, "decimal": _decimal, "float": _float, "boolean": _boolean,
    "choice": _choice, "date": _date, "time": _time, "timestamp": _timestamp, "uuid": _uuid,
    "json": _json, "binary": _binary, "text": _text,
}  # fmt: skip


def edge_places(random: Random, count: int, share: float) -> Sequence[int]:
    """Return which of `count` cells are taken, each with probability `share`."""
    if share <= 0:
        return ()
    if share >= 1:
        return range(count)
    from math import log

    step, at, found = log(1 - share), -1, list[int]()
    while True:
        at += 1 + int(log(1 - random.random()) / step)
        if at >= count:
            return found
        found.append(at)


def as_text(value: Value) -> str:
    """Return a value as text files have it: times in ISO 8601, bytes in hexadecimal digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, dict)):
        return json.dumps(cast("object", value), ensure_ascii=False)
    return str(value)
