"""Masks that can be taken back: what leaves the machine has placeholders, what comes back has not.

A placeholder tells the kind and is the same for the same text, so that a model can still tell that
two lines speak of one host: `[[EMAIL_1]]`, `[[HOST_2]]`. Secrets have placeholders too, but are not
put back: nobody needs them in an answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from golive_core.redact import replaced

PLACEHOLDER = re.compile(r"\[\[([A-Z]+)_(\d+)\]\]")
SECRET = "SECRET"  # noqa: S105 - the name of a kind
EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b")
ADDRESS = re.compile(
    r"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}"
    r"(?![\w.]*\.\d)|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){5,7}[0-9a-fA-F]{1,4}(?![\w:])"
)
HOST = re.compile(
    r"\b(?:[a-z0-9-]+\.)+(?:internal|local|lan|corp|intra|intranet|home|private)\b|"
    r"(?:(?<=://)|(?<=\]\]@))(?:[a-z0-9-]+\.)+[a-z]{2,24}(?=[:/\s\"')\]]|$)",
    re.IGNORECASE,
)
PERSON = re.compile(r"(?<=/home/)[\w.-]+|(?<=/Users/)[\w.-]+|(?<=C:\\Users\\)[\w. -]+?(?=\\)")
CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
HEX = re.compile(r"\b[0-9a-f]{32,128}\b", re.IGNORECASE)
DENSE = re.compile(r"(?<![\w+/=.-])[A-Za-z0-9+/_=-]{24,}(?![\w+/=.-])")
BITS = 3.6
"""Entropy of a character from which mixed letters and digits are taken for a key."""


class Masks:
    """The placeholders of one conversation.

    `known` are texts that are no secrets (shas, ids), `people` names of persons to be masked.
    """

    def __init__(self, known: Collection[str] = (), people: Collection[str] = ()) -> None:
        self._known = frozenset(known)
        self._people = sorted({one for one in people if len(one) > 1}, key=len, reverse=True)
        self._given: dict[tuple[str, str], str] = {}
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        """Return how many texts have a placeholder."""
        return len(self._texts)

    def mask(self, text: str) -> str:
        """Return the text with placeholders for secrets, keys, people, addresses and hosts."""
        text = replaced(text, lambda secret: self._place(SECRET, secret))
        for name in self._people:
            if name in text:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", self._place("PERSON", name), text)
        for kind, pattern, is_one in KINDS:
            text = pattern.sub(lambda found, k=kind, t=is_one: self._found(k, found[0], t), text)
        return text

    def restore(self, text: str) -> str:
        """Return the text with what the placeholders stand for, but for secrets."""
        return PLACEHOLDER.sub(lambda found: self._back(found[0], found[1]), text)

    def counts(self) -> Mapping[str, int]:
        """Return how many texts of each kind were masked."""
        return Counter(kind for kind, _ in self._given)

    def _found(self, kind: str, text: str, is_one: Callable[[str], bool]) -> str:
        return self._place(kind, text) if is_one(text) else text

    def _place(self, kind: str, text: str) -> str:
        """Return the placeholder of a text; one that has a placeholder in it stays as it is."""
        if not text.strip() or text in self._known or PLACEHOLDER.search(text):
            return text
        key = (kind, text)
        if key not in self._given:
            number = 1 + sum(1 for one, _ in self._given if one == kind)
            self._given[key] = f"[[{kind}_{number}]]"
            self._texts[self._given[key]] = text
        return self._given[key]

    def _back(self, placeholder: str, kind: str) -> str:
        return placeholder if kind == SECRET else self._texts.get(placeholder, placeholder)


def is_card(text: str) -> bool:
    """Tell whether digits have the check digit of payment cards (Luhn, ISO/IEC 7812-1)."""
    digits = [int(one) for one in text if one.isdigit()][::-1]
    doubled = (2 * digit - 9 * (digit > 4) if at % 2 else digit for at, digit in enumerate(digits))  # noqa: PLR2004
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def is_dense(text: str) -> bool:
    """Tell whether a word has the mix and the entropy of a key."""
    has_all = any(map(str.isdigit, text)) and any(map(str.islower, text))
    if not has_all or not any(map(str.isupper, text)):
        return False
    counts = Counter(text)
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return bits >= BITS


def _always(_: str) -> bool:
    return True


KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("SECRET", DENSE, is_dense), ("HASH", HEX, _always), ("EMAIL", EMAIL, _always),
    ("CARD", CARD, is_card), ("IBAN", IBAN, _always), ("ADDRESS", ADDRESS, _always),
    ("HOST", HOST, _always), ("PERSON", PERSON, _always),
)  # fmt: skip
