"""Values out of a JSON document of any size, one after the other, in bounded memory.

What is asked for is decoded whole (a test, a finding) by the decoder of the standard library;
what is around it is only walked through. What the values mean is the parser's business.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from golive_core.errors import ReportError
from ingest.parse.safe_xml import Open

Place = tuple[str, ...]
"""Keys and, as digits, numbers of elements; in what is asked for, `*` is any."""
CHUNK_BYTES = 1 << 18
VALUE_CHARS = 16 << 20
DEPTH = 64
"""Levels that are walked; a value asked for may have a few hundred more."""
SPACE = re.compile(r"[ \t\n\r]*")
SLACK = 16
"""An error so close to the end of what was read may only mean that more is to come."""


def values(
    opened: Open, *wanted: str, path: str
) -> Iterator[tuple[Place, object]]:  # fmt: skip
    """Yield place and value of everything at `wanted`, like `runs.*.results.*`, in order.

    The empty text is the whole document. Raises ReportError with path, line and reason.
    """
    places = [tuple(one.split(".")) if one else () for one in wanted]
    with opened() as stream:
        reader = _Reader(stream, path)
        if not reader.peek():
            raise ReportError("the file is empty", path=path)
        yield from reader.walk((), places)
        if reader.peek():
            raise reader.error("something follows the end of the document")


class _Reader:
    """The text from where it was read to; `line` counts what is behind."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._text, self._at, self._line, self._ended = "", 0, 1, False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._scan = json.JSONDecoder().raw_decode

    def error(self, what: str, at: int | None = None) -> ReportError:
        line = self._line + self._text.count("\n", 0, self._at if at is None else at)
        return ReportError(what, path=self._path, line=line)

    def peek(self) -> str:
        """Return the next character that is not a space, "" at the end."""
        while True:
            found = SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def walk(self, place: Place, wanted: Sequence[Place]) -> Iterator[tuple[Place, object]]:
        """Yield what is wanted of the value that begins here."""
        if len(place) > DEPTH:
            raise self.error(f"it is nested deeper than {DEPTH}")
        first = self.peek()
        if any(len(one) == len(place) for one in wanted):
            yield place, self._value()
        elif first in ("{", "[") and (wanted or not self._skipped()):
            yield from self._container(place, wanted, first)
        elif first not in ("{", "["):
            self._value()

    def _container(
        self, place: Place, wanted: Sequence[Place], first: str
    ) -> Iterator[tuple[Place, object]]:  # fmt: skip
        self._at += 1
        end, number, level = "}" if first == "{" else "]", 0, len(place)
        if self.peek() == end:
            self._at += 1
            return
        while True:
            key = self._key() if first == "{" else str(number)
            below = [one for one in wanted if one[level] in ("*", key)]
            yield from self.walk((*place, key), below)
            number += 1
            mark = self.peek()
            self._at += 1
            if mark == end:
                return
            if mark != ",":
                raise self._unexpected(mark)

    def _key(self) -> str:
        if self.peek() != '"':
            raise self._unexpected(self.peek())
        key = str(self._value())
        if self.peek() != ":":
            raise self._unexpected(self.peek())
        self._at += 1
        return key

    def _unexpected(self, mark: str) -> ReportError:
        if not mark:
            return self.error("truncated: the document breaks off")
        return self.error(f"not JSON: {mark!r} is out of place")

    def _skipped(self) -> bool:
        """Step over a value that nobody wants if all of it has been read already."""
        try:
            _, end = self._scan(self._text, self._at)
        except (ValueError, RecursionError):
            return False
        self._at = end
        return True

    def _value(self) -> object:
        """Return the value that begins here, reading on until all of it is there."""
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                self._complain(error)
            except RecursionError:
                raise self.error("it is nested too deeply") from None
            except ValueError as error:
                raise self.error(f"not JSON: {error}"[:200]) from None
            else:
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
            if len(self._text) - self._at > VALUE_CHARS:
                raise self.error(f"a value is longer than {VALUE_CHARS >> 20} MiB")
            self._more()

    def _complain(self, error: json.JSONDecodeError) -> None:
        """Raise if no more text can mend it."""
        slack = 0 if self._ended else SLACK
        is_open = error.msg.startswith("Unterminated") or (
            error.pos >= len(self._text.rstrip()) - slack
        )
        if self._ended and is_open:
            raise self.error("truncated: the document breaks off", len(self._text)) from None
        if not is_open:
            raise self.error(f"not JSON: {error.msg}", error.pos) from None

    def _more(self) -> None:
        """Read as much again as is there, at least a chunk, and drop what is behind."""
        chunk = self._stream.read(max(CHUNK_BYTES, len(self._text) - self._at))
        if self._decoder is None:
            is_wide = chunk[:2] in (b"\xff\xfe", b"\xfe\xff")
            name = "utf-16" if is_wide else "utf-8-sig"
            self._decoder = codecs.getincrementaldecoder(name)("replace")
        self._ended = not chunk
        self._line += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + self._decoder.decode(chunk, final=not chunk)
        self._at = 0
