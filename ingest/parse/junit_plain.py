"""Plain cases of a report, taken out of its bytes before the rest is parsed.

Most cases of most reports passed and say nothing but their attributes. One regular expression
takes them out for a third of what the callbacks of expat cost. Each run of them leaves an element
MARK, where `ingest/parse/junit.py` puts them back. Whether they were cases at all, and not a text
that looks like some, is not known here: a mark in a comment or CDATA is no element.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

MARK = "golive-plain-cases"
SPACE = r"[ \t\r\n]*+"
VALUE = r"[ !#-%'-;=-~]{0,4000}+"
"""ASCII that means itself in an attribute: no quote, `<` or `&`, nothing to normalise."""
PRINTED = r"(?:[\t\r\n -%'-;=?-~]*+|<!\[CDATA\[[\t\r\n -;=-\\^-~]*+\]\]>)"
"""ASCII as text or CDATA: what a case printed that passed is not kept. Never beyond the next `<`,
or a file of unfinished cases would be searched to its end from each of them."""
END = rf"{SPACE}(?:/>|>{SPACE}(?:<system-out>{PRINTED}</system-out>{SPACE})?+</testcase>){SPACE}"
NAME = r"[A-Za-z_][A-Za-z0-9_.-]*+"
NAMES = re.compile(rf' ({NAME})="')
CASE = re.compile(rf'<testcase((?: {NAME}="{VALUE}")++){END}')
"""Nothing is given back (`*+`), so that a hostile file takes no longer than another."""


@dataclass(slots=True)
class Plain:
    """A report without its plain cases, and those: `words` as in `Cases`, `width` words each."""

    rest: bytes
    words: list[str]
    width: int
    runs: deque[int]
    """How many cases stood at each mark that was not come by yet."""
    _taken: int = 0

    def next_run(self) -> list[str]:
        """Return the words of the cases that stood at the next mark."""
        start = self._taken
        self._taken += self.runs.popleft() * self.width
        return self.words[start : self._taken]


def taken_out(body: bytes) -> Plain | None:
    """Return the report without the plain cases that are like its first one; None if it has none.

    The bytes are looked at as characters of ISO-8859-1, so that the rest stays what it was in
    whatever encoding; in one that does not extend ASCII no case is found.
    """
    text = body.decode("latin-1")
    first = CASE.search(text)
    names = NAMES.findall(first[1]) if first else []
    if len(set(names)) < max(1, len(names)) or MARK in text:
        return None
    parts = _like(tuple(names)).split(text)
    gaps = parts[:: len(names) + 1]
    if not gaps[0] or not gaps[-1]:
        return None
    kept = [at for at, gap in enumerate(gaps) if gap]
    rest = f"<{MARK}/>".join([gaps[at] for at in kept])
    runs = deque(after - before for before, after in pairwise(kept))
    return Plain(rest.encode("latin-1"), _words(names, parts), 2 * len(names), runs)


@lru_cache(maxsize=64)
def _like(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of plain cases with these attributes, a group a value."""
    attributes = "".join(f' {re.escape(name)}="({VALUE})"' for name in names)
    return re.compile(f"<testcase{attributes}{END}")


def _words(names: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Return names and values by turns; `parts` has the values of each case behind a gap."""
    width, step = 2 * len(names), len(names) + 1
    count = len(parts) // step
    words = [""] * (width * count)
    for at, name in enumerate(names):
        words[2 * at :: width] = [name] * count
        words[2 * at + 1 :: width] = parts[at + 1 :: step]
    return words
