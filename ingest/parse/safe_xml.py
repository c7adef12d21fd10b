"""Reading XML that nobody vouches for: one way to feed expat, with limits, and errors in words.

What the elements mean is the business of `ingest/parse/junit.py` and its like. Refused are a
DOCTYPE (and with it every entity and external file), nesting beyond DEPTH, and a tag, comment or
instruction beyond TOKEN_BYTES. Text is never gathered here, so a gigabyte of it costs no memory.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import BinaryIO, Protocol
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType, errors

from golive_core.errors import ReportError

Open = Callable[[], BinaryIO]
"""Opens the same bytes again from their start."""

DEPTH = 256
TOKEN_BYTES = 4 << 20
CHUNK_BYTES = 256 << 10

CUT_OFF = {
    errors.codes[name]
    for name in (
        errors.XML_ERROR_NO_ELEMENTS,
        errors.XML_ERROR_UNCLOSED_TOKEN,
        errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        errors.XML_ERROR_PARTIAL_CHAR,
    )
}
BAD_CHARACTER = {
    errors.codes[errors.XML_ERROR_INVALID_TOKEN],
    errors.codes[errors.XML_ERROR_BAD_CHAR_REF],
}
BAD_ENCODING = {
    errors.codes[errors.XML_ERROR_INCORRECT_ENCODING],
    errors.codes[errors.XML_ERROR_UNKNOWN_ENCODING],
}


class Mend(Enum):
    """What a second reading may repair: reporters write such files every day."""

    NOTHING = "read as it is"
    CONTROL = "control characters, and references to them, become spaces"
    LATIN = "bytes that are not UTF-8 are read as ISO-8859-1"
    UTF8 = "the encoding declared is not the one used"


class BrokenXmlError(ReportError):
    """XML that cannot be read; `mend` says what a second reading could try, if anything."""

    def __init__(self, what: str, *, path: str, line: int | None, mend: Mend) -> None:
        super().__init__(what, path=path, line=line)
        self.mend = mend


class Handlers(Protocol):
    """What receives the elements; it may set further handlers on the parser that it is given."""

    def attach(self, parser: XMLParserType) -> None:
        """Set the handlers, once, before the first byte."""
        ...

    def pause(self) -> None:
        """Look after what was gathered; called after every chunk."""
        ...


def feed(
    opened: Open, handlers: Handlers, *, path: str, mend: Mend = Mend.NOTHING
) -> Iterator[None]:
    """Parse the bytes, pausing after each chunk so that the caller may take what is there.

    Raises ReportError with path, line and reason; BrokenXmlError for what is not well-formed.
    """
    with _parser(path, mend) as parser:
        handlers.attach(parser)
        repair = _Repair() if mend in (Mend.CONTROL, Mend.LATIN) else None
        with opened() as stream:
            yield from _feed_all(parser, stream, handlers, repair, path)
        _parse(parser, repair.rest if repair else b"", path, is_last=True)
        yield


def _feed_all(
    parser: XMLParserType, stream: BinaryIO, handlers: Handlers, repair: _Repair | None, path: str
) -> Iterator[None]:
    fed = 0
    while chunk := stream.read(CHUNK_BYTES):
        if fed == 0:
            _look(chunk, path)
        chunk = repair.mended(chunk) if repair else chunk
        _parse(parser, chunk, path, is_last=False)
        fed += len(chunk)
        if fed - parser.CurrentByteIndex > TOKEN_BYTES:
            raise ReportError(
                f"a tag or comment is longer than {TOKEN_BYTES >> 20} MiB",
                path=path, line=parser.CurrentLineNumber,
            )  # fmt: skip
        handlers.pause()
        yield
    if not fed:
        raise ReportError("the file is empty", path=path)


@contextmanager
def _parser(path: str, mend: Mend) -> Generator[XMLParserType]:
    """Lend a parser; its handlers are dropped afterwards.

    They know the parser as it knows them, so a report and the parser's buffers would stay in
    memory until the garbage collector happens to come by.
    """
    parser = _made_parser(path, mend)
    try:
        yield parser
    finally:
        parser.StartDoctypeDeclHandler = None
        parser.StartElementHandler = None
        parser.EndElementHandler = None
        parser.CharacterDataHandler = None


def _made_parser(path: str, mend: Mend) -> XMLParserType:
    encoding = {Mend.LATIN: "iso-8859-1", Mend.UTF8: "utf-8"}.get(mend)
    parser = ParserCreate(encoding)
    parser.ordered_attributes = True
    parser.specified_attributes = True
    parser.buffer_text = True
    parser.buffer_size = 64 << 10

    def refuse(name: str, *_: object) -> None:
        what = "an HTML page" if name.lower() == "html" else "a DOCTYPE, which is refused"
        raise ReportError(f"the file holds {what}", path=path, line=parser.CurrentLineNumber)

    parser.StartDoctypeDeclHandler = refuse
    return parser


def too_deep(parser: XMLParserType, path: str) -> ReportError:
    """Return the error for nesting beyond DEPTH."""
    return ReportError(
        f"elements are nested deeper than {DEPTH}", path=path, line=parser.CurrentLineNumber
    )


def _look(start: bytes, path: str) -> None:
    """Say what the file is if it is plainly not XML, in better words than expat's."""
    head = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] in (b"{", b"["):
        raise ReportError("the file holds JSON, not XML", path=path, line=1)
    if not start.strip(b"\x00"):
        raise ReportError("the file holds NUL bytes only", path=path, line=1)


def _parse(parser: XMLParserType, chunk: bytes, path: str, *, is_last: bool) -> None:
    try:
        parser.Parse(chunk, is_last)
    except ExpatError as error:
        raise _broken(error, chunk, path) from None
    except (LookupError, ValueError) as error:
        what = f"its encoding cannot be read: {error}"
        raise BrokenXmlError(what, path=path, line=1, mend=Mend.UTF8) from error


def _broken(error: ExpatError, chunk: bytes, path: str) -> BrokenXmlError:
    line, code = error.lineno, error.code
    if code in CUT_OFF:
        return BrokenXmlError(f"truncated at line {line}", path=path, line=line, mend=Mend.NOTHING)
    mend = Mend.UTF8 if code in BAD_ENCODING else Mend.NOTHING
    if code in BAD_CHARACTER:
        mend = Mend.CONTROL if _is_utf8(chunk) else Mend.LATIN
    what = f"not well-formed XML: {errors.messages[code]}, column {error.offset + 1}"
    return BrokenXmlError(what, path=path, line=line, mend=mend)


def _is_utf8(chunk: bytes) -> bool:
    """Tell whether the bytes may be a piece of UTF-8: characters cut at its ends are allowed."""
    whole = chunk.lstrip(bytes(range(0x80, 0xC0))) if len(chunk) >= CHUNK_BYTES else chunk
    try:
        codecs.getincrementaldecoder("utf-8")().decode(whole)
    except UnicodeDecodeError:
        return False
    return True


CONTROLS = bytes(code for code in range(1, 32) if code not in (9, 10, 13))
TO_SPACES = bytes.maketrans(CONTROLS, b" " * len(CONTROLS))
REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF]"
    rb"|[dD][89a-fA-F][0-9a-fA-F]{2}));"
)
"""References to characters that XML 1.0 does not have. NUL bytes stay: they are a torn file."""
REFERENCE_BYTES = 16


class _Repair:
    """Replaces control characters in a stream of an encoding that extends ASCII."""

    def __init__(self) -> None:
        self.rest = b""

    def mended(self, chunk: bytes) -> bytes:
        """Return what can be passed on; the start of a reference at the end waits in `rest`."""
        whole = self.rest + chunk
        cut = whole.rfind(b"&", -REFERENCE_BYTES) if len(whole) > 1 else -1
        done, self.rest = (whole, b"") if cut < 0 else (whole[:cut], whole[cut:])
        return REFERENCE.sub(b" ", done.translate(TO_SPACES))
