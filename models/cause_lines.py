"""Which lines of a log name the cause of a failure: all its lines in, the telling ones first out.

Each line has the worth of its level (`models/line_levels.py`). A line that names a place or a level
only passes it on to the line with the message; what has been said before counts less; a line that
good runs log too counts little, one that none of them logged counts more. Equally telling lines
stand in their order, since later ones often follow from the first. In XML and JSON documents the
severity of a record counts for its message (`models/line_documents.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from models import line_documents, line_levels
from models.line_levels import ECHO, RULER, Judged, judged
from models.log_templates import masked

MOST = 4_000
"""Lines that are judged one by one; of more candidates the first and the last."""
BELOW = 6
"""Lines below a head in which its message stands."""
SAID_AGAIN, AGAIN_MOST = 0.8, 1.6
"""What a line loses for each line before it that says the same, and at most."""
IN_GOOD, NEW = 3.0, 1.0
"""What a line loses that good runs log, and gains that none of them logged."""
CANDIDATE = (
    r"(?i)err|fail|fatal|panic|crit|emerg|alert|blocker|sever|warn|bug|exception|high|major|"
    r"medium|moderate|low|minor|style|note|info|hint|remark|question|obsolesc|undefined|unresolved|"
    r"unknown|invalid|missing|unexpected|mismatch|denied|refused|cannot|can't|could not|unable|"
    r"not found|no such|fault|killed|abort|expected|conflict|exit|time|memory|assert|violation|"
    r"message|description|summary|title|reason|duplication|mutation|defect|\w\.\w{1,10}[:(]\[?\d|"
    r"line \d|[ \[(:][A-Z]{1,5}-?\d{3,5}\b|●|^\s*(?:received|actual|want|got)\b|^e\s|"
    r"^\s*\W?[EWIF]: |\([EWF]\)"
)
"""A cheap look at each line; what does not have this is worth nothing by itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that may name the cause: its number from 1, its text, why it was chosen."""

    number: int
    text: str
    score: float
    level: str
    reasons: tuple[str, ...]


def rank(lines: pl.Series, *, known: pl.Series | None = None, limit: int = 50) -> list[Line]:
    """Return the telling lines of a log, most telling first, at most `limit`.

    `lines` (String) are all lines in order, without control sequences. `known` (Boolean, a value a
    line) tells which of them good runs of the same pipeline log too; without it nothing is
    contrasted. A log in which no line tells anything gives its last lines.
    """
    texts = lines.fill_null("").to_list()
    is_document = line_documents.is_document(texts)
    found = _document(texts) if is_document else _console(lines, texts)
    found = {at: one for at, one in found.items() if one.worth > 0}
    if not found:
        return _ends(texts, min(limit, 5), is_document=is_document)
    order = sorted(found)
    words = masked(pl.Series([texts[at] for at in order], dtype=pl.String)).to_list()
    also = None if known is None else known.gather(order).to_list()
    scored = _scored(order, words, found, also)
    ranked = sorted(scored, key=lambda one: (-one.score, one.number))[:limit]
    return [replace(one, text=texts[one.number - 1].strip()) for one in ranked]


def _console(lines: pl.Series, texts: list[str]) -> dict[int, Judged]:
    told = lines.fill_null("").str.slice(0, line_levels.LONGEST).str.contains(CANDIDATE)
    at = told.arg_true().to_list()
    if len(at) > MOST:
        at = at[: MOST // 2] + at[-MOST // 2 :]
    found = {index: judged(texts[index]) for index in at}
    return _passed_on(texts, found)


def _document(texts: list[str]) -> dict[int, Judged]:
    """Return the messages of a document, and its records whose whole text stands on a line."""
    found = {at: judged(text) for at, text in enumerate(texts) if _is_record(text)}
    return _passed_on(texts, found) | line_documents.messages(texts)


RECORD = re.compile(
    r"severity=|\bmessage=|\bmsg=|\breason=|\"severity\" *:.*\"message\"|\"level\" *:.*\"message\""
)


def _is_record(text: str) -> bool:
    return bool(line_levels.TAG.search(text) or RECORD.search(text))


def _passed_on(texts: Sequence[str], found: dict[int, Judged]) -> dict[int, Judged]:
    """Return the lines with the worth of heads given to the line with their message."""
    passed = dict(found)
    for at in sorted(found):
        head = found[at]
        if not head.is_head or head.worth <= 0:
            continue
        message, echoes = _message_of(texts, at, found)
        for echo in echoes:
            passed[echo] = Judged("none", -1.0, ())
        if message is not None and passed.get(message, NOTHING).worth < head.worth + 0.1:
            reasons = (*head.reasons, f"of line {at + 1}")
            passed[message] = Judged(head.level, head.worth + 0.1, reasons)
    return passed


NOTHING = Judged("none", 0.0, ())


def _message_of(
    texts: Sequence[str], head: int, found: dict[int, Judged]
) -> tuple[int | None, list[int]]:
    """Return where the message of a head stands, and the lines of source shown before it."""
    below = range(head + 1, min(len(texts), head + 1 + BELOW))
    caret = next((at for at in below if _is_echo(texts[at])), None)
    own = next((at for at in below if _has_level(found.get(at))), None)
    if caret is not None and (own is None or caret < own):
        message = next((at for at in range(caret + 1, caret + 3) if _is_words(texts, at)), None)
        return message, list(range(head + 1, caret + 1))
    message = next((at for at in below if _is_words(texts, at)), None)
    return (None, []) if message == own else (message, [])


def _has_level(one: Judged | None) -> bool:
    return one is not None and one.level != "none" and one.worth > 0


def _is_words(texts: Sequence[str], at: int) -> bool:
    text = texts[at] if at < len(texts) else ""
    return bool(line_levels.MESSAGE.search(text)) and not RULER.match(text)


def _is_echo(text: str) -> bool:
    return bool(ECHO.match(PREFIXED.sub("", text)))


PREFIXED = re.compile(r"^\s*(?:\[\w+\]\s*)+")


def said_before(lines: pl.Series, good: pl.Series) -> pl.Series:
    """Return which lines a good run's log has too, values apart: what `rank` takes as `known`."""
    return masked(lines).is_in(masked(good).drop_nulls().unique().implode())


def _scored(
    order: Sequence[int], words: Sequence[str], found: dict[int, Judged],
    known: Sequence[bool | None] | None,
) -> list[Line]:  # fmt: skip
    """Return the lines with their scores: less for what was said before or by good runs."""
    said: dict[str, int] = {}
    lines: list[Line] = []
    for place, (at, text) in enumerate(zip(order, words, strict=True)):
        one, times = found[at], said.get(text, 0)
        said[text] = times + 1
        score = one.worth - min(AGAIN_MOST, SAID_AGAIN * times)
        more, why = _contrast(known[place] if known is not None else None)
        lines.append(Line(at + 1, "", score + more, one.level, (*one.reasons, *why)))
    return lines


def _contrast(is_known: bool | None) -> tuple[float, tuple[str, ...]]:
    if is_known is None:
        return 0.0, ()
    return (-IN_GOOD, ("good builds log it too",)) if is_known else (NEW, ("no good build has it",))


def _ends(texts: Sequence[str], count: int, *, is_document: bool) -> list[Line]:
    """Return the lines with which a log ends, or a document's fields begin, that tells nothing."""
    inhabited = [at for at in range(len(texts)) if _is_words(texts, at)]
    fields = [at for at in inhabited if FIELD.match(texts[at])]
    chosen = (fields or inhabited)[:count] if is_document else inhabited[-count:]
    which = "first" if is_document else "last"
    reasons = (f"no line names an error; these are the {which}",)
    return [Line(at + 1, texts[at].strip(), 0.0, "none", reasons) for at in chosen]


FIELD = re.compile(r"^\s*(?:\"\w+\"\s*:\s*[^\[{\s]|<\w[\w-]*\s[^>]*=|<\w+>[^<\s])")
"""A line of a document that says something: a field with a value, an element with attributes."""


def grep(lines: pl.Series, word: str = "error") -> list[int]:
    """Return the numbers of the lines that `grep -i` would show, in order: what is to be beaten."""
    return [at + 1 for at in lines.fill_null("").str.to_lowercase().str.contains(word).arg_true()]
