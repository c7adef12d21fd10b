"""Reports as text, XML and JSON of many lines: which line has the message of which severity.

A field that names a severity speaks for the record that it is in: the lines around it that are
indented as deep or deeper. What fields with a message say is worth that severity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from models.line_levels import WORTH, Judged, Level, words

KEYS = r"message|msg|description|summary|title|text|reason|what|detail|problem_class|violationtype"
MESSAGE = re.compile(
    rf"^\s*(?:\"(?:{KEYS})\"\s*:\s*\".|<(?:{KEYS})\b[^>]*>\s*[^<\s])", re.IGNORECASE
)
PLIST = re.compile(r"^\s*<key>(?:description|message)</key>\s*<string>[^<]")
SEVERITY = re.compile(
    r"^\s*(?:\"(?:severity|level|priority)\"\s*:\s*\"|<(?:severity|level|priority)>)([\w]+)"
    r"[^{}]{0,3}(?:</\w+>)?,?\s*$",
    re.IGNORECASE,
)
SCORE = re.compile(
    r"^\s*\"(?:cvss|scorev3|score|basescore)\"\s*:\s*\"?(\d+(?:\.\d+)?)", re.IGNORECASE
)
RATINGS: tuple[tuple[float, Level], ...] = (
    (9.0, "fatal"), (7.0, "error"), (4.0, "warning"), (0.1, "minor"),
)  # fmt: skip
"""Severity ratings of CVSS v3.1, section 5."""
OPENS = re.compile(r"^\s*(?:<\?xml|<!DOCTYPE|<\w[\w:-]*(?:\s[^>]*)?>|[{\[]\s*(?:[{\[\"]|$))")
REACH = 200
"""Lines of a record that are looked at on either side of its severity."""


def is_document(lines: Sequence[str]) -> bool:
    """Tell whether the lines are those of one XML or JSON document."""
    first = next((line for line in lines if line.strip()), "").lstrip("\ufeff")
    last = next((line for line in reversed(lines) if line.strip()), "").rstrip()
    return bool(OPENS.match(first)) and last.endswith((">", "}", "]")) and not _is_whole(first)


def _is_whole(line: str) -> bool:
    """Tell whether a line is a JSON document of its own: a log of one such a line is none."""
    opened, closed = (sum(map(line.count, signs)) for signs in ("{[", "}]"))
    return opened > 0 and opened == closed


def messages(lines: Sequence[str]) -> dict[int, Judged]:
    """Return what the fields with a message are worth, by index of their line."""
    found = {
        at: Judged("finding", WORTH["finding"], ("a message",))
        for at, line in enumerate(lines)
        if MESSAGE.match(line) or PLIST.match(line)
    }
    for at, level in _severities(lines):
        for index in _of_record(lines, at, found):
            if WORTH[level] > found[index].worth or found[index].level == "finding":
                found[index] = Judged(level, WORTH[level], (f"a message of severity {level}",))
    return found


def _severities(lines: Sequence[str]) -> Iterator[tuple[int, Level]]:
    for at, line in enumerate(lines):
        if named := SEVERITY.match(line):
            level = words().get(named[1].lower())
            if level:
                yield at, level
        elif scored := SCORE.match(line):
            rated: Level | None = next(
                (one for least, one in RATINGS if float(scored[1]) >= least), None
            )
            if rated:
                yield at, rated


def _of_record(lines: Sequence[str], at: int, found: dict[int, Judged]) -> list[int]:
    """Return the messages of the record around a line: those as deep as it, else deeper ones."""
    depth = _depth(lines[at])
    inside = [at]
    for step in (-1, 1):
        index = at + step
        while 0 <= index < len(lines) and abs(index - at) <= REACH:
            if lines[index].strip() and _depth(lines[index]) < depth:
                break
            inside.append(index)
            index += step
    those = sorted(index for index in inside if index in found)
    level_with = [index for index in those if _depth(lines[index]) == depth]
    return level_with or those[:1]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
