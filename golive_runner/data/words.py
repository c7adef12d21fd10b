"""Made-up words by what a column is called: names and places of faker, addresses that nobody has.

Mail and web addresses lie in example.org, IP addresses in the blocks for documentation (RFC 5737,
3849), telephone numbers in the ranges kept for fiction (555-0100 to 555-0199; 01632 960000 on). A
person's name is put together from lists, so that no row is anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

POOL = 400
SEED = 20_260_101
"""The pools are the same in every run; what is taken of them depends on the run's own seed."""
SYLLABLES = (
    "ba", "co", "di", "fu", "ga", "hel", "in", "jor", "ka", "lu", "mi", "nor", "op", "pra", "qui",
    "ros", "sta", "tu", "ul", "ver", "wi", "xan", "yo", "zel",
)  # fmt: skip


@dataclass(frozen=True)
class Topic:
    """What texts of a column are about: `make` gives one, `numbered` that of a number."""

    make: Callable[[Random], str]
    numbered: Callable[[int], str]


@cache
def pool(kind: str) -> tuple[str, ...]:
    """Return the distinct values that faker gives of a kind, sorted."""
    from faker import Faker

    faker = Faker("en_US", use_weighting=False)
    faker.seed_instance(SEED)
    make: Callable[[], object] = getattr(faker, kind)
    return tuple(sorted({str(make()).replace("\n", ", ") for _ in range(POOL)}))


def one_of(values: Sequence[str], random: Random) -> str:
    """Return one of the values."""
    return values[int(random.random() * len(values))]


def word(number: int) -> str:
    """Return a made-up word, another for every number."""
    found = ""
    number += len(SYLLABLES)
    while number:
        number, place = divmod(number, len(SYLLABLES))
        found += SYLLABLES[place]
    return found


def topic_of(name: str) -> Topic:
    """Return what a column of that name is about; made-up words if nothing is known."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    for pattern, topic in TOPICS:
        if re.search(pattern, plain):
            return topic
    return WORDS


def _pooled(kind: str) -> Topic:
    def numbered(number: int) -> str:
        values = pool(kind)
        turn, place = divmod(number, len(values))
        return values[place] if turn == 0 else f"{values[place]} {turn + 1}"

    return Topic(lambda random: one_of(pool(kind), random), numbered)


def _full_name(random: Random) -> str:
    return f"{one_of(pool('first_name'), random)} {one_of(pool('last_name'), random)}"


def _nth_name(number: int) -> str:
    first, last = pool("first_name"), pool("last_name")
    rest, place = divmod(number, len(first))
    turn, other = divmod(rest, len(last))
    name = f"{first[place]} {last[other]}"
    return name if turn == 0 else f"{name} {turn + 1}"


def _made(make: Callable[[int], str], most: int) -> Topic:
    """Return a topic whose texts are made from a number."""
    return Topic(lambda random: make(int(random.random() * most)), make)


def _mail(number: int) -> str:
    names = pool("first_name")
    return f"{names[number % len(names)].lower()}.{number}@example.org"


def _phone(number: int) -> str:
    extension = number // 100
    return f"+1 202-555-01{number % 100:02}" + (f" x{extension}" if extension else "")


def _ip(number: int) -> str:
    blocks = ("192.0.2", "198.51.100", "203.0.113")
    block, place = divmod(number, 254)
    if block < len(blocks):
        return f"{blocks[block]}.{place + 1}"
    return f"2001:db8::{number:x}"


def _slug(number: int) -> str:
    return f"{word(number)}-{number}"


def _sentence(random: Random) -> str:
    words = [word(int(random.random() * 500)) for _ in range(3 + int(random.random() * 9))]
    return " ".join(words).capitalize() + "."


def _code(number: int) -> str:
    digits = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    head = digits[number % 24] + digits[number // 24 % 24]
    return f"{head}-{number:05}"


def usual(name: str) -> tuple[int, int]:
    """Return between which numbers a plain value of a column of that name lies."""
    for pattern, found in NUMBERS:
        if re.search(pattern, name.lower()):
            return found
    return 0, 10_000


NUMBERS = (
    (r"(^|_)age($|_)", (0, 99)), (r"year", (1990, 2035)), (r"percent|(^|_)pct", (0, 100)),
    (r"rating|stars|priority", (1, 5)), (r"qty|quantity", (1, 50)), (r"(^|_)hour", (0, 23)),
    (r"month", (1, 12)), (r"minute|second", (0, 59)), (r"lat(itude)?$", (-90, 90)),
    (r"lo?ng?(itude)?$", (-180, 180)), (r"(^|_)port$", (1024, 65535)),
)  # fmt: skip
MILLION = 1_000_000
WORDS = _made(word, 5_000)
TOPICS: tuple[tuple[str, Topic], ...] = (
    (r"e?mail", _made(_mail, MILLION)),
    (r"phone|mobile|fax|^tel", _made(_phone, 100)),
    (r"(^|_)(url|uri|link|website|homepage|href)($|_)",
     _made(lambda n: f"https://example.org/{_slug(n)}", MILLION)),
    (r"(^|_)ip(v4|v6)?(_|$)|ip_addr", _made(_ip, 3 * 254)),
    (r"(^|_)(host|hostname|domain)($|_)", _made(lambda n: f"{_slug(n)}.example.org", MILLION)),
    (r"first_?name|given_?name|forename", _pooled("first_name")),
    (r"last_?name|surname|family_?name", _pooled("last_name")),
    (r"user_?name|login|nick", _made(_slug, MILLION)),
    (r"company|employer|vendor|organi[sz]ation", _pooled("company")),
    (r"(^|_)(full_?name|person|customer|author|owner|contact|name)($|_)",
     Topic(_full_name, _nth_name)),
    (r"city|town", _pooled("city")),
    (r"country_?code|(^|_)iso", _pooled("country_code")),
    (r"country", _pooled("country")),
    (r"currency", _pooled("currency_code")),
    (r"street|address", _pooled("street_address")),
    (r"(^|_)(zip|postcode|postal_?code)", _pooled("postcode")),
    (r"colou?r", _pooled("color_name")),
    (r"(^|_)(sku|code|number|ref|reference)($|_)", _made(_code, MILLION)),
    (r"description|comment|note|body|message|summary|title|subject|text",
     Topic(_sentence, lambda n: f"{word(n).capitalize()} {n}.")),
)  # fmt: skip
