"""How bad one line of an output says it is, and what kind of a line it is. It alone is read.

Compilers, linters, build tools and runtimes name a level in few ways: at the head of the line,
behind a place in a file, in brackets, as an attribute, or as the letter of a code. The words are
in `line_level_rules.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Level = Literal["fatal", "error", "major", "warning", "minor", "note", "finding", "none"]
WORTH: dict[Level, float] = {
    "fatal": 6.0, "error": 5.0, "major": 4.0, "warning": 3.0, "finding": 2.6, "minor": 1.6,
    "note": 0.8, "none": 0.0,
}  # fmt: skip
"""What a level is worth. A finding has a place and a message, but no level."""
BARE, SURE, LIKELY = 3.6, 4.6, 3.2
"""What a line without a level is worth that says error somewhere, or what only an error says."""
WORDLESS = 0.5
"""What a level without a word beside it is worth."""
RULES = Path(__file__).with_name("line_level_rules.toml")
LONGEST = 4_000
"""Characters of a line that are read."""

PLACE = (
    r"(?:[\w.~@+-]*[/\\]|[A-Za-z]:)?[^\s:\"'<>|()\[\]]*[\w\]]\.\w{1,10}"
    r"(?::\d+(?:[.:]\d+)*(?:-\d+)?:?|\(\d+(?:,\s*\d+)?\)|:\s?[\[(]\d+(?:,\s?\d+)?[\])])"
)
"""A place in a file: path:12, path:12:3, path(12), path:[12,3], path: (12, 3)."""
QUOTED_PLACE = r"\"?[\w./\\-]+\.\w{1,6}\"?,\s?(?:line )?\d+|\bline \d+, (?:column|position) \d+"
TAIL = r"\s*(?:[A-Z]{1,10}-?\d+\w*|#\d+)?\s*(?:\[[^\]]{0,80}\]|\([^)]{0,80}\))?\s*(?:[:|]|$)"
"""What may stand between a level and its message: a code, with or without brackets."""
PREFIX = (
    r"(?:\[[^\]\s]{1,40}\]\s*|\(?\d[\d:.,TZ+-]{3,}\)?\s+|[#*>|-]+\s*|\d+[.)] |[\w.-]{1,30}: ?"
    r"|[A-Z]\w+ )"
)
"""What may stand before a level: a tool, a time, a number, a bullet."""
SCALE: dict[str, Level] = {
    "5": "error", "4": "warning", "3": "warning", "2": "minor", "1": "note", "0": "note",
}  # fmt: skip
"""Numbered severities, 5 the gravest (perlcritic, flawfinder)."""
LETTERS: dict[str, Level] = {
    "F": "fatal", "E": "error", "W": "warning", "C": "minor", "R": "minor", "I": "note",
    "K": "note",
}  # fmt: skip
"""First letters of codes of four digits and of one-letter levels (pylint, rflint, glog)."""
CODE = re.compile(r"[\[\s(:]([FEWCRI])(\d{4})\b")
SHORT_CODE = re.compile(r"[\[\s(:][A-Z]{1,4}\d{3}\b")
DIAGNOSTIC = re.compile(r"\b(?:ORA|PLW|PLS|SQL|TS|CS|MSB|NU|LNK|JSE|HHH)-?\d{3,5}\b:")
LETTER = re.compile(r"^\s*(?:\[\w+\] )?([EWIFK]): |\(([EWF])\)")
NUMBERED = re.compile(r"severity:? ?([0-5])\b|:\d+:\s+\[([0-5])\] \(", re.IGNORECASE)
THROWN = re.compile(
    r"^\s*(?:E\s+|Caused by: |Exception in thread \"[^\"]*\" |Unhandled exception\.? ?|Uncaught )*"
    r"(?:[\w$]+[.:\\]{1,2})*[A-Z][\w$]*(?:Error|Exception|Failure|Exit|Interrupt|Panic)\b(?=:|$)"
)
CAUSED = re.compile(r"^\s*Caused by: ")
TAG = re.compile(
    r"<(error|failure|violation|issue|duplication|mutation|defect|bug\w*|\w*viol|problem|finding)\b"
    r"[^>]*\w=",
    re.IGNORECASE,
)
ATTRIBUTE = re.compile(r"\b(?:message|msg|reason|desc|description)=", re.IGNORECASE)
ERROR_TAGS = ("error", "failure")
FRAME = re.compile(
    r"^\s*(?:at [\w$.<>/]+[\w$<>]*\(|File \".*\", line \d+|#\d+ |\.\.\. \d+ more|from .*:\d+"
    r"|\[<[0-9a-f]+>\]|goroutine \d+|In file included from|instantiated from)"
)
ECHO = re.compile(r"^[\s|>\d]*[\^~]+[\s^~-]*$")
RULER = re.compile(r"^\W*$")
COMMAND = re.compile(
    r"^\s*(?:\+ |\$ |>+ )|^\s*(?:Downloading|Downloaded|Progress|Compiling|Unpacking)\b"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One line: its level, what it is worth, and what it is.

    `says` is what is left of it behind level and place; empty for one whose message is below.
    """

    level: Level
    worth: float
    reasons: tuple[str, ...]
    is_place: bool = False
    is_head: bool = False


@cache
def _rules() -> dict[str, re.Pattern[str]]:
    found = tomllib.loads(RULES.read_text())
    lists: dict[str, list[str]] = {
        "sure": found["says"]["sure"], "likely": found["says"]["likely"],
        "sums_up": found["sums_up"]["says"], "harmless": found["harmless"]["says"],
    }  # fmt: skip
    return {name: re.compile("|".join(says), re.IGNORECASE) for name, says in lists.items()}


@cache
def words() -> dict[str, Level]:
    """Return the level of each word that names one, by the word in small letters."""
    found: dict[Level, list[str]] = tomllib.loads(RULES.read_text())["words"]
    return {word: level for level, those in found.items() for word in those}


@cache
def _named() -> tuple[re.Pattern[str], ...]:
    """Return the patterns whose first group is a word of a level, the surest first."""
    word = "|".join(sorted(words(), key=len, reverse=True))
    kinds = (
        rf"^\s*{PREFIX}{{0,4}}?[\[(<]({word})[\])>]",
        rf"^\s*{PREFIX}{{0,4}}?({word}){TAIL}",
        rf"(?<![\w./\\-])({word}){TAIL}(?<=[:|])",
        rf"[\[(<]({word})[\])>]",
        rf"(?:severity|level|priority)[\"']?\s*[:=>-]\s*[\"']?({word})\b",
        rf"^\s*{PREFIX}{{0,4}}?({word}) (?:in|at)\b",
    )
    return tuple(re.compile(kind, re.IGNORECASE) for kind in kinds)


BARE_WORD = re.compile(
    r"(?<![\w./\\-])(?:error|fatal|fail|failed|failure|exception|panic)s?(?![\w./\\=(-])",
    re.IGNORECASE,
)
MESSAGE = re.compile(r"[^\W\d_]{2,}")


@cache
def _place() -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s\[(\"']){PLACE}|{QUOTED_PLACE}")


def judged(line: str) -> Judged:
    """Return what one line says of itself."""
    text = line[:LONGEST]
    if RULER.match(text) or ECHO.match(text):
        return Judged("none", -1.0, ())
    if FRAME.match(text):
        return Judged("none", -0.5, ("a frame of a stack",))
    place = _place().search(text)
    level, why = level_of(text)
    worth, reasons = _worth(text, level, why, is_place=place is not None)
    is_head = bool(level != "none" or place) and _is_head(text, place)
    if is_head and not MESSAGE.search(text.replace(why, "", 1)):
        worth = min(worth, WORDLESS)
    return Judged(level, worth, reasons, place is not None, is_head)


def level_of(text: str) -> tuple[Level, str]:
    """Return the level that a line names, and the word that names it."""
    for pattern in _named():
        found = pattern.search(text)
        if found:
            return words()[found[1].lower()], found[1]
    return _by_code(text)


def _by_code(text: str) -> tuple[Level, str]:
    if found := NUMBERED.search(text):
        return SCALE[found[1] or found[2]], found[0].strip()
    if found := LETTER.search(text):
        return LETTERS[found[1] or found[2]], found[0].strip()
    if found := CODE.search(text):
        return LETTERS[found[1]], f"{found[1]}{found[2]}"
    if found := THROWN.match(text):
        return "error", found[0].strip()
    if found := TAG.search(text):
        return ("error" if found[1].lower() in ERROR_TAGS else "warning"), found[1]
    return "none", ""


def _worth(text: str, level: Level, why: str, *, is_place: bool) -> tuple[float, tuple[str, ...]]:
    """Return what a line is worth, with the reasons."""
    rules = _rules()
    if rules["harmless"].search(text):
        return 0.3, ("says that nothing is wrong",)
    worth, reasons = WORTH[level], [f"{level}: {why}"] if why else []
    for bonus in (_said(text, level), _thrown(text)):
        worth, reasons = max(worth, bonus[0]) + bonus[1], reasons + bonus[2]
    if is_place and worth >= WORTH["note"]:
        worth, reasons = worth + 0.4, [*reasons, "names a place"]
    elif is_place and not COMMAND.match(text):
        worth, reasons = WORTH["finding"], ["names a place"]
    if rules["sums_up"].search(text):
        worth, reasons = min(worth, 4.0) - 2.5, [*reasons, "only sums up"]
    return worth, tuple(reasons)


Bonus = tuple[float, float, list[str]]
"""At least so much, so much on top, and why."""


def _said(text: str, level: Level) -> Bonus:
    rules = _rules()
    if level == "note":
        return 0.0, 0.0, []
    if found := rules["sure"].search(text):
        return SURE, 0.2, [f"says “{found[0].strip()}”"]
    if found := rules["likely"].search(text):
        return (LIKELY if level == "none" else 0.0), 0.1, [f"says “{found[0].strip()[:60]}”"]
    return _hinted(text) if level == "none" else (0.0, 0.0, [])


def _hinted(text: str) -> Bonus:
    """Return what a line is worth that names no level and says nothing telling."""
    if DIAGNOSTIC.search(text):
        return LIKELY, 0.2, ["bears a diagnostic's code"]
    if found := BARE_WORD.search(text):
        return BARE, 0.0, [f"says “{found[0]}”"]
    if SHORT_CODE.search(text):
        return WORTH["finding"], 0.0, ["bears a rule's code"]
    return 0.0, 0.0, []


def _thrown(text: str) -> Bonus:
    if CAUSED.match(text):
        return 0.0, 0.5, ["the inner cause"]
    return (0.0, 0.3, ["an exception"]) if THROWN.match(text) else (0.0, 0.0, [])


def _is_head(text: str, place: re.Match[str] | None) -> bool:
    """Tell whether a line with a level or a place has its message below it."""
    stripped = text.rstrip()
    if TAG.search(text):
        return (
            not ATTRIBUTE.search(text) and stripped.endswith((">", '"', "'")) and "</" not in text
        )
    behind = stripped[place.end() :] if place else stripped
    for pattern in _named()[:2]:
        found = pattern.search(behind if place else stripped)
        if found:
            behind = behind[found.end() :] if place else stripped[found.end() :]
    has_message = bool(MESSAGE.search(behind))
    return (
        not has_message
        or stripped.endswith(("):", ":", "(at line"))
        or bool(AT_LINE.search(stripped))
    )


AT_LINE = re.compile(r"\(at line \d+\)$")
