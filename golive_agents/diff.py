"""A unified diff as files and numbered lines: what git prints, and what anybody else may send.

The numbers in the head of a hunk say how many lines follow, so no line of a file is taken for a
head, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
ESCAPE = re.compile(r"\\([0-7]{3}|.)")
LETTERS = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
NOWHERE = "/dev/null"
Kind = Literal["added", "modified", "deleted", "renamed"]
Mark = Literal["+", "-", " "]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a hunk; `number` is its place in the new file, in the old one where it is gone."""

    mark: Mark
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of a diff: its path after the change, before it where that differs, its lines."""

    path: str
    old_path: str
    kind: Kind
    lines: tuple[Line, ...]

    @property
    def added(self) -> frozenset[int]:
        """The numbers of the lines that are new in it."""
        return frozenset(one.number for one in self.lines if one.mark == "+")

    @property
    def insertions(self) -> int:
        """How many lines are new."""
        return sum(one.mark == "+" for one in self.lines)

    @property
    def deletions(self) -> int:
        """How many lines are gone."""
        return sum(one.mark == "-" for one in self.lines)


def parse(text: str) -> tuple[ChangedFile, ...]:
    """Return the files of a diff in its order; what is no diff has none."""
    return tuple(_files(_Reader(text.split("\n"))))


@dataclass(slots=True)
class _Reader:
    """Lines with a place among them."""

    lines: list[str]
    at: int = 0

    def peek(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def take(self) -> str:
        self.at += 1
        return self.lines[self.at - 1] if self.at <= len(self.lines) else ""


@dataclass(slots=True)
class _Head:
    """What the lines before the hunks of a file say."""

    old: str = ""
    new: str = ""
    is_new: bool = False
    is_gone: bool = False
    is_moved: bool = False

    def learn(self, line: str) -> None:
        """Take in one line."""
        self.is_new |= line.startswith("new file mode")
        self.is_gone |= line.startswith("deleted file mode")
        self.is_moved |= line.startswith("rename to ")
        for word, side in (("--- ", "old"), ("rename from ", "old"), ("+++ ", "new"),
                           ("rename to ", "new")):  # fmt: skip
            if line.startswith(word):
                setattr(self, side, _path(line.removeprefix(word), is_prefixed=word[0] in "-+"))

    def file(self, lines: tuple[Line, ...]) -> ChangedFile | None:
        """Return the file; None where no path is told."""
        kind = self._kind()
        path = self.old if kind == "deleted" else self.new
        old = self.old if kind == "renamed" else ""
        return ChangedFile(path, old, kind, lines) if path and path != NOWHERE else None

    def _kind(self) -> Kind:
        if self.is_gone or self.new == NOWHERE:
            return "deleted"
        if self.is_new or self.old == NOWHERE:
            return "added"
        return "renamed" if self.is_moved else "modified"


def _files(reader: _Reader) -> Iterator[ChangedFile]:
    head, lines, has_hunk = _Head(), list[Line](), False
    while reader.at < len(reader.lines):
        line = reader.take()
        is_next = has_hunk and line.startswith("--- ") and reader.peek().startswith("+++ ")
        if line.startswith("diff --git ") or is_next:
            if found := head.file(tuple(lines)):
                yield found
            head, lines, has_hunk = _git_head(line), [], False
        if found_hunk := HUNK.match(line):
            lines += _hunk(reader, *(int(one or 1) for one in found_hunk.groups()))
            has_hunk = True
        else:
            head.learn(line)
    if found := head.file(tuple(lines)):
        yield found


def _git_head(line: str) -> _Head:
    """Return a head with the path that git names first: files without lines have no other."""
    told = line.removeprefix("diff --git ")
    half = (len(told) - 1) // 2
    if not line.startswith("diff --git ") or told[half : half + 1] != " ":
        return _Head()
    path = _path(told[half + 1 :], is_prefixed=True)
    return _Head(path, path)


def _hunk(reader: _Reader, old: int, old_count: int, new: int, new_count: int) -> Iterator[Line]:
    """Yield the lines of a hunk, as many as its head tells."""
    old_end, new_end = old + old_count, new + new_count
    while (old < old_end or new < new_end) and reader.at < len(reader.lines):
        line = reader.take()
        mark = line[:1] or " "
        text = line[1:]
        if mark == "\\":
            continue
        if mark == "+":
            yield Line("+", new, text)
        elif mark == "-":
            yield Line("-", old, text)
        else:
            yield Line(" ", new, text)
        old += mark != "+"
        new += mark != "-"


def _path(told: str, *, is_prefixed: bool) -> str:
    """Return a path as the file system has it: without quotes, time and the letter of its side."""
    path = told.partition("\t")[0].rstrip("\r")
    if path.startswith('"') and path.endswith('"'):
        path = _unquoted(path[1:-1])
    is_sided = is_prefixed and path[:2] in {"a/", "b/"}
    return path[2:] if is_sided else path


def _unquoted(text: str) -> str:
    """Return a path that git quoted as C does: bytes that are not ASCII are octal numbers."""
    raw = bytearray()
    last = 0
    for found in ESCAPE.finditer(text):
        raw += text[last : found.start()].encode()
        code = found[1]
        is_octal = len(code) > 1
        raw += bytes([int(code, 8) & 255]) if is_octal else LETTERS.get(code, code).encode()
        last = found.end()
    return bytes(raw + text[last:].encode()).decode(errors="backslashreplace")
