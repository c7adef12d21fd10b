"""Elements out of an XML report of any size, one after the other, in bounded memory.

A record (a test case, a source file) is handed over whole with the elements that it stands in;
nothing else is kept. Limits and errors are those of `ingest/parse/safe_xml.py`, but a DOCTYPE is
borne, since coverage reports have one: it is not followed, and an entity in it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers.expat import XMLParserType

from golive_core.errors import ReportError
from ingest.parse.report_rows import TEXT_CHARS, Body
from ingest.parse.safe_xml import DEPTH, feed, too_deep

NODES = 1_000_000
"""Elements of one record at most."""


@dataclass(slots=True)
class Element:
    """An element by its local name, with what is in it if it is part of a record."""

    tag: str
    said: dict[str, str]
    children: list[Element] = field(default_factory=list["Element"])
    texts: list[str] = field(default_factory=list[str])
    chars: int = 0

    def get(self, name: str) -> str:
        """Return an attribute, "" if it is not there."""
        return self.said.get(name, "")

    def find(self, *tags: str) -> Element | None:
        """Return the first child of the first tag, its first child of the second, and so on."""
        found: Element | None = self
        for tag in tags:
            found = next((one for one in found.children if one.tag == tag), None) if found else None
        return found

    def all(self, tag: str) -> Iterator[Element]:
        """Yield the children with a tag."""
        return (one for one in self.children if one.tag == tag)

    def text(self, *tags: str) -> str:
        """Return the stripped text of the element there, "" if there is none."""
        found = self.find(*tags)
        return "".join(found.texts).strip() if found else ""


class Record(NamedTuple):
    """An element and those around it, the root first."""

    element: Element
    above: tuple[Element, ...]

    def near(self, tag: str) -> Element | None:
        """Return the innermost element around it with a tag."""
        return next((one for one in reversed(self.above) if one.tag == tag), None)


def records(body: Body, *tags: str) -> Iterator[Record]:
    """Yield the outermost elements with one of the tags, in order.

    Raises ReportError with path, line and reason; BrokenXmlError for what is not well-formed.
    """
    gathering = _Gathering(body.path, frozenset(tags))
    for _ in feed(body.open, gathering, path=body.path, mend=body.mend):
        yield from gathering.done
        gathering.done.clear()


class _Gathering:
    """The handlers; see `safe_xml.Handlers`."""

    def __init__(self, path: str, tags: frozenset[str]) -> None:
        self.done: list[Record] = []
        self._path, self._tags = path, tags
        self._open: list[Element] = []
        self._level = self._nodes = 0

    def attach(self, parser: XMLParserType) -> None:
        """Set the handlers."""
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity

    def pause(self) -> None:
        """Nothing is left to do between chunks."""

    def _doctype(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            raise self._error("the file holds an HTML page")

    def _entity(self, *_: object) -> None:
        raise self._error("the file declares an entity, which is refused")

    def _error(self, what: str) -> ReportError:
        return ReportError(what, path=self._path, line=self._parser.CurrentLineNumber)

    def _start(self, tag: str, attributes: list[str]) -> None:
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        one = Element(tag.rpartition(":")[2], {key.rpartition(":")[2]: said for key, said in pairs})
        if len(self._open) >= DEPTH:
            raise too_deep(self._parser, self._path)
        if self._level:
            self._open[-1].children.append(one)
            self._nodes += 1
            if self._nodes > NODES:
                raise self._error(f"an element has more than {NODES:,} others in it")
        self._open.append(one)
        if not self._level and one.tag in self._tags:
            self._level, self._nodes = len(self._open), 0

    def _end(self, _: str) -> None:
        one = self._open.pop()
        if self._level == len(self._open) + 1:
            self._level = 0
            self.done.append(Record(one, tuple(self._open)))

    def _text(self, said: str) -> None:
        if self._level:
            one = self._open[-1]
            if one.chars < TEXT_CHARS:
                one.texts.append(said)
                one.chars += len(said)
